//! An S3 server and a token issuer inside one process, with sample users and objects.
//!
//! Both listen on loopback addresses only. The crate does not depend on the broker.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this program wrote"))]

mod embedded_issuer;
mod embedded_s3;
mod issuer_keys;
mod loopback_server;
mod samples;
mod users;

pub use embedded_issuer::{CLIENT_ID, EmbeddedIssuer, EmbeddedIssuerOptions, IssuedTokens};
/// The checksum algorithms of the S3 server.
pub use s3s::crypto as checksums;

pub use embedded_s3::{AccessKey, EmbeddedS3, EmbeddedS3Options, Session, generate_key_pair};
pub use samples::{CUTE_CAT, SUPER_CUTE_CAT, Sample, seed};
pub use users::{USERS, User};
