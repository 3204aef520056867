//! Measures signing.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use opentelemetry_sdk::trace::SdkTracer;
use prometheus_client::metrics::histogram::Histogram;

use super::metrics::CallMetrics;
use crate::step_span::StepSpan;
use access_broker_policy::{Permit, PermittedDownload, PermittedUpload};
use access_broker_s3::presign::{
    Attribution, PresignError, PresignedDownload, PresignedUpload, Presigner, Signing, Waiting,
};

/// Signs with another presigner, and measures that for metrics and traces.
#[derive(Debug)]
pub(crate) struct ObservedPresigner {
    inner: Arc<dyn Presigner>,
    seconds: Histogram,
    tracer: Option<SdkTracer>,
}

impl ObservedPresigner {
    #[must_use]
    pub(crate) fn new(inner: Arc<dyn Presigner>, metrics: &CallMetrics, tracer: Option<SdkTracer>) -> Self {
        Self { inner, seconds: metrics.presign_seconds(), tracer }
    }

    /// Observes every attempt, and the time between two of them separately.
    fn observe<'a, T: 'a>(&'a self, sign: impl FnOnce() -> Signing<'a, T>) -> Signing<'a, T> {
        let attempt = Attempt::start(self);
        match sign() {
            Signing::Ready(signed) => Signing::Ready(attempt.end(signed)),
            Signing::Waiting(Waiting { refused, until, sign }) => {
                let refused = attempt.end_refused(refused);
                let until = Box::pin(async move {
                    let _step = StepSpan::start_in_current(self.tracer.as_ref(), "renew_credentials");
                    until.await;
                });
                let sign = Box::new(move || {
                    let attempt = Attempt::start(self);
                    attempt.end(sign())
                });
                Signing::Waiting(Waiting { refused, until, sign })
            }
        }
    }
}

/// An attempt in progress.
struct Attempt<'a> {
    seconds: &'a Histogram,
    step: StepSpan,
    started: Instant,
}

impl<'a> Attempt<'a> {
    fn start(observed: &'a ObservedPresigner) -> Self {
        let step = StepSpan::start_in_current(observed.tracer.as_ref(), "sign");
        Self { seconds: &observed.seconds, step, started: Instant::now() }
    }

    fn end<T>(self, signed: Result<T, PresignError>) -> Result<T, PresignError> {
        match signed {
            Ok(signed) => {
                self.note("signed");
                Ok(signed)
            }
            Err(error) => Err(self.end_refused(error)),
        }
    }

    fn end_refused(self, error: PresignError) -> PresignError {
        self.note("failed");
        self.step.set("access_broker.reason", error.code());
        error
    }

    fn note(&self, outcome: &'static str) {
        self.seconds.observe(self.started.elapsed().as_secs_f64());
        self.step.set("access_broker.outcome", outcome);
    }
}

impl Presigner for ObservedPresigner {
    fn sign_download<'a>(
        &'a self,
        permit: &'a Permit<PermittedDownload>,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, PresignedDownload> {
        self.observe(|| self.inner.sign_download(permit, attribution, now))
    }

    fn sign_upload<'a>(
        &'a self,
        permit: &'a Permit<PermittedUpload>,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, PresignedUpload> {
        self.observe(|| self.inner.sign_upload(permit, attribution, now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::{MetricSources, Metrics, MetricsFormat};

    #[tokio::test]
    async fn each_attempt_is_observed_and_the_wait_between_them_is_not() {
        let metrics = Arc::new(CallMetrics::default());
        let inner = Arc::new(crate::second_signer::HmacSigner::new(crate::broker::tests::media(), true));
        let observed = ObservedPresigner::new(inner, &metrics, None);
        let refused = PresignError::FullTtlUnavailable { available: Duration::from_mins(1) };
        let signing = observed.observe(|| {
            let until = Box::pin(tokio::time::sleep(Duration::from_millis(50)));
            Signing::Waiting(Waiting { refused: refused.clone(), until, sign: Box::new(|| Ok(5)) })
        });
        let Signing::Waiting(waiting) = &signing else { panic!("{signing:?}") };
        assert_eq!(waiting.refused, refused);
        assert_eq!(signing.finish().await, Ok(5));
        let metrics = Metrics::new(MetricSources { calls: metrics, ..MetricSources::default() });
        let text = metrics.text(MetricsFormat::OpenMetrics).unwrap();
        assert!(text.contains("access_broker_presign_seconds_count 2"), "{text}");
        let sum = text.lines().find_map(|line| line.strip_prefix("access_broker_presign_seconds_sum ")).unwrap();
        assert!(sum.parse::<f64>().unwrap() < 0.05, "{sum}");
    }
}
