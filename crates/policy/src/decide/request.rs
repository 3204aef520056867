//! What a caller asks for, already valid in itself.

use super::lifetime::LifetimeRequest;
use crate::object::{
    Checksum, EndpointName, EntityTag, HeaderText, MetadataName, ObjectReference, ObjectTags, ResponseOverride,
    StorageClass,
};

/// A request for a URL, valid in itself.
#[derive(Debug, Clone)]
pub struct AccessRequest<T> {
    /// The object to read or write.
    pub object: ObjectReference,
    /// By which endpoint; `None` takes the policy's choice.
    pub endpoint: Option<EndpointName>,
    /// For how long.
    pub lifetime: LifetimeRequest,
    /// How to read, or what to write.
    pub terms: T,
}

/// How a caller wants to read an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestedDownload {
    /// One version of the object instead of the current one.
    pub version_id: Option<HeaderText>,
    /// Headers that S3 shall put on its answer in place of the stored ones.
    pub response_overrides: Vec<(ResponseOverride, HeaderText)>,
}

/// What a caller wants to write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestedUpload {
    /// `Content-Type`
    pub content_type: Option<HeaderText>,
    /// `Content-Length`, in bytes, exactly.
    pub content_length: Option<u64>,
    /// The checksum that S3 shall verify.
    pub checksum: Option<Checksum>,
    /// Whether the upload shall fail when the object exists. `None` leaves it to the tier.
    pub create_only: Option<bool>,
    /// The tag that the object there must have.
    pub if_match: Option<EntityTag>,
    /// `Cache-Control`
    pub cache_control: Option<HeaderText>,
    /// `Content-Disposition`
    pub content_disposition: Option<HeaderText>,
    /// `Content-Encoding`
    pub content_encoding: Option<HeaderText>,
    /// User metadata, without the prefix `x-amz-meta-` of its names.
    pub metadata: Vec<(MetadataName, HeaderText)>,
    /// Tags beside those of the tier.
    pub tags: ObjectTags,
    /// The storage class. `None` leaves it to S3, which takes `STANDARD`.
    pub storage_class: Option<StorageClass>,
}
