//! How long signing takes.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use async_trait::async_trait;
use opentelemetry_sdk::trace::SdkTracer;
use prometheus_client::metrics::histogram::Histogram;

use super::metrics::CallMetrics;
use crate::policy::{BucketName, Operation, Permit, PermittedDownload, PermittedUpload};
use crate::presign::{Attribution, PresignError, PresignedDownload, PresignedUpload, Presigner};
use crate::step_span::StepSpan;

/// Signs by another presigner, and shows it in metrics and traces.
#[derive(Debug)]
pub struct ObservedPresigner {
    inner: Arc<dyn Presigner>,
    seconds: Histogram,
    tracer: Option<SdkTracer>,
}

impl ObservedPresigner {
    /// Observes a presigner.
    #[must_use]
    pub fn new(inner: Arc<dyn Presigner>, metrics: &CallMetrics, tracer: Option<SdkTracer>) -> Self {
        Self { inner, seconds: metrics.presign_seconds(), tracer }
    }

    fn observe<T>(&self, sign: impl FnOnce() -> Result<T, PresignError>) -> Result<T, PresignError> {
        let step = StepSpan::of_current(self.tracer.as_ref(), "sign");
        let started = Instant::now();
        let signed = sign();
        self.seconds.observe(started.elapsed().as_secs_f64());
        step.set("access_broker.outcome", if signed.is_ok() { "signed" } else { "failed" });
        if let Err(error) = &signed {
            step.set("access_broker.reason", error.code());
        }
        signed
    }
}

#[async_trait]
impl Presigner for ObservedPresigner {
    fn presign_download(
        &self,
        permit: &Permit<PermittedDownload>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<PresignedDownload, PresignError> {
        self.observe(|| self.inner.presign_download(permit, attribution, now))
    }

    fn presign_upload(
        &self,
        permit: &Permit<PermittedUpload>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<PresignedUpload, PresignError> {
        self.observe(|| self.inner.presign_upload(permit, attribution, now))
    }

    async fn renew_credentials(&self, bucket: &BucketName, operation: Operation) {
        let _step = StepSpan::of_current(self.tracer.as_ref(), "renew_credentials");
        self.inner.renew_credentials(bucket, operation).await;
    }
}
