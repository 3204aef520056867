//! access-broker decides who may read or write which S3 object and issues presigned URLs for exactly that.
//!
//! What can stand without the service is in crates of its own: `access_broker_identity` (who is calling),
//! `access_broker_policy` (what is allowed), `access_broker_s3` (signing, and inspecting objects) and `access_broker_base`
//! below them. Here is what makes a service of them, in rings whose arrows point inward only:
//!
//! - domain: [`broker`] (the use cases), [`quota`] (how often) and [`audit`] (what is recorded). No gRPC types.
//! - calls: [`calls`], what every call passes whichever wire it came by.
//! - wire: [`grpc`], from messages to domain types and back.
//! - runtime: [`config`], [`server`], [`telemetry`], [`cli`] and, with the feature of that name, `dev`.
//!
//! `admission`, `line_stream` and `step_span` are beside the rings and know none of them.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this program wrote"))]

mod admission;
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
