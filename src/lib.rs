//! access-broker decides who may read or write which S3 object and issues presigned URLs for exactly that.
//!
//! Three rings, whose arrows point inward only:
//!
//! - domain: [`identity`] (who is calling), [`policy`] (may they), [`presign`] (sign it), [`broker`] (the use cases) and
//!   [`audit`] (what is kept of them). No gRPC types.
//! - wire: [`calls`], what every call passes whichever wire it came by, and [`grpc`], from messages to domain types and
//!   back.
//! - runtime: [`config`], [`server`], [`telemetry`], [`cli`] and, with the feature of that name, `dev`.
//!
//! [`admission`], [`document`], [`files`], [`clock`], `error_chain`, `invisible`, `line_stream`, `pacing` and `step_span`
//! are beside the rings and know none of them.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this program wrote"))]

pub mod admission;
pub mod audit;
pub mod broker;
pub mod calls;
pub mod cli;
pub mod config;
#[cfg(feature = "dev")]
pub mod dev;
pub mod grpc;
mod line_stream;
pub mod policy_store;
pub mod quota;
#[cfg(test)]
mod second_signer;
pub mod server;
mod step_span;
pub mod telemetry;

pub use access_broker_base::{clock, document, error_chain, files, invisible, pacing};
pub use access_broker_identity as identity;
pub use access_broker_policy as policy;
pub use access_broker_s3::storage;

/// The seam to what signs, and the signer for S3.
pub mod presign {
    pub use access_broker_policy::{AccountId, AccountIdError};
    pub use access_broker_s3::presign::*;
    pub use access_broker_s3::*;
}
