//! The differences between two configurations.

use std::fmt::Debug;

use super::Config;

impl Config {
    /// The sections whose settings differ in a newer configuration, except for `log.level`, which a running server can
    /// change. All others need a restart.
    #[must_use]
    pub(crate) fn sections_for_restart(&self, newer: &Self) -> Vec<&'static str> {
        // Every field is listed, so that a new one is not forgotten.
        let Self {
            server,
            limits,
            listeners,
            log,
            access_log,
            audit,
            attribution,
            quota,
            policy,
            issuers,
            required_issuers,
            buckets,
            http,
            warnings: _,
            redaction: _,
        } = self;
        let log_differs = log.format != newer.log.format || differ(access_log, &newer.access_log);
        let sections = [
            ("server", differ(server, &newer.server)),
            ("limits", differ(limits, &newer.limits)),
            ("listener", differ(listeners, &newer.listeners)),
            ("log", log_differs),
            ("audit", differ(audit, &newer.audit)),
            ("attribution", differ(attribution, &newer.attribution)),
            ("quota", differ(quota, &newer.quota)),
            ("policy", differ(policy, &newer.policy)),
            ("issuer", differ(issuers, &newer.issuers) || required_issuers != &newer.required_issuers),
            ("bucket", differ(buckets, &newer.buckets)),
            ("http", http.cors_origins != newer.http.cors_origins),
            ("presignedurl", http.presigned_url != newer.http.presigned_url),
        ];
        sections.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

/// Not all settings can be compared, but all can be printed.
fn differ(one: &impl Debug, other: &impl Debug) -> bool {
    format!("{one:?}") != format!("{other:?}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;
    use access_broker_base::document::Overrides;
    use access_broker_identity::PlainHttp;

    fn parse(sections: &str) -> Config {
        let text = format!(
            "{sections}\n[policy]\nfile = 'p'\n[[issuer]]\nissuer = 'https://a.example'\naudiences = 'a'\n\
             [[bucket]]\nname = 'media'\ns3_bucket = 'example-media'\nregion = 'eu-central-1'\n"
        );
        Config::parse("test", &text, Path::new(""), Overrides::new(), PlainHttp::Refused).unwrap()
    }

    #[test]
    fn only_the_level_of_the_log_needs_no_restart() {
        let differences = |one: &str, other: &str| parse(one).sections_for_restart(&parse(other));
        assert!(differences("", "").is_empty());
        assert!(differences("[log]\nlevel = 'info'", "# A comment.\n[log]\nlevel = 'debug'").is_empty());
        assert!(differences("", "[server]\ndrain_delay = '5s'").is_empty(), "the default, written out");
        assert_eq!(differences("[log]\nlevel = 'info'", "[log]\nlevel = 'debug'\nformat = 'text'"), ["log"]);
        assert_eq!(differences("", "[server]\ndrain_delay = '7s'\n[limits]\nmax_streams = 9"), ["server", "limits"]);
    }
}
