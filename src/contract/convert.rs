//! Translates requests to domain types and results to answers: the only module with both.

mod answers;
mod download;
mod fields;
mod stored_values;
mod upload;
mod verification;

pub(super) use download::{download_request, download_response};
pub(super) use upload::{upload_request, upload_response};
pub(super) use verification::{verification_request, verification_response};
