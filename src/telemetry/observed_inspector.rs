//! Measures HEAD requests.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use opentelemetry_sdk::trace::SdkTracer;
use prometheus_client::metrics::histogram::Histogram;

use super::metrics::CallMetrics;
use crate::step_span::StepSpan;
use access_broker_policy::{HeaderText, PermittedObject};
use access_broker_s3::storage::{InspectionError, InspectionScope, ObjectInspector, StoredObject};

/// Reads attributes with another inspector, and measures that for metrics and traces.
#[derive(Debug)]
pub(crate) struct ObservedInspector {
    inner: Arc<dyn ObjectInspector>,
    seconds: Histogram,
    tracer: Option<SdkTracer>,
}

impl ObservedInspector {
    #[must_use]
    pub(crate) fn new(inner: Arc<dyn ObjectInspector>, metrics: &CallMetrics, tracer: Option<SdkTracer>) -> Self {
        Self { inner, seconds: metrics.inspection_seconds(), tracer }
    }
}

#[async_trait]
impl ObjectInspector for ObservedInspector {
    async fn inspect(
        &self,
        object: &PermittedObject,
        version_id: Option<&HeaderText>,
        scope: InspectionScope,
    ) -> Result<StoredObject, InspectionError> {
        let step = StepSpan::start_in_current(self.tracer.as_ref(), "inspect");
        step.set("access_broker.bucket", object.bucket().as_str().to_owned());
        let started = Instant::now();
        let found = self.inner.inspect(object, version_id, scope).await;
        self.seconds.observe(started.elapsed().as_secs_f64());
        step.set("access_broker.outcome", if found.is_ok() { "found" } else { "failed" });
        if let Err(error) = &found {
            step.set("access_broker.reason", error.code());
        }
        found
    }
}
