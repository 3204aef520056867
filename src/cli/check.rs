//! `access-broker check`

mod json;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};

use super::options::ConfigOptions;
use super::output::{complain, say_or_fail, warn};
use super::{EXIT_CONFIGURATION, EXIT_OK};
use crate::audit::{AuditFileSettings, OnFailure};
use crate::config::{
    AuditOutput, AuditSettings, BucketSettings, Config, LimitSettings, ListenerSettings, LoadError, NamedEndpoint,
    TlsSettings,
};
use crate::http::{HttpSettings, PresignedUrlSettings};
use access_broker_base::document::{WarningCode, Warnings};
use access_broker_identity::{IssuerSettings, KeyLocation, KeyProxy, TrustedHop, WorkloadProof};
use access_broker_policy::{CompiledPolicy, EndpointName, MembersOutline, Policy, TierOutline};

/// Check a configuration and its policy, and print what they mean.
///
/// Starts nothing and uses no network. If there are errors, each is printed with its file, line and setting, and the
/// exit code is 78. Warnings are about valid settings that have no effect, are probably a mistake, or are a risk. They
/// are printed to standard error, and the exit code stays 0 unless --deny-warnings is given.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "clap prints these comments as they are")]
pub(super) struct Check {
    #[command(flatten)]
    options: ConfigOptions,
    /// Exit with code 78 if there is any warning.
    #[arg(long)]
    deny_warnings: bool,
    /// Leave out warnings with this code, such as plaintext_listener. Can be given several times.
    #[arg(long, value_name = "CODE", value_parser = parse_code)]
    allow: Vec<WarningCode>,
    /// Output format: text for people, or json: one document with errors, warnings and what the files mean.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How the outcome is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What a check found.
struct Outcome {
    config: Option<Config>,
    /// The policy, if it is valid.
    policy: Option<CompiledPolicy>,
    error: Option<LoadError>,
    /// Those of the configuration, then those of the policy.
    warnings: Vec<Warnings>,
    deny_warnings: bool,
}

impl Check {
    pub(super) fn run(self) -> u8 {
        let Self { options, deny_warnings, allow, format } = self;
        let mut outcome = Outcome { config: None, policy: None, error: None, warnings: Vec::new(), deny_warnings };
        let checked = options.load().and_then(|config| outcome.config.insert(config).load_policy());
        match checked {
            Ok(loaded) => outcome.policy = Some(loaded.compiled),
            Err(error) => outcome.error = Some(error),
        }
        let of_config = outcome.config.iter().map(|config| &config.warnings);
        outcome.warnings = of_config.chain(outcome.policy.iter().map(|compiled| &compiled.warnings)).cloned().collect();
        for warnings in &mut outcome.warnings {
            warnings.allow(&allow);
        }
        let code = if outcome.is_ok() { EXIT_OK } else { EXIT_CONFIGURATION };
        match format {
            Format::Text => outcome.print(code),
            Format::Json => say_or_fail(format!("{:#}", json::document(&outcome)), code),
        }
    }
}

fn parse_code(name: &str) -> Result<WarningCode, String> {
    let list = || WarningCode::ALL.iter().map(|code| code.name()).collect::<Vec<_>>().join(", ");
    WarningCode::parse(name).ok_or_else(|| format!("there is no such code of a warning; the codes are {}", list()))
}

impl Outcome {
    fn warning_count(&self) -> usize {
        self.warnings.iter().map(Warnings::count).sum()
    }

    fn is_ok(&self) -> bool {
        self.error.is_none() && !(self.deny_warnings && self.warning_count() > 0)
    }

