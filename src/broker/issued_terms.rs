//! What issued URLs bind beside their object, as far as records tell of it.

use std::sync::Arc;

use crate::policy::{
    Checksum, Encryption, EntityTag, HeaderText, Permit, PermittedDownload, PermittedUpload, ResponseOverride,
    StorageClass,
};

/// The terms of a permit without what nobody but the client and S3 has a use for: metadata, tags and caching are left
/// out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuedTerms {
    /// Those of a download.
    Download(BoundDownload),
    /// Those of an upload.
    Upload(BoundUpload),
}

/// What download URLs bind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BoundDownload {
    /// The one version that they read.
    pub version_id: Option<HeaderText>,
    /// The content type of S3's answer, where it is not the object's own.
    pub content_type: Option<HeaderText>,
    /// The content disposition of S3's answer, where it is not the object's own.
    pub content_disposition: Option<HeaderText>,
    /// Whether equal requests get the same URLs.
    pub stable: bool,
}

/// What an upload URL binds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BoundUpload {
    /// `Content-Type`
    pub content_type: Option<HeaderText>,
    /// `Content-Length`, in bytes.
    pub content_length: Option<u64>,
    /// The checksum that S3 verifies.
    pub checksum: Option<Checksum>,
    /// Whether the upload fails when the object exists.
    pub create_only: bool,
    /// The tag that the object there must have.
    pub if_match: Option<EntityTag>,
    /// The storage class, where it is not left to S3.
    pub storage_class: Option<StorageClass>,
    /// How S3 encrypts the object, where the tier says so.
    pub encryption: Option<Arc<Encryption>>,
    /// Whether the object keeps the id of its decision.
    pub record_decision: bool,
}

impl IssuedTerms {
    pub(super) fn of_download(permit: &Permit<PermittedDownload>) -> Self {
        let terms = permit.terms();
        Self::Download(BoundDownload {
            version_id: terms.version_id.clone(),
            content_type: terms.response_override(ResponseOverride::ContentType).cloned(),
            content_disposition: terms.response_override(ResponseOverride::ContentDisposition).cloned(),
            stable: permit.lifetime().stable,
        })
    }

    pub(super) fn of_upload(permit: &Permit<PermittedUpload>) -> Self {
        let terms = permit.terms();
        Self::Upload(BoundUpload {
            content_type: terms.content_type.clone(),
            content_length: terms.content_length,
            checksum: terms.checksum.clone(),
            create_only: terms.create_only,
            if_match: terms.if_match.clone(),
            storage_class: terms.storage_class,
            encryption: terms.encryption.clone(),
            record_decision: terms.record_decision,
        })
    }
}
