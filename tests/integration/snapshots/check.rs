//! `access-broker check`: what it understood, what is wrong and what to look at, as text and as JSON.

use std::fs;
use std::path::Path;

use super::assert_unchanged;
use super::help::transcript;
use crate::support::folder;

/// A configuration with every kind of problem.
const BROKEN: &str = r#"[server]
grpc_addr = 1
admin_addr = "nowhere"
admin = true
s3_timeout = "0s"
drain_delay = "fast"
startup_wait = "1.5s"
token_cache_size = "5GiB"
reflection = "yes"

[limits]
max_connections = 0
max_message_size = "1KiB"
max_metadata_size = "many"
trusted_proxies = ["10.0.0.0/33"]

[log]
level = "loud"

[audit]
output = "somewhere"
rotate_keep = 0

[quota]
caller = "many"
caller_burst = 5
unlimited = true

[unknown_section]
a = 1

[[issuer]]
issuer = "http://issuer.example"
audiences = []
algorithms = ["none"]
leeway = "1h"

[[issuer]]
issuer = "https://issuer.example"
audiences = ["broker", "broker"]
jwks_url = "http://issuer.example/keys"
preset = "unheard-of"

[[listener]]
address = "nowhere"
proof = "smile"

[[listener]]
address = "127.0.0.1:1"
proof = "mtls"

[[bucket]]
name = "Media"
s3_bucket = "a"
region = ""
credentials = "unknown"
accelerate = true
fips = true
endpoint = "ftp://s3.example"

[[credentials]]
name = "test"
access_key_id_env = "A"
access_key_id_file = "a"
"#;

/// A configuration with nothing wrong, for policies that have.
const GOOD: &str = r#"[server]
grpc_addr = "127.0.0.1:50051"
admin_addr = "127.0.0.1:9090"

[policy]
file = "policy.toml"

[[issuer]]
issuer = "https://issuer.example"
audiences = ["broker"]
jwks_file = "jwks.json"

[[bucket]]
name = "media"
s3_bucket = "acme-media"
region = "eu-west-1"
"#;

/// A policy with every kind of problem.
const BROKEN_POLICY: &str = r#"[[tier]]
name = "Upper"
bucket = "other"
prefix = "/a"
download = { max_ttl = "8days", default_ttl = "1h", disposition = "inline", unknown = 1 }

[[tier]]
name = "a"
bucket = "media"
prefix = "a/"
include = ["[", ""]
endpoints = ["nowhere"]
quota = { caller = "1/y", total_burst = 3 }
upload = { max_size = "6GiB", checksum = "md6", if_match = true, tags = { a = 1 }, encryption = { algorithm = "ROT13" } }

[[tier]]
name = "a"
bucket = "media"
prefix = "{claims.}/"

[[grant]]
tiers = ["a", "b"]
operations = "delete"
to = {}

[[grant]]
tiers = []
operations = ["download"]
to = { groups = 1, planets = "mars", issuers = "https://other.example" }

[[denial]]
to = { authenticated = false }
endpoints = ["default"]
"#;

/// A configuration with warnings.
const WARNED: &str = r#"[server]
grpc_addr = "0.0.0.0:50051"
admin_addr = "198.51.100.7:9090"

[policy]
file = "policy.toml"

[[issuer]]
issuer = "https://login.microsoftonline.com/common/v2.0"
audiences = ["$${AUDIENCE}"]
jwks_file = "jwks.json"
trust_email = true

[[bucket]]
name = "media"
s3_bucket = "acme-media"
region = "eu-west-99"

[[bucket]]
name = "elsewhere"
s3_bucket = "acme-else"
region = "eu-west-1"
endpoint = "https://s3.example/acme-else"
addressing = "path"
unsigned_headers = "accepted"

[[credentials]]
name = "unused"
access_key_id_env = "A"
secret_access_key_env = "B"
"#;

