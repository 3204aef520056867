//! Presigned URLs for S3, and the broker's inspection of objects.
//!
//! Two interfaces for the broker do not depend on AWS: [`presign`] (sign a permit) and [`storage`] (describe an
//! object). Behind them is the code for S3, from top to bottom: [`S3Buckets`], then `signer` and `inspector`, then
//! [`credentials`] and `endpoint`, then `sigv4`.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this program wrote"))]

pub mod credentials;
pub mod presign;
pub mod storage;

mod buckets;
mod endpoint;
mod inspector;
mod signer;
mod sigv4;

#[cfg(test)]
mod oracles;
#[cfg(test)]
mod strategies;

pub use buckets::{S3Bucket, S3Buckets, S3BucketsError, S3Options};
pub use endpoint::{Addressing, BucketEndpoint, EndpointError, EndpointSettings, NamedEndpoint, RequiredHeaders};
pub use signer::{BucketSigner, EntityTagForm, SigV4Presigner, UnsignedRequest, presign_url};
pub use sigv4::{
    ExpiresIn, ExpiresInError, QueryParameter, SignedHeaderError, SignedHeaders, SigningTime, SigningTimeError,
};
