//! Brokers whose callers prove themselves as workloads.

pub(crate) mod setup;
pub(crate) mod tokens;
