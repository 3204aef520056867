//! Metrics of signing credentials.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::samples::{as_flag, encode_counters, encode_gauges, encode_timestamps};
use access_broker_s3::presign::{SignerStatus, SigningCredentialsStatus};

/// Reads every signer at each scrape.
#[derive(Debug)]
pub(super) struct SigningCredentialsCollector(pub(super) Vec<Arc<dyn SignerStatus>>);

impl Collector for SigningCredentialsCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // One read for all metrics of a scrape, so that they are consistent.
        let statuses: Vec<_> = self.0.iter().flat_map(|signer| signer.credentials()).collect();
        let from_files = statuses.iter().filter(|status| status.from_files);
        encode_gauges(
            &mut encoder,
            "signing_credentials_files_in_force",
            "1 if the files with signing credentials, as last read, have the active ones, otherwise 0.",
            None,
            from_files.map(|status| (label(status), as_flag(status.last_refresh_is_good))),
        )?;
        encode_timestamps(
            &mut encoder,
            "signing_credentials_expiry_timestamp",
            "Time when the active signing credentials expire, as Unix time.",
            statuses.iter().map(|status| (label(status), status.expiry)),
        )?;
        encode_timestamps(
            &mut encoder,
            "signing_credentials_loaded_timestamp",
            "Time when the active signing credentials were loaded, as Unix time.",
            statuses.iter().map(|status| (label(status), status.loaded_at)),
        )?;
        encode_counters(
            &mut encoder,
            "signing_credentials_refreshes",
            "Requests to the provider of signing credentials, by result; docs/OPERATIONS.md lists the results.",
            statuses.iter().flat_map(refreshes),
        )?;
        encode_counters(
            &mut encoder,
            "urls_cut_by_credentials",
            "Answers with URLs that expire early, because the signing credentials expire.",
            statuses.iter().map(|status| (label(status), status.urls_cut)),
        )
    }
}

fn label(status: &SigningCredentialsStatus) -> [(&'static str, &str); 1] {
    [("credentials", &status.name)]
}

fn refreshes(status: &SigningCredentialsStatus) -> impl Iterator<Item = ([(&'static str, &str); 2], u64)> {
    let name = &*status.name;
    status.refreshes.iter().map(move |(result, count)| ([("credentials", name), ("result", *result)], *count))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;
    use access_broker_s3::presign::SigningAvailability;

    /// A signer with credentials in this state.
    #[derive(Debug)]
    struct Signer(Vec<SigningCredentialsStatus>);

    impl SignerStatus for Signer {
        fn availability(&self, _: SystemTime) -> Vec<SigningAvailability> {
            Vec::new()
        }

        fn credentials(&self) -> Vec<SigningCredentialsStatus> {
            self.0.clone()
        }
    }

    /// The metrics of these credentials only.
    fn text(credentials: &[SigningCredentialsStatus]) -> String {
        let mut registry = Registry::with_prefix("access_broker");
        let signers: Vec<Arc<dyn SignerStatus>> =
            credentials.iter().map(|status| Arc::new(Signer(vec![status.clone()])) as _).collect();
        registry.register_collector(Box::new(SigningCredentialsCollector(signers)));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    /// Credentials that were never read.
    fn unread(name: &str, from_files: bool) -> SigningCredentialsStatus {
        let results = ["renewed", "unchanged", "stale", "shortened", "extended", "failed"];
        SigningCredentialsStatus {
            name: name.into(),
            from_files,
            expiry: None,
            loaded_at: None,
            refreshes: results.map(|result| (result, 0)).to_vec(),
            last_refresh_is_good: false,
            urls_cut: 0,
        }
    }

    #[test]
    fn every_metric_is_present_from_the_start_and_shows_the_state() {
        let mut credentials = [unread("temporary", true), unread("endless", false)];
        let before = text(&credentials);
        assert!(!before.contains("_seconds{"), "{before}");
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
        for status in &mut credentials {
            (status.loaded_at, status.last_refresh_is_good) = (Some(now), true);
            status.refreshes[0].1 = 1;
        }
        let [temporary, endless] = &mut credentials;
        (temporary.expiry, temporary.urls_cut) = (Some(now + Duration::from_hours(2)), 1);
        endless.refreshes[1].1 = 1;
        assert_eq!(
            text(&credentials),
            r#"# HELP access_broker_signing_credentials_files_in_force 1 if the files with signing credentials, as last read, have the active ones, otherwise 0.
# TYPE access_broker_signing_credentials_files_in_force gauge
access_broker_signing_credentials_files_in_force{credentials="temporary"} 1.0
# HELP access_broker_signing_credentials_expiry_timestamp_seconds Time when the active signing credentials expire, as Unix time.
# TYPE access_broker_signing_credentials_expiry_timestamp_seconds gauge
# UNIT access_broker_signing_credentials_expiry_timestamp_seconds seconds
access_broker_signing_credentials_expiry_timestamp_seconds{credentials="temporary"} 1700007200.5
# HELP access_broker_signing_credentials_loaded_timestamp_seconds Time when the active signing credentials were loaded, as Unix time.
# TYPE access_broker_signing_credentials_loaded_timestamp_seconds gauge
# UNIT access_broker_signing_credentials_loaded_timestamp_seconds seconds
access_broker_signing_credentials_loaded_timestamp_seconds{credentials="temporary"} 1700000000.5
access_broker_signing_credentials_loaded_timestamp_seconds{credentials="endless"} 1700000000.5
# HELP access_broker_signing_credentials_refreshes Requests to the provider of signing credentials, by result; docs/OPERATIONS.md lists the results.
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
# HELP access_broker_urls_cut_by_credentials Answers with URLs that expire early, because the signing credentials expire.
# TYPE access_broker_urls_cut_by_credentials counter
access_broker_urls_cut_by_credentials_total{credentials="temporary"} 1
access_broker_urls_cut_by_credentials_total{credentials="endless"} 0
# EOF
"#
        );
    }

    #[test]
    fn name_of_credentials_cannot_break_out_of_its_label() {
        let text = text(&[unread("a\"} 1\nb\\", false)]);
        assert!(text.contains(r#"{credentials="a\"} 1\nb\\"} 0"#), "{text}");
    }
}
