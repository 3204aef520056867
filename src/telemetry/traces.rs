//! Traces: a span of every call and of its steps, exported to an OpenTelemetry collector by OTLP, over gRPC or HTTP.
//!
//! The variables of the [OpenTelemetry
//! specification](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/) set the
//! destination, the protocol and the sampling.

mod counts;
mod environment;
mod exporter;
mod queue;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanExporter};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time;
use tokio_util::sync::CancellationToken;

pub(crate) use counts::SpanCounts;

use environment::TraceSettings;
use exporter::OtlpExporter;

use access_broker_base::files::FileError;

/// The time limit for sending the remaining spans at a stop: a collector that does not answer must not delay a restart.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// Why traces cannot be exported with the settings of the environment.
#[derive(Debug, Error)]
pub enum TracesError {
    /// An unsupported protocol.
    #[error("{variable} has the invalid value {value:?}; use \"grpc\" or \"http/protobuf\"")]
    Protocol {
        /// The variable's name.
        variable: &'static str,
        /// The value.
        value: String,
    },
    /// A file with certificate authorities.
    #[error("{variable} refers to an invalid file: the file {problem}")]
    CertificateFile {
        /// The variable's name.
        variable: &'static str,
        /// The error of the file.
        problem: FileError,
    },
    /// The file has no certificate.
    #[error("{variable} refers to a file without a valid certificate")]
    Certificates {
        /// The variable's name.
        variable: &'static str,
    },
    /// An invalid URL of the collector.
    #[error("{variable} is invalid: it must be an http or https URL with a host")]
    Endpoint {
        /// The variable's name.
        variable: &'static str,
    },
    /// An unsupported compression.
    #[error(
        "{variable} has the invalid value {value:?}: spans over gRPC cannot be compressed; remove it, or use http/protobuf"
    )]
    Compression {
        /// The variable's name.
        variable: &'static str,
        /// The value.
        value: String,
    },
    /// Another setting, with the exporter's error.
    #[error("setting up the exporter for {variable} failed")]
    Exporter {
        /// The variable with the endpoint.
        variable: &'static str,
        /// The library's error.
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// The HTTP client failed, usually because certificate authorities are missing.
    #[error("setting up the HTTP client for {variable} failed")]
    Client {
        /// The variable with the endpoint.
        variable: &'static str,
        /// The library's error.
        source: reqwest::Error,
    },
}

/// The export of spans, or its absence. Clones share everything.
#[derive(Clone, Default)]
pub struct Traces {
    running: Option<Arc<Running>>,
    counts: Arc<SpanCounts>,
}

struct Running {
    tracer: SdkTracer,
    stop: CancellationToken,
    /// The exporting task; `None` after it was stopped.
    sending: Mutex<Option<JoinHandle<()>>>,
}

impl Traces {
    /// No spans.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// Spans with the settings of these variables; none unless an endpoint is set. Invalid values that the
    /// specification replaces with defaults are logged.
    ///
    /// # Errors
    ///
    /// When spans are wanted and the settings are invalid.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn from_environment(read: impl Fn(&str) -> Option<String>) -> Result<Self, TracesError> {
        let Some(settings) = TraceSettings::read(&read)? else { return Ok(Self::off()) };
        let exporter = OtlpExporter::new(&settings)?;
        tracing::info!(protocol = settings.protocol.name(), "exporting traces");
        Ok(Self::start(exporter, settings))
    }

    /// As [`from_environment`](Self::from_environment), but an error is logged as a warning and turns traces off: the
    /// server works without them.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    #[must_use]
    pub(crate) fn from_environment_or_off(read: impl Fn(&str) -> Option<String>) -> Self {
        Self::from_environment(read).unwrap_or_else(|error| {
            let cause = format!("{:#}", anyhow::Error::new(error));
            tracing::warn!(cause, "traces are off: the settings in the environment are invalid");
            Self::off()
        })
    }

    fn start(mut exporter: impl SpanExporter + 'static, settings: TraceSettings) -> Self {
        let TraceSettings { resource, batches, .. } = settings;
        exporter.set_resource(&resource);
        let (counts, stop) = (Arc::new(SpanCounts::default()), CancellationToken::new());
        let (queue, sender) = queue::span_queue(batches, Arc::clone(&counts));
        let sending = tokio::spawn(sender.run(exporter, stop.clone()));
        // The SDK reads the sampler and the limits of spans from the process's environment.
        let provider = SdkTracerProvider::builder().with_span_processor(queue).with_resource(resource).build();
        let tracer = provider.tracer("access-broker");
        Self { running: Some(Arc::new(Running { tracer, stop, sending: Mutex::new(Some(sending)) })), counts }
    }

    /// Makes spans, if traces are on.
    #[must_use]
    pub(crate) fn tracer(&self) -> Option<SdkTracer> {
        self.running.as_ref().map(|running| running.tracer.clone())
    }

    #[must_use]
    pub(crate) const fn counts(&self) -> &Arc<SpanCounts> {
        &self.counts
    }

    /// Sends the finished spans, for 2 seconds at most. Spans that end later are dropped.
    pub async fn shutdown(&self) {
        let Some(running) = &self.running else { return };
        running.stop.cancel();
        let sending = running.sending.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut sending) = sending else { return };
        if time::timeout(SHUTDOWN_LIMIT, &mut sending).await.is_err() {
            sending.abort();
            tracing::warn!("exporting the last spans timed out: they are lost");
        }
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").field("on", &self.running.is_some()).field("counts", &self.counts).finish()
    }
}
