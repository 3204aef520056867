//! What metrics show of signing credentials.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::samples::{as_flag, encode_counters, encode_gauges, encode_timestamps};
use crate::presign::credentials::{CredentialsCache, CredentialsStatus};

/// Credentials and what operators call them.
#[derive(Debug, Clone)]
pub struct NamedCredentials {
    /// The label `credentials`.
    pub name: Arc<str>,
    /// The credentials.
    pub cache: Arc<CredentialsCache>,
    /// Whether they are read from files that the configuration names.
    pub from_files: bool,
}

/// Reads the status of every cache at each scrape.
#[derive(Debug)]
pub(super) struct SigningCredentialsCollector(Vec<NamedCredentials>);

impl SigningCredentialsCollector {
    pub(super) const fn new(credentials: Vec<NamedCredentials>) -> Self {
        Self(credentials)
    }
}

impl Collector for SigningCredentialsCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // One reading for all metrics of a scrape, so that they agree.
        let statuses: Vec<_> = self.0.iter().map(|named| (&*named.name, named.cache.status())).collect();
        let of_files = self.0.iter().zip(&statuses).filter(|(named, _)| named.from_files).map(|(_, status)| status);
        encode_gauges(
            &mut encoder,
            "signing_credentials_files_in_force",
            "Whether the files with the signing credentials hold those in force: 1, or 0.",
            None,
            of_files.map(|(name, status)| ([("credentials", *name)], as_flag(status.last_refresh_is_good))),
        )?;
        encode_timestamps(
            &mut encoder,
            "signing_credentials_expiry_timestamp",
            "When the signing credentials in force end.",
            statuses.iter().map(|(name, status)| ([("credentials", *name)], status.expiry)),
        )?;
        encode_timestamps(
            &mut encoder,
            "signing_credentials_loaded_timestamp",
            "When the signing credentials in force came.",
            statuses.iter().map(|(name, status)| ([("credentials", *name)], status.loaded_at)),
        )?;
        encode_counters(
            &mut encoder,
            "signing_credentials_refreshes",
            "How often a provider of signing credentials was asked, by what came of it.",
            statuses.iter().flat_map(|(name, status)| refreshes(name, status)),
        )?;
        encode_counters(
            &mut encoder,
            "urls_cut_by_credentials",
            "Answers whose URLs end early, because the signing credentials do.",
            statuses.iter().map(|(name, status)| ([("credentials", *name)], status.urls_cut)),
        )
    }
}

fn refreshes<'n>(
    name: &'n str,
    status: &CredentialsStatus,
) -> impl Iterator<Item = ([(&'static str, &'n str); 2], u64)> + use<'n> {
    let labelled = status.refreshes.map(|(result, count)| ([("credentials", name), ("result", result.name())], count));
    labelled.into_iter()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use aws_credential_types::Credentials;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::clock::Clock;

    /// A clock that stands still, at 1,700,000,000.5 seconds after 1970.
    #[derive(Debug)]
    struct Standing;

    impl Clock for Standing {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500)
        }
    }

    /// The metrics of these credentials, and no others.
    fn text(credentials: Vec<NamedCredentials>) -> String {
        let mut registry = Registry::with_prefix("access_broker");
        registry.register_collector(Box::new(SigningCredentialsCollector::new(credentials)));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    fn named(name: &str, token: Option<&str>, life: Option<Duration>) -> NamedCredentials {
        let from_files = token.is_some();
        let (token, expiry) = (token.map(str::to_owned), life.map(|life| Standing.now() + life));
        let credentials = Credentials::new("ACCESSKEYID", "SECRETKEY", token, expiry, "test");
        let cache = CredentialsCache::new(credentials, Arc::new(Standing), Duration::from_hours(1));
        NamedCredentials { name: name.into(), cache: Arc::new(cache), from_files }
    }

    #[tokio::test]
    async fn every_metric_is_there_from_the_start_and_tells_the_state() {
        let temporary = named("temporary", Some("SESSIONTOKEN"), Some(Duration::from_hours(2)));
        let endless = named("endless", None, None);
        let credentials = || vec![temporary.clone(), endless.clone()];
        let before = text(credentials());
        assert!(!before.contains("_seconds{"), "{before}");
        temporary.cache.refresh().await.unwrap();
        endless.cache.refresh().await.unwrap();
        endless.cache.refresh().await.unwrap();
        temporary.cache.note_url_cut();
        assert_eq!(
            text(credentials()),
            r#"# HELP access_broker_signing_credentials_files_in_force Whether the files with the signing credentials hold those in force: 1, or 0.
# TYPE access_broker_signing_credentials_files_in_force gauge
access_broker_signing_credentials_files_in_force{credentials="temporary"} 1.0
# HELP access_broker_signing_credentials_expiry_timestamp_seconds When the signing credentials in force end.
# TYPE access_broker_signing_credentials_expiry_timestamp_seconds gauge
# UNIT access_broker_signing_credentials_expiry_timestamp_seconds seconds
access_broker_signing_credentials_expiry_timestamp_seconds{credentials="temporary"} 1700007200.5
# HELP access_broker_signing_credentials_loaded_timestamp_seconds When the signing credentials in force came.
# TYPE access_broker_signing_credentials_loaded_timestamp_seconds gauge
# UNIT access_broker_signing_credentials_loaded_timestamp_seconds seconds
access_broker_signing_credentials_loaded_timestamp_seconds{credentials="temporary"} 1700000000.5
access_broker_signing_credentials_loaded_timestamp_seconds{credentials="endless"} 1700000000.5
# HELP access_broker_signing_credentials_refreshes How often a provider of signing credentials was asked, by what came of it.
# TYPE access_broker_signing_credentials_refreshes counter
access_broker_signing_credentials_refreshes_total{credentials="temporary",result="renewed"} 1
access_broker_signing_credentials_refreshes_total{credentials="temporary",result="unchanged"} 0
access_broker_signing_credentials_refreshes_total{credentials="temporary",result="stale"} 0
access_broker_signing_credentials_refreshes_total{credentials="temporary",result="shortened"} 0
access_broker_signing_credentials_refreshes_total{credentials="temporary",result="extended"} 0
access_broker_signing_credentials_refreshes_total{credentials="temporary",result="failed"} 0
access_broker_signing_credentials_refreshes_total{credentials="endless",result="renewed"} 1
access_broker_signing_credentials_refreshes_total{credentials="endless",result="unchanged"} 1
access_broker_signing_credentials_refreshes_total{credentials="endless",result="stale"} 0
access_broker_signing_credentials_refreshes_total{credentials="endless",result="shortened"} 0
access_broker_signing_credentials_refreshes_total{credentials="endless",result="extended"} 0
access_broker_signing_credentials_refreshes_total{credentials="endless",result="failed"} 0
# HELP access_broker_urls_cut_by_credentials Answers whose URLs end early, because the signing credentials do.
# TYPE access_broker_urls_cut_by_credentials counter
access_broker_urls_cut_by_credentials_total{credentials="temporary"} 1
access_broker_urls_cut_by_credentials_total{credentials="endless"} 0
# EOF
"#
        );
    }

    #[test]
    fn name_of_credentials_cannot_break_out_of_its_label() {
        let text = text(vec![named("a\"} 1\nb\\", None, None)]);
        assert!(text.contains(r#"{credentials="a\"} 1\nb\\"} 0"#), "{text}");
    }
}
