//! The description of the interface, which a test generates from the contract.

use http::{Response, StatusCode};

use super::answer::{AnswerBody, JSON, answer};
use crate::calls::Code;

/// `OpenAPI` 3.1.
const DESCRIPTION: &str = include_str!("openapi.json");

pub(super) fn description() -> Response<AnswerBody> {
    answer(StatusCode::OK, Code::Ok, JSON, DESCRIPTION.as_bytes())
}
