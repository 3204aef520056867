//! The broker's HTTP interface judged by other programs: Envoy's transcoder and Schemathesis.

mod broker;
mod differences;
mod errors;
mod examples;
mod requests;
mod storage;
mod transcoder;

use crate::registry::Registry;

pub(crate) fn register(registry: &mut Registry<'_>) {
    errors::register(registry);
    examples::register(registry);
    transcoder::register(registry);
}
