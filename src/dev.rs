//! What the `dev` subcommand puts around the broker: an S3 server and a token issuer inside this process, and sample
//! objects to try them with; [`environment`] runs it all together.
//!
//! Both servers bind loopback addresses only. They exist to be called by whoever sits at this machine: the issuer hands
//! a token to anyone who names a user.

pub mod environment;
pub mod guide;

mod embedded_issuer;
mod embedded_s3;
mod issuer_keys;
mod loopback_server;
mod samples;
mod users;

pub use embedded_issuer::{
    CLIENT_ID, DEFAULT_TOKEN_LIFETIME, EmbeddedIssuer, EmbeddedIssuerOptions, IssuedTokens, MAX_TOKEN_LIFETIME,
};
pub use embedded_s3::{AccessKey, EmbeddedS3, EmbeddedS3Options, Session, generate_key_pair};
pub use samples::{CUTE_CAT, NOTES, SAMPLES, SUPER_CUTE_CAT, Sample, seed};
pub use users::{USERS, User};
