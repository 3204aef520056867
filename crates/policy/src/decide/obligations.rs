//! What a tier demands of an operation, and whether a request meets it.

mod download;
mod upload;

pub(crate) use download::DownloadObligations;
pub(crate) use upload::{MAX_SINGLE_PUT_BYTES, UploadObligations};
