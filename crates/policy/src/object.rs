//! Values of S3: names, headers, checksums, and what a bucket's server does. They do not depend on policies.

mod account_id;
mod bucket_name;
mod bucket_profile;
mod checksum;
mod content_encoding;
mod content_type;
mod disposition;
mod encryption;
mod endpoint_name;
mod entity_tag;
mod header_text;
mod metadata;
mod object_key;
mod object_reference;
mod object_tags;
mod response_override;
mod storage_class;
mod token;

pub use account_id::{AccountId, AccountIdError};
pub use bucket_name::{BucketName, BucketNameError};
pub use bucket_profile::{BucketProfile, UnsignedHeaders};
pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumLengthError};
pub use content_encoding::{ContentEncodingError, parse_content_encoding};
pub(crate) use content_type::ContentTypePattern;
pub(crate) use disposition::is_attachment;
pub use disposition::{DispositionType, FileNameError};
pub use encryption::{Encryption, EncryptionAlgorithm};
pub use endpoint_name::{EndpointName, EndpointNameError};
pub use entity_tag::{EntityTag, EntityTagError};
pub use header_text::{HeaderText, HeaderTextError};
pub use metadata::{DECISION_METADATA, MAX_METADATA_BYTES, MetadataName, MetadataNameError};
pub use object_key::{MAX_OBJECT_KEY_BYTES, ObjectKey, ObjectKeyError};
pub use object_reference::ObjectReference;
pub use object_tags::{MAX_TAGS, ObjectTagError, ObjectTags};
pub use response_override::ResponseOverride;
pub use storage_class::StorageClass;
