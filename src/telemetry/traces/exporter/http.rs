//! OTLP over HTTP with protobuf bodies ([specification](https://opentelemetry.io/docs/specs/otlp/#otlphttp)).
//!
//! opentelemetry-otlp also has such an exporter, but with features that add a second HTTP client. This one uses the
//! existing client, and limits the size of answers.

use std::fmt;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use prost::Message as _;
use prost::bytes::Bytes;
use reqwest::redirect::Policy;
use tokio::time;
use url::Url;

use super::TracesError;
use crate::telemetry::traces::environment::{HttpSettings, TraceSettings};
use access_broker_base::pacing::Doubling;

/// How much of an answer is read. It may say how many spans were refused.
const MAX_ANSWER_BYTES: usize = 64 * 1_024;

/// How often a batch is sent if the collector is overloaded.
const ATTEMPTS: u32 = 3;

/// The maximum pause that a collector may request.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The pauses between attempts, if the collector requests none or a shorter one.
const PAUSES: Doubling = Doubling { first: Duration::from_secs(1), limit: LONGEST_PAUSE };

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// Posts spans to a URL.
pub(crate) struct HttpExporter {
    client: reqwest::Client,
    url: Url,
    headers: HeaderMap,
    resource: ResourceAttributesWithSchema,
}

impl fmt::Debug for HttpExporter {
    /// Without the headers and the URL's query: both may contain a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpExporter").field("origin", &self.url.origin()).finish_non_exhaustive()
    }
}

/// Why a message was not accepted.
struct Refused {
    why: String,
    /// The pause before a retry, if one makes sense.
    again_in: Option<Duration>,
}

impl HttpExporter {
    pub(super) fn new(
        settings: &TraceSettings,
        http: &HttpSettings,
        authorities: Option<&[u8]>,
    ) -> Result<Self, TracesError> {
        let variable = settings.endpoint_variable;
        let url = Url::parse(&http.url).map_err(|_| TracesError::Endpoint { variable })?;
        let builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .retry(reqwest::retry::never())
            .timeout(http.timeout)
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
        let builder = match authorities {
            Some(pem) => builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(pem).unwrap_or_default()),
            None if settings.is_https() => builder,
            // Plain HTTP needs no authorities, and a minimal container has none.
            None => builder.tls_certs_only([]),
        };
        let client = builder.build().map_err(|source| TracesError::Client { variable, source })?;
        Ok(Self { client, url, headers: http.headers.clone(), resource: ResourceAttributesWithSchema::default() })
    }

    async fn send(&self, body: Bytes) -> Result<(), Refused> {
        let request = self.client.post(self.url.clone()).headers(self.headers.clone()).header(CONTENT_TYPE, PROTOBUF);
        // If a connection breaks, it is unknown whether the message was accepted. It is not sent again.
        let lost = |error: reqwest::Error| Refused { why: causes(&error.without_url()), again_in: None };
        let mut answer = request.body(body).send().await.map_err(lost)?;
        let (status, again_in) = (answer.status(), retry_after(answer.headers()));
        if !status.is_success() {
            let is_passing = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            );
            let why = format!("the collector answered with status {}", status.as_u16());
            return Err(Refused { why, again_in: is_passing.then_some(again_in.unwrap_or_default()) });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            if chunk.len() > MAX_ANSWER_BYTES - bytes.len() {
                // The spans were accepted; only the beginning of the answer is of interest.
                return Ok(());
            }
            bytes.extend_from_slice(&chunk);
        }
        let partial = ExportTraceServiceResponse::decode(&*bytes).ok().and_then(|answer| answer.partial_success);
        match partial.filter(|partial| partial.rejected_spans > 0) {
            Some(partial) => {
                // The answer is not logged: it may repeat the request with its headers.
                let why = format!("the collector refused {} of the spans", partial.rejected_spans);
                Err(Refused { why, again_in: None })
            }
            None => Ok(()),
        }
    }
}

impl SpanExporter for HttpExporter {
    /// Sends a batch, again if the collector is overloaded. The caller limits the time.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let body = Bytes::from(ExportTraceServiceRequest { resource_spans }.encode_to_vec());
        let mut attempt = 1;
        loop {
            match self.send(body.clone()).await {
                Ok(()) => return Ok(()),
                Err(Refused { again_in: Some(pause), .. }) if attempt < ATTEMPTS => {
                    time::sleep(pause.max(PAUSES.after(attempt)).min(LONGEST_PAUSE)).await;
                    attempt += 1;
                }
                Err(Refused { why, .. }) => return Err(OTelSdkError::InternalFailure(why)),
            }
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// `Retry-After` in seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// An error with its causes. The first text alone says only that a request failed.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
