//! access-broker decides who may read or write which S3 object and issues presigned URLs for these operations.
//!
//! Separate crates have what does not need the service: `access_broker_protojson` (JSON and query strings of messages),
//! `access_broker_identity` (authentication),
//! `access_broker_policy` (what is permitted), `access_broker_s3` (signing, and reading attributes of objects),
//! `access_broker_dev` (an S3 server and a token issuer for trials) and `access_broker_base` below them. This crate is
//! the service. Imports point downward only:
//!
//! - runtime: [`cli`], `dev` (with the feature of that name), [`server`], [`config`] and [`telemetry`];
//! - wire: [`grpc`] and `http`, and the [`contract`] that both serve: messages, and domain types and back;
//! - calls: [`calls`], the steps of every call, for every wire;
//! - domain: [`audit`] (what is recorded), [`broker`] (the use cases), [`quota`] (how often), [`policy_store`] (the
//!   active policy) and `admission` (limits). No gRPC types.
//!
//! docs/ARCHITECTURE.md has the overview.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this program wrote"))]

mod admission;
pub mod audit;
pub mod broker;
pub mod calls;
pub mod cli;
pub mod config;
pub mod contract;
#[cfg(feature = "dev")]
pub mod dev;
pub mod grpc;
pub mod http;
mod line_stream;
pub mod policy_store;
pub mod quota;
#[cfg(test)]
mod second_signer;
pub mod server;
mod step_span;
pub mod telemetry;
