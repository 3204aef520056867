//! What access-broker allows, in three modules. Each uses only those before it:
//!
//! - `object`: S3's words, such as keys, checksums and tags.
//! - `decide`: a compiled policy decides about a request, and a [`Permit`] follows. Pure: no I/O, no TOML, no clock.
//! - `file` (the feature of that name): reads a policy file.
#![cfg_attr(
    not(feature = "file"),
    allow(dead_code, unused_imports, reason = "the parts of a policy are made by the reader of its file alone")
)]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this program wrote"))]

mod decide;
#[cfg(feature = "file")]
mod file;
mod object;

pub use decide::{
    AccessRequest, ExpiryLimit, FieldViolation, ImposedOnUploads, Lifetime, LifetimeRequest, MAX_TTL, Operation,
    Permit, PermittedDownload, PermittedInspection, PermittedObject, PermittedUpload, Policy, RateLimit, Refusal,
    RefusalReason, RequestedDownload, RequestedUpload, TierOutline, TierQuota,
};
#[cfg(feature = "file")]
pub use file::{CallerOutlook, CompiledPolicy, Loss, PolicyContext, looks_like_path, losses, read_rate};
pub use object::{
    AccountId, AccountIdError, BucketName, BucketNameError, BucketProfile, Checksum, ChecksumAlgorithm,
    ChecksumLengthError, ContentEncodingError, DECISION_METADATA, DispositionType, Encryption, EncryptionAlgorithm,
    EndpointName, EndpointNameError, EntityTag, EntityTagError, FileNameError, HeaderText, HeaderTextError,
    MAX_METADATA_BYTES, MAX_OBJECT_KEY_BYTES, MAX_TAGS, MetadataName, MetadataNameError, ObjectKey, ObjectKeyError,
    ObjectReference, ObjectTagError, ObjectTags, ResponseOverride, StorageClass, UnsignedHeaders,
    parse_content_encoding,
};

#[cfg(test)]
#[cfg(feature = "file")]
mod tests;
