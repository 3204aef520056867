//! May they? Object keys, tiers, rules, and the permit that follows from them.

mod checksum;
mod compile;
mod condition;
mod content_type;
mod decide;
mod longest_ttl;
mod object_key;
mod obligations;
mod permit;
mod prefix;
mod rule;
mod store;
mod terms;
mod tier;
mod tier_tree;

pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumLengthError};
pub use compile::{Policy, PolicyContext, TierOutline};
pub use decide::{ObjectReference, Refusal, RefusalReason};
pub use object_key::{
    BucketName, BucketNameError, MAX_BUCKET_NAME_BYTES, MAX_OBJECT_KEY_BYTES, ObjectKey, ObjectKeyError,
};
pub use obligations::FieldViolation;
pub use permit::{Lifetime, Permit};
pub use rule::Operation;
pub use store::PolicyStore;
pub use terms::{
    DownloadTerms, ExpiryLimit, HeaderText, HeaderTextError, LifetimeRequest, MAX_HEADER_TEXT_BYTES,
    MAX_METADATA_BYTES, MAX_VERSION_ID_BYTES, MetadataName, MetadataNameError, ResponseOverride, UploadTerms,
};

#[cfg(test)]
mod tests;
