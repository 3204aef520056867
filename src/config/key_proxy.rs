//! `key_proxy`: in `[server]` for all issuers, in `[[issuer]]` for one.

use access_broker_base::document::{Located, Table};
use access_broker_identity::{HttpProxy, KeyProxy};

/// Reads `key_proxy`: the URL of a proxy, `none`, or `environment`.
pub(super) fn read(table: &mut Table<'_>, meaning: &'static str, absent: &'static str) -> Option<Located<KeyProxy>> {
    table
        .setting("key_proxy", meaning)
        .parsed("proxy", parse)
        .limits("the URL of an HTTP proxy, `environment` or `none`")
        .absent(absent)
        .optional()
}

fn parse(text: &str) -> Result<KeyProxy, String> {
    match text {
        "none" => Ok(KeyProxy::None),
        "environment" => Ok(KeyProxy::Environment),
        url if url.contains("://") => HttpProxy::parse(url).map(KeyProxy::Through).map_err(|error| error.to_string()),
        // Without a scheme it can also be a misspelt word.
        _ => {
            Err("must be the URL of an HTTP proxy, such as \"http://proxy.example:3128\", \"environment\" or \"none\""
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;
    use access_broker_base::document::{Overrides, Problems};
    use access_broker_identity::{KeyProxy, PlainHttp};

    fn parse(server: &str, issuer: &str) -> Result<Config, Problems> {
        let text = format!(
            "[server]\n{server}\n[policy]\nfile = 'p'\n[[issuer]]\nissuer = 'https://a.example'\naudiences = 'a'\n\
             {issuer}\n[[bucket]]\nname = 'media'\ns3_bucket = 'example-media'\nregion = 'eu-central-1'\n"
        );
        Config::parse("test", &text, Path::new(""), Overrides::new(), PlainHttp::Refused)
    }

    fn proxy(server: &str, issuer: &str) -> KeyProxy {
        parse(server, issuer).unwrap().issuers[0].key_proxy.clone()
    }

    const OF_ALL: &str = "key_proxy = 'http://user:s3cret@proxy.example:3128'";

    #[test]
    fn an_issuer_has_its_own_proxy_or_the_servers_or_that_of_the_environment() {
        assert_eq!(proxy("", ""), KeyProxy::Environment);
        assert_eq!(proxy("key_proxy = 'none'", ""), KeyProxy::None);
        let shown = |proxy: &KeyProxy| proxy.proxy().unwrap().to_string();
        assert_eq!(shown(&proxy(OF_ALL, "")), "http://proxy.example:3128");
        assert_eq!(shown(&proxy(OF_ALL, "key_proxy = 'https://other.example'")), "https://other.example:443");
        assert_eq!(proxy(OF_ALL, "key_proxy = 'none'"), KeyProxy::None);
        assert_eq!(proxy(OF_ALL, "key_proxy = 'environment'"), KeyProxy::Environment);
        assert!(!format!("{:?}", parse(OF_ALL, "").unwrap()).contains("s3cret"));
    }

    #[test]
    fn the_api_server_of_the_cluster_is_reached_only_through_the_issuers_own_proxy() {
        assert_eq!(proxy(OF_ALL, "preset = 'kubernetes'"), KeyProxy::None);
        assert!(proxy("", "preset = 'kubernetes'\nkey_proxy = 'http://p.example:1'").proxy().is_some());
        assert!(proxy(OF_ALL, "preset = 'kubernetes'\njwks_url = 'https://api.example/keys'").proxy().is_some());
    }

    #[test]
    fn an_invalid_proxy_is_refused_without_repeating_it() {
        for (server, issuer, setting) in [
            ("key_proxy = 'socks5://user:s3cret@proxy.example'", "", "test:2: server.key_proxy must be the URL"),
            ("key_proxy = 'user:s3cret@proxy:3128'", "", "test:2: server.key_proxy must be the URL"),
            ("", "key_proxy = 'no'", "key_proxy must be the URL"),
            ("", "jwks_file = 'k'\nkey_proxy = 'none'", "key_proxy cannot be combined with keys from a file"),
        ] {
            let problems = parse(server, issuer).unwrap_err().to_string();
            assert!(problems.contains(setting) && !problems.contains("s3cret"), "{problems}");
        }
    }
}
