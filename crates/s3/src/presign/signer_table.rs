//! Selects among presigners of several kinds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::attribution::Attribution;
use super::presigned::{PresignedDownload, PresignedUpload};
use super::presigner::Presigner;
use super::signing::Signing;
use access_broker_policy::{BucketName, EndpointName, Permit, PermittedDownload, PermittedUpload};

/// Selects the presigner of a permit: the one for its bucket and endpoint, or else the general one.
#[derive(Debug)]
pub struct SignerTable {
    general: Arc<dyn Presigner>,
    /// Usually empty, which makes a lookup cheap.
    by_endpoint: HashMap<BucketName, HashMap<EndpointName, Arc<dyn Presigner>>>,
}

impl SignerTable {
    /// One presigner for all endpoints.
    #[must_use]
    pub fn new(general: Arc<dyn Presigner>) -> Self {
        Self { general, by_endpoint: HashMap::new() }
    }

    /// Adds another presigner for one endpoint of a bucket.
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
