//! The interface of presigners.

use std::fmt;
use std::time::SystemTime;

use super::attribution::Attribution;
use super::presigned::{PresignedDownload, PresignedUpload};
use super::signing::Signing;
use access_broker_policy::{Permit, PermittedDownload, PermittedUpload};

/// Turns a permit into signed requests. It cannot be called without a permit.
///
/// The presigner selects and renews its credentials.
pub trait Presigner: fmt::Debug + Send + Sync + 'static {
    /// Signs a GET and a HEAD for one object, if the permit can be signed at `now`.
    fn sign_download<'a>(
        &'a self,
        permit: &'a Permit<PermittedDownload>,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, PresignedDownload>;

    /// Signs a PUT for one object, if the permit can be signed at `now`.
    fn sign_upload<'a>(
        &'a self,
        permit: &'a Permit<PermittedUpload>,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, PresignedUpload>;
}
