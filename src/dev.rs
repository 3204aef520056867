//! What the `dev` subcommand adds to the broker: an S3 server and a token issuer in this process, and sample objects;
//! [`environment`] runs them together.
//!
//! Both servers bind loopback addresses only. They are for calls from this machine: the issuer gives a token to anyone
//! who names a user.

pub mod environment;
pub mod guide;
