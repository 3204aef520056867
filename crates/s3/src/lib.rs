//! Presigned URLs for S3, and the broker's own look at objects.
//!
//! Two seams face the broker and name nothing of AWS: [`presign`] (sign what a permit allows) and [`storage`] (describe an
//! object). Behind them is one wing for S3: [`credentials`], `endpoint`, `sigv4`, `signer` and `inspector`.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this program wrote"))]

pub mod credentials;
pub mod presign;
pub mod storage;

mod endpoint;
mod inspector;
mod signer;
mod sigv4;

#[cfg(test)]
mod oracles;
#[cfg(test)]
mod strategies;

pub use endpoint::{Addressing, BucketEndpoint, EndpointError, EndpointSettings, NamedEndpoint, RequiredHeaders};
pub use inspector::{BucketAccess, S3Inspector};
pub use signer::{BucketSigner, EntityTagForm, SigV4Presigner, UnsignedRequest, presign_url};
pub use sigv4::{
    ExpiresIn, ExpiresInError, QueryParameter, SignedHeaderError, SignedHeaders, SigningTime, SigningTimeError,
};
