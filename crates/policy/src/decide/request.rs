//! Requests for URLs, already checked except by the policy.

use super::lifetime::LifetimeRequest;
use crate::object::{
    Checksum, EndpointName, EntityTag, HeaderText, MetadataName, ObjectReference, ObjectTags, ResponseOverride,
    StorageClass,
};

/// A request for a URL. Its values are valid.
#[derive(Debug, Clone)]
pub struct AccessRequest<T> {
    /// The object to read or write.
    pub object: ObjectReference,
    /// The requested endpoint; `None` takes the policy's choice.
    pub endpoint: Option<EndpointName>,
    /// The requested life.
    pub lifetime: LifetimeRequest,
    /// The requested terms.
    pub terms: T,
}

/// The requested terms of a download.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestedDownload {
    /// A version of the object. `None`: the current one.
    pub version_id: Option<HeaderText>,
    /// Headers that S3 sends instead of the stored ones.
    pub response_overrides: Vec<(ResponseOverride, HeaderText)>,
}

/// The requested terms of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestedUpload {
    /// `Content-Type`
    pub content_type: Option<HeaderText>,
    /// `Content-Length`, in bytes, exactly.
    pub content_length: Option<u64>,
    /// The checksum that S3 verifies.
    pub checksum: Option<Checksum>,
    /// Whether the upload fails if the object exists. `None` leaves it to the tier.
    pub create_only: Option<bool>,
    /// The `ETag` that the existing object must have.
    pub if_match: Option<EntityTag>,
    /// `Cache-Control`
    pub cache_control: Option<HeaderText>,
    /// `Content-Disposition`
    pub content_disposition: Option<HeaderText>,
    /// `Content-Encoding`
    pub content_encoding: Option<HeaderText>,
    /// User metadata, without the prefix `x-amz-meta-` of its names.
    pub metadata: Vec<(MetadataName, HeaderText)>,
    /// Tags in addition to those of the tier.
    pub tags: ObjectTags,
    /// The storage class. `None` leaves it to S3, which takes `STANDARD`.
    pub storage_class: Option<StorageClass>,
}
