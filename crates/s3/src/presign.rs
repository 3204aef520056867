//! The interface between permits and presigners.

mod attribution;
mod error;
mod presigned;
mod presigner;
mod signed_request;
mod signer_status;
mod signer_table;
mod signing;

pub use attribution::Attribution;
pub use error::PresignError;
pub use presigned::{Expiry, PresignedDownload, PresignedUpload};
pub use presigner::Presigner;
pub use signed_request::{HttpMethod, SignedRequest, SignedUrl};
pub use signer_status::{SignerStatus, SignerUpkeep, SigningAvailability, SigningCredentialsStatus};
pub use signer_table::SignerTable;
pub(crate) use signing::BoxFuture;
pub use signing::{Signing, Waiting};
