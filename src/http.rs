//! The HTTP wire: JSON at the paths of the contract's annotations, Connect's unary calls, and the call `/presignedurl`.
//!
//! A request's `head` is judged; then it is an `exchange::Exchange`, which the pipeline of all calls runs. Nothing of its
//! headers is passed on but those of an allow-list (`inward`).

mod accept;
mod answer;
mod body;
mod browser;
mod connect;
mod exchange;
mod head;
mod inward;
mod openapi;
mod origin;
mod presigned_url;
mod rest;
mod service;
mod settings;
mod target;

pub(crate) use answer::refusal_of_stream;
pub(crate) use inward::has_clear_length;
pub use origin::Origin;
pub(crate) use service::HttpCalls;
pub use settings::{AcceptedHosts, HttpSettings, PresignedUrlSettings};
