//! Sign it. Endpoints, credentials, and the URL that follows from a permit.

pub mod credentials;
pub mod sigv4;

mod account_id;
mod attribution;
mod encoding;
mod endpoint;
mod entity_tag_form;
mod presigner;
mod required_headers;
mod signed_headers;
mod signed_request;
mod signing_key;
mod signing_time;
mod sigv4_presigner;

#[cfg(test)]
mod oracles;
#[cfg(test)]
mod strategies;

pub use account_id::{AccountId, AccountIdError};
pub use attribution::Attribution;
pub use endpoint::{Addressing, BucketEndpoint, EndpointError, EndpointSettings};
pub use entity_tag_form::EntityTagForm;
pub use presigner::{Expiry, PresignError, PresignedDownload, PresignedUpload, Presigner};
pub use required_headers::RequiredHeaders;
pub use signed_headers::{SignedHeaderError, SignedHeaders};
pub use signed_request::{HttpMethod, SignedRequest, SignedUrl};
pub use signing_time::{ExpiresIn, ExpiresInError, SigningTime, SigningTimeError};
pub use sigv4_presigner::{BucketSigner, SigV4Presigner};
