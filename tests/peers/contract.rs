//! What other programs make of the contract: generators of clients, validators of `OpenAPI`, and Envoy's transcoder.

mod clients;
mod description;
pub(crate) mod transcoder;

use std::path::Path;

use crate::registry::Registry;

pub(crate) fn register(registry: &mut Registry<'_>) {
    clients::register(registry);
    description::register(registry);
    transcoder::register(registry);
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
