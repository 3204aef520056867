//! What brokers that never meet an S3 server have in common: one bucket, keys for it, and everybody may read.

/// A bucket and its credentials, for the end of a configuration.
pub(crate) const BUCKET: &str = r#"
[[bucket]]
name = "media"
s3_bucket = "acme-media"
region = "eu-west-1"
credentials = "test"

[[credentials]]
name = "test"
access_key_id_env = "TEST_ACCESS_KEY_ID"
secret_access_key_env = "TEST_SECRET_ACCESS_KEY"
"#;

/// The environment that these credentials come from.
pub(crate) const VARIABLES: [(&str, &str); 2] = [
    ("TEST_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("TEST_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
];

/// Whoever is known may read everything: what is refused, is refused for the proof.
pub(crate) const EVERYBODY_READS: &str = r#"
tier = [{ name = "all", bucket = "media", prefix = "", download = {} }]
grant = [{ tiers = ["all"], operations = ["download"], to = { authenticated = true } }]
"#;
