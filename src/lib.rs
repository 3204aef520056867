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
//! [`admission`], [`document`], [`files`], [`clock`], `error_chain`, `invisible`, `line_stream` and `step_span` are beside
//! the rings and know none of them.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this program wrote"))]

pub mod admission;
pub mod audit;
pub mod broker;
pub mod calls;
pub mod cli;
pub mod clock;
pub mod config;
#[cfg(feature = "dev")]
pub mod dev;
pub mod document;
mod error_chain;
pub mod files;
pub mod grpc;
pub mod identity;
mod invisible;
mod line_stream;
pub mod policy;
pub mod presign;
pub mod quota;
pub mod server;
mod step_span;
pub mod storage;
pub mod telemetry;
