//! What the tests of several crates share. It is compiled for them alone.
#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    clippy::unwrap_used,
    missing_debug_implementations,
    reason = "it is code of tests"
)]

mod pki;
mod tls_server;

pub use pki::{Authority, Issued};
