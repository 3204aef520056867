//! The presigner for S3.

mod attribution;
mod entity_tag_form;
mod expiry;
mod oversize;
mod sigv4_presigner;
mod sigv4_url;
mod terms;

pub use entity_tag_form::EntityTagForm;
pub use sigv4_presigner::{BucketSigner, SigV4Presigner};
pub use sigv4_url::{UnsignedRequest, presign_url};
