//! The seam between what is permitted and what signs it.

mod attribution;
mod error;
mod presigned;
mod presigner;
mod signed_request;

pub use attribution::Attribution;
pub use error::PresignError;
pub use presigned::{Expiry, PresignedDownload, PresignedUpload};
pub use presigner::Presigner;
pub use signed_request::{HttpMethod, SignedRequest, SignedUrl};
