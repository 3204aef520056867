use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tracing::Level;

use super::*;
use crate::telemetry::LogFormat;
use access_broker_base::document::Location;
use access_broker_identity::{Algorithm, KeyLocation};
use access_broker_s3::credentials::{SecretSource, SessionSource};

mod audit;
mod endpoints;
mod http;
mod issuers;
mod listeners;
mod reference;
mod servers;
mod sources;
mod transfer;
mod variables;

const FOLDER: &str = "/etc/access-broker";

const GOOD: &str = r#"
[policy]
file = "policy.toml"

[[issuer]]
issuer = "https://login.example.com"
audiences = ["access-broker"]

[[bucket]]
name = "media"
s3_bucket = "example-media"
region = "eu-central-1"
"#;

/// Several rules broken in every section. The lines count from the `[server]` on line 1.
const BROKEN: &str = r#"[server]
grpc_addr = "localhost:50051"
admin_addr = 9090
shutdown_grace = "11m"
tls = true

[log]
format = "xml"
level = "loud"

[policy]
reload_interval = "0s"

[[issuer]]
issuer = "https://login.example.com?x=1"
preset = "okta"
token_use = "id"
audiences = ["", "a", "a"]
algorithms = ["RS256", "HS256"]
jwks_url = "http://keys.example.com/a.json"
jwks_file = ""
leeway = "6m"
max_token_lifetime = "0s"
key_refresh_interval = "10s"
max_key_age = "8days"

[[issuer]]
issuer = "https://login.example.com?x=1"
audiences = "access-broker"

[[issuer]]
audiences = "access-broker"

[[bucket]]
name = "Media"
s3_bucket = "s3://media"
region = "eu-central-1"

[[bucket]]
name = "archive"
s3_bucket = "example-archive"
region = "us-east-1"
endpoint = "minio"
addressing = "host"
credentials = "absent"

[[credentials]]
name = "minio"
access_key_id_env = "A"
session_token_env = "T"
session_token_file = "t"

[extra]
"#;

fn parse_with(text: &str, overrides: Overrides) -> Result<Config, Problems> {
    Config::parse("broker.toml", text, Path::new(FOLDER), overrides, PlainHttp::Refused)
}

fn parse(text: &str) -> Result<Config, Problems> {
    parse_with(text, Overrides::new())
}

