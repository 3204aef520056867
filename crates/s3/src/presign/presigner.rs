//! The seam between what is permitted and who signs it.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;

use super::attribution::Attribution;
use super::error::PresignError;
use super::presigned::{PresignedDownload, PresignedUpload};
use access_broker_policy::{BucketName, DownloadTerms, Operation, Permit, UploadTerms};

/// Turns a permit into signed requests. Without a permit there is nothing to call it with.
#[async_trait]
pub trait Presigner: fmt::Debug + Send + Sync + 'static {
    /// Signs a GET and a HEAD for one object.
    ///
    /// # Errors
    ///
    /// When the permit cannot be signed at `now`.
    fn presign_download(
        &self,
        permit: &Permit<DownloadTerms>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<PresignedDownload, PresignError>;

    /// Signs a PUT for one object.
    ///
    /// # Errors
    ///
    /// When the permit cannot be signed at `now`.
    fn presign_upload(
        &self,
        permit: &Permit<UploadTerms>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<PresignedUpload, PresignError>;

    /// Asks for credentials of an operation that live longer than those at hand, for a caller who insists on it. Signing itself never
    /// waits for credentials.
    async fn renew_credentials(&self, bucket: &BucketName, operation: Operation);
}
