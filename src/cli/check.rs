//! `access-broker check`

use bytesize::ByteSize;
use clap::Args;

use super::options::ConfigOptions;
use super::output::{complain, say};
use super::{EXIT_CONFIGURATION, EXIT_OK};
use crate::audit::{AuditFileSettings, OnFailure};
use crate::config::{AuditOutput, AuditSettings, BucketSettings, Config, ListenerSettings, NamedEndpoint, TlsSettings};
use crate::identity::IssuerSettings;
use crate::policy::{EndpointName, Policy, TierOutline};

/// Check a configuration and its policy, and print what they mean.
///
/// Nothing is started and nothing is asked over the network. Everything wrong is printed at once, with its line; the
/// exit code is 78 then.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    options: ConfigOptions,
}

impl Check {
    pub(super) fn run(self) -> u8 {
        let checked = self.options.load().and_then(|config| {
            let policy = config.load_policy()?.policy;
            Ok((config, policy))
        });
        match checked {
            Ok((config, policy)) => {
                say(describe(&config, &policy));
                EXIT_OK
            }
            Err(error) => {
                complain(&error.into());
                EXIT_CONFIGURATION
            }
        }
    }
}

fn describe(config: &Config, policy: &Policy) -> String {
    let mut lines: Vec<String> = config.listeners.iter().map(describe_listener).collect();
    lines.push(format!("admin HTTP on {}", config.server.admin_addr));
    lines.push(describe_audit(&config.audit));
    lines.push(format!("policy {}", config.policy.file.display()));
    lines.extend(config.issuers.iter().map(describe_issuer));
    lines.extend(config.buckets.iter().flat_map(describe_bucket));
    lines.extend(policy.outline().iter().map(describe_tier));
    lines.push("all good".to_owned());
    lines.join("\n")
}

fn describe_listener(listener: &ListenerSettings) -> String {
    let ListenerSettings { address, proof, tls } = listener;
    let transport = match tls {
        None => "plaintext",
        Some(TlsSettings { client_ca_file: None, .. }) => "TLS",
        Some(TlsSettings { client_ca_file: Some(_), .. }) => "TLS with client certificates",
    };
    let of_domain = proof.workload().map(|proof| format!(", workloads of {}", proof.trust_domain));
    format!("gRPC on {address}, {transport}; proof: {}{}", proof.name(), of_domain.unwrap_or_default())
}

fn describe_audit(settings: &AuditSettings) -> String {
    let output = match &settings.output {
        AuditOutput::None => return "audit records nowhere".to_owned(),
        AuditOutput::Stdout => "standard output".to_owned(),
        AuditOutput::File(AuditFileSettings { path, rotate_size, rotate_keep }) => {
            format!("{}, {rotate_keep} older files of {} beside it", path.display(), ByteSize(*rotate_size))
        }
    };
    let without = match settings.on_failure {
        OnFailure::Deny => "no answer without a record",
        OnFailure::Allow => "answers without a record, too",
    };
    format!("audit records to {output}; {without}")
}

/// One line per endpoint.
fn describe_bucket(bucket: &BucketSettings) -> impl Iterator<Item = String> {
    let default = EndpointName::default_endpoint();
    bucket.endpoints.iter().map(move |NamedEndpoint { name, endpoint, .. }| {
        let by_name = if *name == default { String::new() } else { format!(" by {name}") };
        let uses_it = *name == bucket.broker_endpoint && *name != default;
        let own_calls = if uses_it { " (the broker's own calls)" } else { "" };
        let (origin, path, region) = (endpoint.origin(), endpoint.path_prefix(), endpoint.region());
        format!("bucket {}{by_name}: {origin}{path}, signed for region {region}{own_calls}", bucket.name)
    })
}

fn describe_issuer(issuer: &IssuerSettings) -> String {
    let algorithms: Vec<String> = issuer.algorithms.iter().map(ToString::to_string).collect();
    let (audiences, algorithms) = (issuer.audiences.join(", "), algorithms.join(", "));
    format!("issuer {}: audiences {audiences}; algorithms {algorithms}", issuer.issuer)
}

fn describe_tier(tier: &TierOutline) -> String {
    let operations: Vec<&str> = tier.operations.iter().map(|operation| operation.name()).collect();
    let list = |names: &[std::sync::Arc<str>]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    format!(
        "tier {}: {:?} in bucket {}: {}; grants: {}; denials: {}",
        tier.name,
        tier.prefix,
        tier.bucket,
        operations.join(", "),
        list(&tier.grants),
        list(&tier.denials),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::document::Overrides;
    use crate::identity::PlainHttp;

    fn lines(bucket: &str) -> Vec<String> {
        let text = format!(
            "[policy]\nfile = 'p'\n[[issuer]]\nissuer = 'https://a.example'\naudiences = 'a'\n\
             [[bucket]]\nname = 'media'\ns3_bucket = 'example-media'\nregion = 'eu-central-1'\n{bucket}"
        );
        let config = Config::parse("test", &text, Path::new(""), Overrides::new(), PlainHttp::Refused).unwrap();
        config.buckets.iter().flat_map(describe_bucket).collect()
    }

    const DEFAULT: &str =
        "bucket media: https://example-media.s3.eu-central-1.amazonaws.com, signed for region eu-central-1";

    #[test]
    fn a_bucket_has_a_line_per_endpoint_and_says_which_the_broker_uses() {
        let endpoints = "[[bucket.named_endpoint]]\nname = 'vpce'\nendpoint = 'https://bucket.vpce.example'\n\
                         [[bucket.named_endpoint]]\nname = 'fast'\naccelerate = true\n";
        let found = lines(&format!("broker_endpoint = 'vpce'\n{endpoints}"));
        let vpce = "bucket media by vpce: https://bucket.vpce.example/example-media, signed for region eu-central-1";
        let own = format!("{vpce} (the broker's own calls)");
        let fast = "bucket media by fast: https://example-media.s3-accelerate.amazonaws.com, signed for region \
                    eu-central-1";
        assert_eq!(found, [DEFAULT, &own, fast]);
        assert_eq!(lines(endpoints), [DEFAULT, vpce, fast]);
    }

    #[test]
    fn a_bucket_with_one_endpoint_has_one_line() {
        assert_eq!(lines("broker_endpoint = 'default'\n"), [DEFAULT]);
    }
}