/// A policy with warnings.
const WARNED_POLICY: &str = r#"[[tier]]
name = "pictures"
bucket = "elsewhere"
prefix = "pictures */"
download = {}
upload = { content_types = ["image/*"], checksum = "sha256" }

[[tier]]
name = "forgotten"
bucket = "media"
prefix = "forgotten/"
download = {}
upload = {}

[[grant]]
tiers = "pictures"
operations = "download"
to = { authenticated = true }

[[grant]]
tiers = "pictures"
operations = "download"
to = { groups = ["team-*", "{sub}"] }

[[grant]]
tiers = "pictures"
operations = "upload"
to = { claims = { "realm_access.roles" = "editor" } }

[[denial]]
tiers = "pictures"
operations = "upload"
to = { authenticated = true }
"#;

/// A configuration that takes workloads only, with an issuer all the same.
const WORKLOADS: &str = r#"[server]
admin_addr = "127.0.0.1:9090"

[policy]
file = "policy.toml"

[[listener]]
address = "127.0.0.1:50051"
proof = "mesh-header"
trust_domain = "prod.example"
mesh_header = "l5d-client-id"
trusted_hop = ["loopback"]

[[issuer]]
issuer = "https://issuer.example"
audiences = ["broker"]
jwks_file = "jwks.json"

[[bucket]]
name = "media"
s3_bucket = "acme-media"
region = "eu-west-1"
"#;

/// A policy that asks workloads for what only tokens have.
const POLICY_FOR_TOKENS: &str = r#"[[tier]]
name = "own"
bucket = "media"
prefix = "{sub}/"
download = { end_with_token = true }
upload = {}

[[grant]]
tiers = "own"
operations = "download"
to = { authenticated = true }

[[grant]]
tiers = "own"
operations = "download"
to = { groups = "editors" }
"#;

/// What `check` says of the configuration in a folder, in both forms.
fn checked(folder: &Path, config: &str, more: &[&str]) -> String {
    let arguments = [&["check", "--config", config], more].concat();
    transcript(&arguments, folder) + &transcript(&[&arguments[..], &["--format", "json"]].concat(), folder)
}

/// The same of a folder with these files.
fn checked_files(files: &[(&str, &str)], more: &[&str]) -> String {
    let folder = folder();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    checked(folder.path(), "broker.toml", more)
}

#[test]
fn what_check_says_of_the_samples_is_as_it_was() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    assert_unchanged("check_samples", &checked(&samples, "broker.toml", &[]));
}

#[test]
fn what_check_says_of_a_broken_configuration_is_as_it_was() {
    let text = checked_files(&[("broker.toml", BROKEN)], &[])
        + &checked_files(&[("broker.toml", "[server\n")], &[])
        + &checked_files(&[("broker.toml", "")], &["--grpc-addr", "nowhere", "--log-level", "loud"])
        + &checked_files(&[], &[]);
    assert_unchanged("check_broken_configuration", &text);
}

#[test]
fn what_check_says_of_a_broken_policy_is_as_it_was() {
    let text = checked_files(&[("broker.toml", GOOD), ("policy.toml", BROKEN_POLICY)], &[])
        + &checked_files(&[("broker.toml", GOOD), ("policy.toml", "tier = [\n")], &[])
        + &checked_files(&[("broker.toml", GOOD), ("policy.toml", "")], &[])
        + &checked_files(&[("broker.toml", GOOD)], &[]);
    assert_unchanged("check_broken_policy", &text);
}

#[test]
fn what_check_warns_of_is_as_it_was() {
    let files = [("broker.toml", WARNED), ("policy.toml", WARNED_POLICY)];
    let text = checked_files(&files, &[])
        + &checked_files(&files, &["--deny-warnings"])
        + &checked_files(&files, &["--deny-warnings", "--allow", "plaintext_listener"])
        + &checked_files(&[("broker.toml", WORKLOADS), ("policy.toml", POLICY_FOR_TOKENS)], &[]);
    assert_unchanged("check_warnings", &text);
}
