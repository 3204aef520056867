//! Presigners of several kinds side by side.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::attribution::Attribution;
use super::presigned::{PresignedDownload, PresignedUpload};
use super::presigner::Presigner;
use super::signing::Signing;
use access_broker_policy::{BucketName, EndpointName, Permit, PermittedDownload, PermittedUpload};

/// Finds the presigner of each permit: the one that was given for the permit's bucket and endpoint, or else the general
/// one.
#[derive(Debug)]
pub struct SignerTable {
    general: Arc<dyn Presigner>,
    /// Mostly empty, and then a lookup costs nothing.
    by_endpoint: HashMap<BucketName, HashMap<EndpointName, Arc<dyn Presigner>>>,
}

impl SignerTable {
    /// One presigner for everything.
    #[must_use]
    pub fn new(general: Arc<dyn Presigner>) -> Self {
        Self { general, by_endpoint: HashMap::new() }
    }

    /// Another presigner for one endpoint of a bucket.
    #[must_use]
    pub fn with_endpoint(mut self, bucket: BucketName, endpoint: EndpointName, presigner: Arc<dyn Presigner>) -> Self {
        self.by_endpoint.entry(bucket).or_default().insert(endpoint, presigner);
        self
    }

    fn presigner<T>(&self, permit: &Permit<T>) -> &dyn Presigner {
        let own = self.by_endpoint.get(permit.object().bucket()).and_then(|bucket| bucket.get(permit.endpoint()));
        &**own.unwrap_or(&self.general)
    }
}

impl Presigner for SignerTable {
    fn sign_download<'a>(
        &'a self,
        permit: &'a Permit<PermittedDownload>,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, PresignedDownload> {
        self.presigner(permit).sign_download(permit, attribution, now)
    }

    fn sign_upload<'a>(
        &'a self,
        permit: &'a Permit<PermittedUpload>,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, PresignedUpload> {
        self.presigner(permit).sign_upload(permit, attribution, now)
    }
}
