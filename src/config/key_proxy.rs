//! `key_proxy`, of `[server]` for all issuers and of `[[issuer]]` for one.

use access_broker_base::document::{Located, Table};
use access_broker_identity::{HttpProxy, KeyProxy};

/// Reads `key_proxy`: the URL of a proxy, `none`, or `environment`.
pub(super) fn read(table: &mut Table<'_>) -> Option<KeyProxy> {
    let Located { value, location } = table.string("key_proxy")?;
    match value.as_str() {
        "none" => Some(KeyProxy::None),
        "environment" => Some(KeyProxy::Environment),
        url if url.contains("://") => match HttpProxy::parse(url) {
            Ok(proxy) => Some(KeyProxy::Through(proxy)),
            Err(error) => {
                table.report("key_proxy", &location, error);
                None
            }
        },
        // Without a scheme it may as well be a word that is meant to be one of these.
        _ => {
            let rule =
                "must be the URL of an HTTP proxy, such as \"http://proxy.example:3128\", \"environment\" or \"none\"";
            table.report("key_proxy", &location, rule);
            None
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
    fn an_issuer_has_its_own_proxy_or_that_of_all_or_that_of_the_environment() {
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
    fn the_api_server_of_the_cluster_is_reached_through_a_proxy_of_its_own_only() {
        assert_eq!(proxy(OF_ALL, "preset = 'kubernetes'"), KeyProxy::None);
        assert!(proxy("", "preset = 'kubernetes'\nkey_proxy = 'http://p.example:1'").proxy().is_some());
        assert!(proxy(OF_ALL, "preset = 'kubernetes'\njwks_url = 'https://api.example/keys'").proxy().is_some());
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_repeating_it() {
        for (server, issuer, setting) in [
            ("key_proxy = 'socks5://user:s3cret@proxy.example'", "", "test:2: server.key_proxy must be the URL"),
            ("key_proxy = 'user:s3cret@proxy:3128'", "", "test:2: server.key_proxy must be the URL"),
            ("", "key_proxy = 'no'", "key_proxy must be the URL"),
            ("", "jwks_file = 'k'\nkey_proxy = 'none'", "key_proxy must not be given where keys come from a file"),
        ] {
            let problems = parse(server, issuer).unwrap_err().to_string();
            assert!(problems.contains(setting) && !problems.contains("s3cret"), "{problems}");
        }
    }
}