    /// Errors and warnings go to standard error, and what configuration and policy mean to standard output.
    fn print(self, code: u8) -> u8 {
        let count = self.warning_count();
        let mut exit_code = code;
        for warnings in &self.warnings {
            for (_, line) in warnings.lines() {
                warn(&line);
            }
            if warnings.left_out() > 0 {
                warn(&format!("{}: {} more warnings are left out", warnings.origin(), warnings.left_out()));
            }
        }
        let counted = match count {
            0 => "all good".to_owned(),
            1 => "1 warning".to_owned(),
            _ => format!("{count} warnings"),
        };
        if let (Some(config), Some(compiled)) = (&self.config, &self.policy) {
            exit_code = say_or_fail(describe(config, &compiled.policy, &counted), code);
        }
        if let Some(error) = self.error {
            complain(&error.into());
        } else if self.deny_warnings && count > 0 {
            complain(&anyhow::anyhow!("{counted}, refused because of --deny-warnings"));
        }
        exit_code
    }
}

/// One line for each part, and a last one with the verdict.
fn describe(config: &Config, policy: &Policy, verdict: &str) -> String {
    let mut lines: Vec<String> = config.listeners.iter().map(describe_listener).collect();
    lines.extend(describe_http(&config.http));
    lines.push(format!("admin HTTP on {}", config.server.admin_addr));
    lines.push(describe_limits(&config.limits));
    lines.push(describe_audit(&config.audit));
    lines.push(format!("policy {}, hash {}", config.policy.file.display(), policy.hash()));
    lines.extend(describe_members(config, policy));
    lines.extend(config.issuers.iter().map(describe_issuer));
    lines.extend(config.buckets.iter().flat_map(describe_bucket));
    lines.extend(policy.outline().iter().map(describe_tier));
    lines.push(verdict.to_owned());
    lines.join("\n")
}

fn describe_members(config: &Config, policy: &Policy) -> Option<String> {
    let (file, MembersOutline { groups, members, hash }) = (config.policy.members_file.as_ref()?, policy.members()?);
    Some(format!("members file {}: groups: {groups}; members: {members}; hash {hash}", file.display()))
}

fn describe_http(http: &HttpSettings) -> Vec<String> {
    let HttpSettings { cors_origins, presigned_url } = http;
    let mut lines = Vec::new();
    if !cors_origins.is_empty() {
        let origins: Vec<String> = cors_origins.iter().map(ToString::to_string).collect();
        lines.push(format!("pages that may call: {}", origins.join(", ")));
    }
    if let Some(PresignedUrlSettings { bucket, ttl, raw_token }) = presigned_url {
        let raw = if *raw_token { ", also with a token without Bearer" } else { "" };
        lines.push(format!("/presignedurl for bucket \"{bucket}\", {}{raw}", humantime::format_duration(*ttl)));
    }
    lines
}

fn describe_listener(listener: &ListenerSettings) -> String {
    let ListenerSettings { address, proof, tls, protocols } = listener;
    let transport = transport(tls.as_ref());
    let served = match (protocols.grpc, protocols.http) {
        (true, true) => "gRPC and HTTP",
        (true, false) => "gRPC",
        (false, _) => "HTTP",
    };
    let of_domain = proof.workload().map(|proof| format!(", workloads of {}", proof.trust_domain));
    let (of_domain, hop) = (of_domain.unwrap_or_default(), proof.workload().and_then(WorkloadProof::hop));
    format!(
        "{served} on {address}, {transport}; proof: {}{of_domain}{}",
        proof.name(),
        hop.map_or_else(String::new, describe_hop)
    )
}

/// Which peers may set the mesh's header.
fn describe_hop(hop: &TrustedHop) -> String {
    let warning = if hop.is_every_process_in_the_namespace() {
        ": every process in the network namespace, and kubectl port-forward, can name any workload"
    } else {
        ""
    };
    format!(", header trusted from {}{warning}", hop.names().join(" or "))
}

const fn transport(tls: Option<&TlsSettings>) -> &'static str {
    match tls {
        None => "plaintext",
        Some(TlsSettings { client_ca_file: None, .. }) => "TLS",
        Some(TlsSettings { client_ca_file: Some(_), .. }) => "TLS with client certificates",
    }
}

fn describe_audit(settings: &AuditSettings) -> String {
    let output = match &settings.output {
        AuditOutput::None => return "audit: off".to_owned(),
        AuditOutput::Stdout => "standard output".to_owned(),
        AuditOutput::File(AuditFileSettings { path, rotate_size, rotate_keep }) => {
            format!("{}, rotated at {}, {rotate_keep} older files kept", path.display(), ByteSize(*rotate_size))
        }
    };
    let on_failure = match settings.on_failure {
        OnFailure::Deny => "deny",
        OnFailure::Allow => "allow",
    };
    format!("audit: {output}; on failure: {on_failure}")
}

