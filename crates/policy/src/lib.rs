//! The policy of access-broker, in three modules. Each uses only the modules before it:
//!
//! - `object`: values of S3, such as keys, checksums and tags.
//! - `decide`: a compiled policy decides about a request, and a [`Permit`] follows. Pure: no I/O, no TOML, no clock.
//! - `file` (the feature of that name): reads a policy file.
#![cfg_attr(
    not(feature = "file"),
    allow(dead_code, unused_imports, reason = "only the reader of a policy file makes the parts of a policy")
)]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read files that this program wrote"))]

mod decide;
#[cfg(feature = "file")]
mod file;
mod object;

pub use decide::{
    AccessRequest, ExpiryLimit, FieldViolation, ImposedOnUploads, Lifetime, LifetimeRequest, MAX_TTL, Members,
    MembersHash, MembersOutline, Operation, Permit, PermittedDownload, PermittedInspection, PermittedObject,
    PermittedUpload, Policy, PolicyHash, RateLimit, Refusal, RefusalReason, RequestedDownload, RequestedUpload,
    TierOutline, TierQuota,
};
#[cfg(feature = "file")]
pub use file::{
    CallerOutlook, CompiledPolicy, Loss, MAX_MEMBERS, PolicyContext, RateScope, looks_like_path, losses, lost_lists,
    read_rate,
};
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
