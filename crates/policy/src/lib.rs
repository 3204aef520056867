//! May they? Object keys, tiers, rules, and the permit that follows from them.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this program wrote"))]

mod account_id;
mod bucket_profile;
mod checksum;
mod compile;
mod condition;
mod content_encoding;
mod content_type;
mod decide;
mod disposition;
mod encryption;
mod endpoint_name;
mod endpoints;
mod entity_tag;
mod file;
mod fit;
mod glob;
mod header_text;
mod imposed;
mod include;
mod lifetime;
mod longest_ttl;
mod losses;
mod metadata;
mod object_key;
mod object_tags;
mod obligations;
mod permit;
mod prefix;
mod rate_limit;
mod rule;
mod storage_class;
mod store;
mod terms;
mod tier;
mod tier_quota;
mod tier_tree;
mod warnings;

pub use account_id::{AccountId, AccountIdError};
pub use bucket_profile::{BucketProfile, UnsignedHeaders};
pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumLengthError};
pub use compile::{Policy, PolicyContext, TierOutline};
pub use content_encoding::{ContentEncodingError, parse_content_encoding};
pub use decide::{AccessRequest, ObjectReference, Refusal, RefusalReason};
pub use disposition::{DispositionType, FileNameError};
pub use encryption::{Encryption, EncryptionAlgorithm};
pub use endpoint_name::{EndpointName, EndpointNameError};
pub use entity_tag::{EntityTag, EntityTagError};
pub use header_text::{HeaderText, HeaderTextError, MAX_HEADER_TEXT_BYTES};
pub use imposed::ImposedOnUploads;
pub use lifetime::{ExpiryLimit, Lifetime, LifetimeRequest};
pub use losses::{Loss, losses};
pub use metadata::{DECISION_METADATA, MAX_METADATA_BYTES, MetadataName, MetadataNameError};
pub use object_key::{
    BucketName, BucketNameError, MAX_BUCKET_NAME_BYTES, MAX_OBJECT_KEY_BYTES, ObjectKey, ObjectKeyError,
};
pub use object_tags::{MAX_TAGS, ObjectTagError, ObjectTags};
pub use obligations::FieldViolation;
pub use permit::{Permit, PermittedLook, PermittedObject};
pub use rate_limit::{RateLimit, read_rate};
pub use rule::Operation;
pub use storage_class::StorageClass;
pub use store::{PolicyStatus, PolicyStore};
pub use terms::{DownloadTerms, MAX_VERSION_ID_BYTES, ResponseOverride, UploadTerms};
pub use tier_quota::TierQuota;
pub use warnings::CallerOutlook;
pub use warnings::looks_like_path;

#[cfg(test)]
mod tests;
