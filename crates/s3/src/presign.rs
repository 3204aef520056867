//! The seam between what is permitted and what signs it.

mod attribution;
mod presigner;
mod signed_request;

pub use attribution::Attribution;
pub use presigner::{Expiry, PresignError, PresignedDownload, PresignedUpload, Presigner};
pub use signed_request::{HttpMethod, SignedRequest, SignedUrl};
