//! Python's validators judge the `OpenAPI` document, and JSON by its schemas.

use std::process::Command;

use super::repository;
use crate::registry::{Registry, needs};
use crate::support::run;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.add_blocking(
        concat!(module_path!(), "::the_openapi_document_is_valid_and_its_schemas_accept_what_the_contract_permits"),
        &needs!([OpenapiSpecValidator, JsonSchema]),
        the_openapi_document_is_valid_and_its_schemas_accept_what_the_contract_permits,
    );
}

fn the_openapi_document_is_valid_and_its_schemas_accept_what_the_contract_permits() {
    let mut python = Command::new("python3");
    let document = repository().join("src/http/openapi.json");
    let printed = run(python.args(["-c", include_str!("description.py")]).arg(document));
    let judged: usize = printed.trim().parse().unwrap();
    assert!(judged >= 60, "{judged} values");
}
