//! What the `dev` subcommand puts around the broker: an S3 server and a token issuer inside this process, and sample
//! objects to try them with; [`environment`] runs it all together.
//!
//! Both servers bind loopback addresses only. They exist to be called from this machine: the issuer hands
//! a token to anyone who names a user.

pub mod environment;
pub mod guide;