/// One line per endpoint, and one for the credentials where uploads have their own.
fn describe_bucket(bucket: &BucketSettings) -> impl Iterator<Item = String> {
    let signers = bucket.upload_credentials.as_ref().map(|uploads| {
        let (name, uploads, reads) = (&bucket.name, uploads.name(), bucket.credentials.name());
        format!("bucket {name}: uploads signed by {uploads}; downloads and HEAD requests signed by {reads}")
    });
    describe_endpoints(bucket).chain(signers)
}

fn describe_endpoints(bucket: &BucketSettings) -> impl Iterator<Item = String> {
    let default = EndpointName::default_endpoint();
    bucket.endpoints.iter().map(move |NamedEndpoint { name, endpoint, .. }| {
        let by_name = if *name == default { String::new() } else { format!(" endpoint {name}") };
        let uses_it = *name == bucket.broker_endpoint && *name != default;
        let own_calls = if uses_it { " (used for HEAD requests)" } else { "" };
        let (origin, path, region) = (endpoint.origin(), endpoint.path_prefix(), endpoint.region());
        format!("bucket {}{by_name}: {origin}{path}, signed for region {region}{own_calls}", bucket.name)
    })
}

fn describe_issuer(issuer: &IssuerSettings) -> String {
    let algorithms: Vec<String> = issuer.algorithms.iter().map(ToString::to_string).collect();
    let (audiences, algorithms) = (issuer.audiences.join(", "), algorithms.join(", "));
    let keys = describe_keys(issuer);
    format!("issuer {}: audiences {audiences}; algorithms {algorithms}; keys {keys}", issuer.issuer)
}

/// Where the signing keys come from. A proxy of the environment is not shown: the server may run in another one.
fn describe_keys(issuer: &IssuerSettings) -> String {
    let location = match &issuer.key_location {
        KeyLocation::Discovery => "by discovery".to_owned(),
        KeyLocation::CognitoPool => "from the Cognito user pool".to_owned(),
        KeyLocation::KubernetesApiServer => "from the API server of this cluster".to_owned(),
        // Without its query, which may be a secret.
        KeyLocation::JwksUrl(url) => format!("from {}{}", url.origin().ascii_serialization(), url.path()),
        KeyLocation::JwksFile(path) => format!("from the file {}", path.display()),
    };
    let start =
        issuer.start_key_file.as_ref().map(|path| format!(", until they are fetched from the file {}", path.display()));
    let proxy = match &issuer.key_proxy {
        KeyProxy::Through(proxy) => format!(", through the proxy {proxy}"),
        KeyProxy::None | KeyProxy::Environment => String::new(),
    };
    format!("{location}{proxy}{}", start.unwrap_or_default())
}

fn describe_limits(limits: &LimitSettings) -> String {
    let LimitSettings { max_connections, max_calls_in_flight, max_streams, call_timeout, max_message_size, .. } =
        limits;
    format!(
        "limits: {max_connections} connections, {max_streams} streams, {max_calls_in_flight} calls in flight, {} per call, \
         {} per message",
        humantime::format_duration(*call_timeout),
        ByteSize((*max_message_size).into()),
    )
}

