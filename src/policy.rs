//! May they? Object keys, tiers, rules, and the permit that follows from them.

mod checksum;
mod object_key;
mod permit;
mod terms;

pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumLengthError};
pub use object_key::{
    BucketName, BucketNameError, MAX_BUCKET_NAME_BYTES, MAX_OBJECT_KEY_BYTES, ObjectKey, ObjectKeyError,
};
pub use permit::{Lifetime, Permit};
pub use terms::{
    DownloadTerms, ExpiryLimit, HeaderText, HeaderTextError, LifetimeRequest, MAX_HEADER_TEXT_BYTES,
    MAX_METADATA_BYTES, MAX_VERSION_ID_BYTES, MetadataName, MetadataNameError, ResponseOverride, UploadTerms,
};

/// The compiled policy.
#[derive(Debug)]
pub struct Policy;