fn environment(variables: &[(&str, &str)]) -> Overrides {
    environment_overrides(variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
}

/// The problem of a text, which must be the only one.
fn sole_problem(text: &str) -> String {
    let problems = parse(text).unwrap_err();
    assert_eq!(problems.as_slice().len(), 1, "{problems}");
    problems.to_string()
}

fn tcp(text: &str) -> ListenAddress {
    ListenAddress::Tcp(address(text))
}

fn sole_address(config: &Config) -> ListenAddress {
    let [listener] = config.listeners.as_slice() else { panic!("{:?}", config.listeners) };
    listener.address.clone()
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn every_problem_is_reported_at_once_with_its_line() {
    let problems = parse(BROKEN).unwrap_err().to_string();
    let expected = [
        r#"broker.toml:2: server.grpc_addr must be an IP address and a port, such as "127.0.0.1:50051""#,
        "broker.toml:3: server.admin_addr must be a string",
        "broker.toml:4: server.shutdown_grace must be at most 10m",
        "broker.toml:5: server.tls is not a known setting",
        "broker.toml:8: log.format must be one of: json, text",
        "broker.toml:9: log.level must be one of: error, warn, info, debug, trace",
        "broker.toml:11: policy.file is required",
        "broker.toml:12: policy.reload_interval must be at least 1s",
        "broker.toml:18: issuer[0].audiences must not be empty",
        "broker.toml:18: issuer[0].audiences must not have the same entry twice",
        "broker.toml:24: issuer[0].key_refresh_interval must be between 1m and 1h",
        "broker.toml:22: issuer[0].leeway must be at most 5m",
        "broker.toml:25: issuer[0].max_key_age must be between 2h and 7d",
        "broker.toml:23: issuer[0].max_token_lifetime must be at least 1s",
        r#"broker.toml:17: issuer[0].token_use applies only when preset = "cognito""#,
        "broker.toml:16: issuer[0].preset must be one of: oidc, cognito, kubernetes, spiffe",
        r#"broker.toml:19: issuer[0].algorithms has invalid algorithm "HS256"; must be RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA or Ed25519"#,
        "broker.toml:20: issuer[0].jwks_url must be an https URL without credentials; plain http to this machine itself needs insecure_loopback = true",
        "broker.toml:21: issuer[0].jwks_file must not be empty",
        "broker.toml:28: issuer[1].issuer must have no query and no fragment",
        "broker.toml:28: issuer[1].issuer repeats the issuer of another [[issuer]]",
        "broker.toml:31: issuer[2].issuer is required",
        "broker.toml:34: bucket[0] is invalid: the bucket must be 3 to 63 characters from a-z, 0-9, '.' and \
         '-' and start and end with a letter or digit",
        "broker.toml:35: bucket[0].name must be 1 to 63 characters from a-z, 0-9, '-' and '_' and start with a letter \
         or digit",
        r#"broker.toml:43: bucket[1].endpoint must be a URL, such as "https://minio.example.com:9000""#,
        "broker.toml:44: bucket[1].addressing must be one of: automatic, virtual-host, path",
        r#"broker.toml:45: bucket[1].credentials refers to undefined credentials "absent""#,
        "broker.toml:47: credentials[0] must have a session token and its expiration, or neither",
        "broker.toml:47: credentials[0] requires secret_access_key_env or secret_access_key_file",
        "broker.toml:51: credentials[0].session_token_file cannot be combined with session_token_env",
        "broker.toml:53: extra is not a known setting",
    ];
    for line in expected {
        assert!(problems.lines().any(|problem| problem == line), "missing: {line}\nin:\n{problems}");
    }
    assert_eq!(problems.lines().count(), expected.len(), "{problems}");
}

#[test]
fn the_file_is_below_the_environment_and_that_below_the_flags() {
    let text = format!("[server]\ngrpc_addr = \"127.0.0.1:1\"\nadmin_addr = \"127.0.0.1:1\"\n{GOOD}");
    assert_eq!(sole_address(&parse(&text).unwrap()), tcp("127.0.0.1:1"));

    let mut overrides = environment(&[
        ("ACCESS_BROKER_SERVER__GRPC_ADDR", "127.0.0.1:2"),
        ("ACCESS_BROKER_SERVER__ADMIN_ADDR", "127.0.0.1:2"),
        ("ACCESS_BROKER_LOG__FORMAT", "text"),
    ]);
    flag_override(&mut overrides, "--grpc-addr", "server.grpc_addr", Some("127.0.0.1:3".to_owned()));
    flag_override(&mut overrides, "--admin-addr", "server.admin_addr", None);
    let config = parse_with(&text, overrides).unwrap();
    assert_eq!(sole_address(&config), tcp("127.0.0.1:3"));
    assert_eq!(config.server.admin_addr, address("127.0.0.1:2"));
    assert_eq!(config.log.format, LogFormat::Text);
    assert_eq!(config.log.level, Level::INFO);
}

#[test]
fn a_required_setting_may_come_from_the_environment() {
    let text = GOOD.replace("file = \"policy.toml\"\n", "");
    assert!(parse(&text).is_err());
    let config = parse_with(&text, environment(&[("ACCESS_BROKER_POLICY__FILE", "other.toml")])).unwrap();
    assert_eq!(config.policy.file, Path::new(FOLDER).join("other.toml"));
}

#[test]
fn variables_that_kubernetes_sets_for_a_service_are_not_settings() {
    let variables = [
        ("ACCESS_BROKER_PORT", "tcp://10.0.0.1:50051"),
        ("ACCESS_BROKER_SERVICE_HOST", "10.0.0.1"),
        ("ACCESS_BROKER_PORT_50051_TCP_ADDR", "10.0.0.1"),
        ("PATH", "/bin"),
    ];
    assert_eq!(environment(&variables), Overrides::new());
}

#[test]
fn an_unknown_setting_in_the_environment_is_refused_by_name() {
    for name in ["ACCESS_BROKER_SERVER__X", "ACCESS_BROKER_SERVERS__GRPC_ADDR", "ACCESS_BROKER_BUCKET__NAME"] {
        let problems = parse_with(GOOD, environment(&[(name, "1")])).unwrap_err();
        let [problem] = problems.as_slice() else { panic!("{problems}") };
        assert_eq!(problem.location, Location::EnvironmentVariable(name.to_owned()));
        assert!(problems.to_string().starts_with(&format!("environment variable {name}: ")), "{problems}");
        assert_eq!(problem.rule, "is not a known setting");
    }
}

#[test]
fn an_invalid_override_is_reported_with_its_source() {
    let mut overrides = environment(&[("ACCESS_BROKER_LOG__LEVEL", "loud")]);
    flag_override(&mut overrides, "--grpc-addr", "server.grpc_addr", Some("here".to_owned()));
    let problems = parse_with(GOOD, overrides).unwrap_err();
    let locations: Vec<&Location> = problems.as_slice().iter().map(|problem| &problem.location).collect();
    let variable = Location::EnvironmentVariable("ACCESS_BROKER_LOG__LEVEL".to_owned());
    assert_eq!(locations, [&variable, &Location::Flag("--grpc-addr".to_owned())]);
}

#[test]
fn the_lines_of_rejected_proofs_have_bounds() {
    let with = |lines: &str| parse(&format!("{GOOD}[log]\nrejected_per_second = {lines}\n"));
    for (text, lines) in [("0", 0), ("7", 7), ("100000", 100_000)] {
        assert_eq!(with(text).unwrap().access_log.rejected_per_second, lines);
    }
    let problems = with("100001").unwrap_err();
    assert!(problems.to_string().ends_with("log.rejected_per_second must be at most 100000"), "{problems}");
}

#[test]
fn the_defaults_are_safe() {
    let config = parse(GOOD).unwrap();
    assert_eq!(sole_address(&config), tcp("127.0.0.1:50051"));
    assert_eq!(config.server.admin_addr, address("127.0.0.1:9090"));
    assert_eq!(config.server.drain_delay, Duration::from_secs(5));
    assert_eq!(config.server.shutdown_grace, Duration::from_secs(20));
    assert_eq!(config.limits, LimitSettings::default());
    assert_eq!(config.policy.reload_interval, Duration::from_secs(5));
    assert_eq!((config.log.format, config.log.level), (LogFormat::Json, Level::INFO));
    assert_eq!(config.access_log.rejected_per_second, 100);
    assert_eq!(config.issuers[0].plain_http, PlainHttp::Refused);
    assert!(!config.issuers[0].trust_email);
    assert_eq!(config.buckets[0].credentials, CredentialsSettings::DefaultChain);
}

#[test]
fn a_configuration_without_issuer_audience_or_bucket_is_refused() {
    let without = |from: &str, to: &str| {
        let (start, end) = (GOOD.find(from).unwrap(), GOOD.find(to).unwrap_or(GOOD.len()));
        sole_problem(&format!("{}{}", &GOOD[..start], &GOOD[end..]))
    };
    assert_eq!(
        without("[[issuer]]", "[[bucket]]"),
        "broker.toml: issuer is required, because a listener accepts tokens: configure at least one [[issuer]]"
    );
    assert_eq!(
        without("[[bucket]]", "no such text"),
        "broker.toml: bucket is required: configure at least one [[bucket]]"
    );
    assert_eq!(
        without("audiences", "\n[[bucket]]"),
        "broker.toml:5: issuer[0].audiences is required, such as [\"access-broker\"]"
    );
}

#[test]
fn sections_of_the_wrong_kind_are_refused() {
    assert!(parse("policy = 1\nissuer = 2\nbucket = \"x\"\nserver = []").is_err());
    let problems = parse(&GOOD.replace("[[bucket]]", "[bucket]")).unwrap_err().to_string();
    assert!(problems.contains("broker.toml:9: bucket must be written as [[bucket]]"), "{problems}");
}

#[test]
fn plain_http_is_for_loopback_and_for_development_only() {
    let with = |issuer: &str, plain_http| {
        let text = GOOD.replace("https://login.example.com", issuer);
        Config::parse("broker.toml", &text, Path::new(FOLDER), Overrides::new(), plain_http)
    };
    for issuer in ["http://127.0.0.1:8080", "http://localhost"] {
        assert!(with(issuer, PlainHttp::Refused).is_err(), "{issuer}");
        assert!(with(issuer, PlainHttp::OnLoopback).is_ok(), "{issuer}");
    }
    // The addresses of a name are checked when a connection is made.
    assert!(with("http://login.example.com", PlainHttp::OnLoopback).is_ok());
    assert!(with("http://192.0.2.1", PlainHttp::OnLoopback).is_err());
}

#[test]
fn plain_http_on_loopback_is_a_setting_of_each_issuer() {
    let with =
        |allowed: &str| GOOD.replace("https://login.example.com\"", &format!("http://localhost:8080\"\n{allowed}"));
    let config = parse(&with("insecure_loopback = true")).unwrap();
    assert_eq!(config.issuers[0].plain_http, PlainHttp::OnLoopback);
    for refused in ["", "insecure_loopback = false"] {
        assert_eq!(
            sole_problem(&with(refused)),
            "broker.toml:6: issuer[0].issuer must be an https URL without credentials, unless jwks_url or jwks_file says \
             where the keys are; plain http to this machine itself needs insecure_loopback = true"
        );
    }
}

#[test]
fn a_file_beside_a_url_has_the_keys_to_start_with() {
    let text =
        GOOD.replace("audiences", "jwks_url = \"https://keys.example.com\"\njwks_file = \"keys.json\"\naudiences");
    let config = parse(&text).unwrap();
    assert!(matches!(config.issuers[0].key_location, KeyLocation::JwksUrl(_)));
    assert_eq!(config.issuers[0].start_key_file.as_deref(), Some(Path::new("/etc/access-broker/keys.json")));
}

#[test]
fn both_names_of_ed25519_are_one_algorithm() {
    let with = |names: &str| parse(&GOOD.replace("audiences", &format!("algorithms = {names}\naudiences")));
    for names in [r#"["EdDSA"]"#, r#"["Ed25519"]"#, r#"["EdDSA", "Ed25519"]"#, r#"["Ed25519", "EdDSA"]"#] {
        assert_eq!(with(names).unwrap().issuers[0].algorithms, [Algorithm::EdDsa], "{names}");
    }
    for (names, rule) in [
        (r#"["EdDSA", "EdDSA"]"#, "must not have the same entry twice"),
        (r#"["ES512"]"#, r#"has algorithm "ES512", which this version does not support"#),
    ] {
        assert!(with(names).unwrap_err().to_string().contains(rule), "{names}");
    }
}

#[test]
fn paths_are_relative_to_the_folder_of_the_file() {
    let text = format!(
        r#"{GOOD}credentials = "keys"

[[credentials]]
name = "keys"
access_key_id_file = "secrets/id"
secret_access_key_file = "/run/secrets/key"
session_token_env = "TOKEN"
expiration_file = "secrets/end"
"#
    )
    .replace("audiences", "jwks_file = \"jwks.json\"\naudiences");
    let config = parse(&text).unwrap();
    assert_eq!(config.policy.file, Path::new("/etc/access-broker/policy.toml"));
    assert_eq!(config.issuers[0].key_location, KeyLocation::JwksFile("/etc/access-broker/jwks.json".into()));
    assert_eq!(
        config.buckets[0].credentials,
        CredentialsSettings::Static {
            name: "keys".to_owned(),
            access_key_id: SecretSource::File("/etc/access-broker/secrets/id".into()),
            secret_access_key: SecretSource::File("/run/secrets/key".into()),
            session: Some(SessionSource {
                token: SecretSource::EnvironmentVariable("TOKEN".to_owned()),
                expiration: SecretSource::File("/etc/access-broker/secrets/end".into()),
            }),
        }
    );
}

#[test]
fn credentials_are_known_by_their_name_and_the_default_chain_by_its_own() {
    let named = |name: &str| {
        let keys = "access_key_id_env = \"ID\"\nsecret_access_key_env = \"KEY\"\n";
        parse(&format!("{GOOD}credentials = \"{name}\"\n\n[[credentials]]\nname = \"{name}\"\n{keys}"))
    };
    assert_eq!(named("keys").unwrap().buckets[0].credentials.name(), "keys");
    assert_eq!(parse(GOOD).unwrap().buckets[0].credentials.name(), "default-chain");
    let problems = named("default-chain").unwrap_err().to_string();
    assert!(
        problems.contains("credentials[0].name is reserved (metrics use it for AWS's default chain)"),
        "{problems}"
    );
}

#[test]
fn loading_takes_the_folder_from_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.toml");
    fs::write(&path, GOOD).unwrap();
    let config = Config::load(&path, Overrides::new(), PlainHttp::Refused).unwrap();
    assert_eq!(config.policy.file, folder.path().join("policy.toml"));
    assert!(
        matches!(config.load_policy(), Err(LoadError::UnusablePolicy(UnusableFile { file, problem: FileError::Absent })) if file == config.policy.file)
    );
    let absent = folder.path().join("absent.toml");
    let error = Config::load(&absent, Overrides::new(), PlainHttp::Refused).unwrap_err();
    assert!(matches!(error, LoadError::Unusable(UnusableFile { file, problem: FileError::Absent }) if file == absent));
}

#[test]
fn a_policy_must_fit_the_buckets_and_issuers_of_the_configuration() {
    let config = parse(GOOD).unwrap();
    let policy = |bucket: &str, issuer: &str| {
        config.parse_policy(&format!(
            "[[tier]]\nname = \"t\"\nbucket = \"{bucket}\"\nprefix = \"\"\ndownload = {{}}\n[[grant]]\n\
             tiers = \"t\"\noperations = \"download\"\nto = {{ issuers = \"{issuer}\" }}\n"
        ))
    };
    assert!(policy("media", "https://login.example.com").is_ok());
    assert!(policy("archive", "https://login.example.com").is_err());
    // The name of the S3 bucket is not the name of the bucket.
    assert!(policy("example-media", "https://login.example.com").is_err());
    assert!(policy("media", "https://login.example.com/").is_err());
}

#[test]
fn an_empty_bucket_name_means_the_only_bucket() {
    let one = parse(GOOD).unwrap();
    assert_eq!(one.sole_bucket().map(BucketName::as_str), Some("media"));
    let second = "[[bucket]]\nname = \"archive\"\ns3_bucket = \"example-archive\"\nregion = \"eu-central-1\"\n";
    assert_eq!(parse(&format!("{GOOD}{second}")).unwrap().sole_bucket(), None);
    let twice = second.replace("archive", "media");
    assert_eq!(
        sole_problem(&format!("{GOOD}{twice}")),
        "broker.toml:14: bucket[1].name repeats the name of another bucket"
    );
}

#[test]
fn limits_outside_their_bounds_are_refused_and_at_their_bounds_taken() {
    let with = |limits: &str| parse(&format!("{GOOD}\n[server]\ndrain_delay = \"0s\"\n[limits]\n{limits}\n"));
    let config = with("admin_max_connections = 1024\nadmin_header_timeout = \"1m\"").unwrap();
    assert_eq!(
        (config.limits.admin_max_connections, config.limits.admin_header_timeout),
        (1_024, Duration::from_mins(1))
    );
    let config = with("max_connections = 1\ncall_timeout = \"5m\"\nconnection_age = \"1s\"").unwrap();
    assert_eq!((config.limits.max_connections, config.limits.call_timeout), (1, Duration::from_mins(5)));
    assert_eq!((config.limits.connection_age, config.server.drain_delay), (Duration::from_secs(1), Duration::ZERO));
    for (setting, rule) in [
        ("max_connections = 0", "max_connections must be between 1 and 100000"),
        ("max_connections = -1", "max_connections must be a whole number without quotes"),
        ("max_connections = 4294967296", "max_connections must be between 1 and 100000"),
        ("max_calls_in_flight = \"many\"", "max_calls_in_flight must be a whole number without quotes"),
        ("call_timeout = \"301s\"", "call_timeout must be between 1s and 5m"),
        ("keepalive_timeout = \"0s\"", "keepalive_timeout must be between 1s and 5m"),
        ("max_metadata_size = \"1KiB\"", "max_metadata_size must be between 4KiB and 64KiB"),
        ("max_message_size = \"2MiB\"", "max_message_size must be between 4KiB and 1MiB"),
        ("max_calls = 1", "max_calls is not a known setting"),
        ("max_streams = 0", "max_streams must be between 1 and 1000000"),
        ("max_unproven_connections = 0", "max_unproven_connections must be between 1 and 100000"),
        ("max_connections_per_address = 100001", "max_connections_per_address must be between 1 and 100000"),
        ("max_handshakes_per_address = 0", "max_handshakes_per_address must be between 1 and 10000"),
        ("max_unproven_streams = 100001", "max_unproven_streams must be between 1 and 100000"),
        ("max_unproven_streams_per_connection = 0", "max_unproven_streams_per_connection must be between 1 and 10000"),
        ("signature_checks = 0", "signature_checks must be between 1 and 1024"),
        ("message_timeout = \"0s\"", "message_timeout must be between 1s and 5m"),
        ("delivery_timeout = \"301s\"", "delivery_timeout must be between 1s and 5m"),
        ("request_memory = \"1023KiB\"", "request_memory must be between 1MiB and 16GiB"),
        (
            "request_memory = \"1MiB\"\nmax_message_size = \"1024KiB\"",
            "request_memory must be at least twice max_message_size",
        ),
        (
            "trusted_proxies = [\"10.0.0.0/33\"]",
            "trusted_proxies has \"10.0.0.0/33\", which is not an IP address or a network",
        ),
        ("admin_max_connections = 0", "admin_max_connections must be between 1 and 1024"),
        ("admin_max_connections = 1025", "admin_max_connections must be between 1 and 1024"),
        ("admin_header_timeout = \"61s\"", "admin_header_timeout must be between 1s and 1m"),
    ] {
        let problems = with(setting).unwrap_err().to_string();
        assert!(problems.ends_with(&format!("limits.{rule}")), "{problems}");
    }
}

#[test]
fn shared_addresses_are_loopback_and_trusted_proxies() {
    let text = format!("{GOOD}\n[limits]\ntrusted_proxies = [\"10.0.0.7\", \"10.1.0.0/16\", \"2001:db8::/32\"]\n");
    let limits = parse(&text).unwrap().limits;
    for shared in
        ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "10.0.0.7", "::ffff:10.1.200.3", "2001:db8:9::1"]
    {
        assert!(limits.is_shared(shared.parse().unwrap()), "{shared}");
    }
    for apart in ["10.0.0.8", "10.2.0.1", "2001:db9::1", "192.0.2.1", "0.0.0.0"] {
        assert!(!limits.is_shared(apart.parse().unwrap()), "{apart}");
    }
}

#[test]
fn a_start_waits_for_optional_parts_for_a_limited_time() {
    let config = parse(GOOD).unwrap();
    assert_eq!(config.server.startup_wait, Duration::from_secs(30));
    assert!(config.required_issuers.is_empty() && !config.buckets[0].required);
    let with = |wait: &str| parse(&format!("{GOOD}\n[server]\nstartup_wait = \"{wait}\"\n"));
    for (text, wait) in [("0s", Duration::ZERO), ("10m", Duration::from_mins(10))] {
        assert_eq!(with(text).unwrap().server.startup_wait, wait);
    }
    let problems = with("601s").unwrap_err();
    assert!(problems.to_string().ends_with("server.startup_wait must be at most 10m"), "{problems}");
    let required = ["[[issuer]]\n", "[[bucket]]\n"]
        .iter()
        .fold(GOOD.to_owned(), |text, table| text.replace(table, &format!("{table}required = true\n")));
    let config = parse(&required).unwrap();
    assert!(config.required_issuers.contains(&config.issuers[0].issuer) && config.buckets[0].required);
}
