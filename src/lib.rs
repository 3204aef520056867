//! access-broker decides who may read or write which S3 object and issues presigned URLs for exactly that.
//!
//! What can stand without the service is in crates of its own: `access_broker_identity` (who is calling),
//! `access_broker_policy` (what is allowed), `access_broker_s3` (signing, and inspecting objects), `access_broker_dev` (an S3
//! server and a token issuer to try things with) and `access_broker_base` below them. Here is what makes a service of them.
//! Imports point downward only:
//!
//! - runtime: [`cli`], `dev` (with the feature of that name), [`server`], [`config`] and [`telemetry`];
//! - wire: [`grpc`], from messages to domain types and back;
//! - calls: [`calls`], what every call passes whichever wire it came by;
//! - domain: [`audit`] (what is recorded), [`broker`] (the use cases), [`quota`] (how often), [`policy_store`] (the policy in
//!   force) and `admission` (who gets a place). No gRPC types.
//!
//! docs/ARCHITECTURE.md is the map.
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
