//! `access-broker check`

use clap::Args;

use super::options::ConfigOptions;
use super::{EXIT_CONFIGURATION, EXIT_OK, complain, say};
use crate::config::{Config, ListenerSettings, TlsSettings};
use crate::identity::IssuerSettings;
use crate::policy::{Policy, TierOutline};

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
            let policy = config.load_policy()?;
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
    lines.push(format!("policy {}", config.policy.file.display()));
    lines.extend(config.issuers.iter().map(describe_issuer));
    for bucket in &config.buckets {
        let (origin, path) = (bucket.endpoint.origin(), bucket.endpoint.path_prefix());
        lines.push(format!("bucket {}: {origin}{path}, signed for region {}", bucket.name, bucket.endpoint.region()));
    }
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
