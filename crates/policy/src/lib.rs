//! May they? Object keys, tiers, rules, and the permit that follows from them.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this program wrote"))]

mod decide;
mod file;
mod object;

pub use decide::{
    AccessRequest, DownloadTerms, ExpiryLimit, FieldViolation, ImposedOnUploads, Lifetime, LifetimeRequest,
    MAX_VERSION_ID_BYTES, Operation, Permit, PermittedLook, PermittedObject, Policy, RateLimit, Refusal, RefusalReason,
    TierOutline, TierQuota, UploadTerms,
};
pub use file::{CallerOutlook, CompiledPolicy, Loss, PolicyContext, looks_like_path, losses, read_rate};
pub use object::{
    AccountId, AccountIdError, BucketName, BucketNameError, BucketProfile, Checksum, ChecksumAlgorithm,
    ChecksumLengthError, ContentEncodingError, DECISION_METADATA, DispositionType, Encryption, EncryptionAlgorithm,
    EndpointName, EndpointNameError, EntityTag, EntityTagError, FileNameError, HeaderText, HeaderTextError,
    MAX_BUCKET_NAME_BYTES, MAX_HEADER_TEXT_BYTES, MAX_METADATA_BYTES, MAX_OBJECT_KEY_BYTES, MAX_TAGS, MetadataName,
    MetadataNameError, ObjectKey, ObjectKeyError, ObjectReference, ObjectTagError, ObjectTags, ResponseOverride,
    StorageClass, UnsignedHeaders, parse_content_encoding,
};

#[cfg(test)]
mod tests;