fn describe_tier(tier: &TierOutline) -> String {
    let operations: Vec<&str> = tier.operations.iter().map(|operation| operation.name()).collect();
    let list = |names: &[std::sync::Arc<str>]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let inherits = tier.inherit.as_ref().map_or_else(String::new, |name| format!("; inherits the rules of {name}"));
    format!(
        "tier {}: {:?} in bucket {}: {}{inherits}; grants: {}; denials: {}",
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
    use access_broker_base::document::Overrides;
    use access_broker_identity::PlainHttp;

    fn lines(bucket: &str) -> Vec<String> {
        let text = format!(
            "[policy]\nfile = 'p'\n[[issuer]]\nissuer = 'https://a.example'\naudiences = 'a'\n\
             [[bucket]]\nname = 'media'\ns3_bucket = 'example-media'\nregion = 'eu-central-1'\n{bucket}"
        );
        let config = Config::parse("test", &text, Path::new(""), Overrides::new(), PlainHttp::Refused).unwrap();
        config.buckets.iter().flat_map(describe_bucket).collect()
    }

    #[test]
    fn an_issuer_says_where_its_keys_come_from_without_secrets() {
        let keys = |issuer: &str| {
            let text = format!(
                "[policy]\nfile = 'p'\n[[issuer]]\nissuer = 'https://a.example'\naudiences = 'a'\n{issuer}\n\
                 [[bucket]]\nname = 'media'\ns3_bucket = 'example-media'\nregion = 'eu-central-1'\n"
            );
            let config = Config::parse("test", &text, Path::new(""), Overrides::new(), PlainHttp::Refused).unwrap();
            describe_issuer(&config.issuers[0]).split_once("; keys ").unwrap().1.to_owned()
        };
        assert_eq!(keys(""), "by discovery");
        assert_eq!(keys("jwks_file = '/keys.json'"), "from the file /keys.json");
        assert_eq!(
            keys(
                "jwks_url = 'https://b.example/keys?k=1'\njwks_file = '/k'\nkey_proxy = 'http://u:s3cret@p.example:1'"
            ),
            "from https://b.example/keys, through the proxy http://p.example:1, until they are fetched from the file /k"
        );
        assert_eq!(keys("preset = 'kubernetes'"), "from the API server of this cluster");
    }

    const DEFAULT: &str =
        "bucket media: https://example-media.s3.eu-central-1.amazonaws.com, signed for region eu-central-1";

    #[test]
    fn a_bucket_has_a_line_per_endpoint_and_says_which_the_broker_uses() {
        let endpoints = "[[bucket.named_endpoint]]\nname = 'vpce'\nendpoint = 'https://bucket.vpce.example'\n\
                         [[bucket.named_endpoint]]\nname = 'fast'\naccelerate = true\n";
        let found = lines(&format!("broker_endpoint = 'vpce'\n{endpoints}"));
        let vpce =
            "bucket media endpoint vpce: https://bucket.vpce.example/example-media, signed for region eu-central-1";
        let own = format!("{vpce} (used for HEAD requests)");
        let fast = "bucket media endpoint fast: https://example-media.s3-accelerate.amazonaws.com, signed for region \
                    eu-central-1";
        assert_eq!(found, [DEFAULT, &own, fast]);
        assert_eq!(lines(endpoints), [DEFAULT, vpce, fast]);
    }

    #[test]
    fn a_tier_says_what_it_inherits() {
        let tier = TierOutline {
            name: "low".into(),
            bucket: access_broker_policy::BucketName::parse("media").unwrap(),
            prefix: "a/".to_owned(),
            include: Vec::new(),
            inherit: None,
            operations: access_broker_policy::Operation::ALL.to_vec(),
            grants: vec!["own".into(), "inherited".into()],
            denials: Vec::new(),
        };
        let rest = "grants: own, inherited; denials: none";
        assert_eq!(describe_tier(&tier), format!("tier low: \"a/\" in bucket media: download, upload; {rest}"));
        let inherits = TierOutline { inherit: Some("top".into()), ..tier };
        let expected = "tier low: \"a/\" in bucket media: download, upload; inherits the rules of top";
        assert_eq!(describe_tier(&inherits), format!("{expected}; {rest}"));
    }

    #[test]
    fn a_bucket_with_one_endpoint_has_one_line() {
        assert_eq!(lines("broker_endpoint = 'default'\n"), [DEFAULT]);
    }

    #[test]
    fn a_bucket_with_credentials_for_uploads_says_who_signs_what() {
        let found = lines(
            "upload_credentials = 'writer'\n\
             [[credentials]]\nname = 'writer'\naccess_key_id_env = 'A'\nsecret_access_key_env = 'B'\n",
        );
        let signers = "bucket media: uploads signed by writer; downloads and HEAD requests signed by default-chain";
        assert_eq!(found, [DEFAULT, signers]);
    }
}
