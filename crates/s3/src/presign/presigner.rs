//! The seam between what is permitted and who signs it.

use std::fmt;
use std::time::SystemTime;

use super::attribution::Attribution;
use super::presigned::{PresignedDownload, PresignedUpload};
use super::signing::Signing;
use access_broker_policy::{Permit, PermittedDownload, PermittedUpload};

/// Turns a permit into signed requests. Without a permit there is nothing to call it with.
///
/// What it signs with, and when that is renewed, is its own affair.
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
