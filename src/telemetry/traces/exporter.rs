//! Exports spans to the collector.

mod http;

use opentelemetry_otlp::{WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tonic::transport::{Certificate, ClientTlsConfig};

use super::TracesError;
use super::environment::{CertificateFile, Protocol, TraceSettings};
use access_broker_base::files;

use http::HttpExporter;

/// The maximum size of a file with certificate authorities, in bytes.
const MAX_CERTIFICATE_BYTES: usize = 1_024 * 1_024;

/// An OTLP exporter, for the configured protocol.
#[derive(Debug)]
pub(super) enum OtlpExporter {
    Grpc(opentelemetry_otlp::SpanExporter),
    Http(HttpExporter),
}

impl OtlpExporter {
    /// Reads the certificate file.
    ///
    /// # Errors
    ///
    /// When the settings are invalid; each error names the variable.
    pub(super) fn new(settings: &TraceSettings) -> Result<Self, TracesError> {
        let authorities = settings.certificate_file.as_ref().filter(|_| settings.is_https()).map(read).transpose()?;
        match &settings.protocol {
            Protocol::Grpc => grpc(settings, authorities).map(Self::Grpc),
            Protocol::HttpProtobuf(http) => HttpExporter::new(settings, http, authorities.as_deref()).map(Self::Http),
        }
    }
}

impl SpanExporter for OtlpExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match self {
            Self::Grpc(exporter) => exporter.export(batch).await,
            Self::Http(exporter) => exporter.export(batch).await,
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        match self {
            Self::Grpc(exporter) => exporter.set_resource(resource),
            Self::Http(exporter) => exporter.set_resource(resource),
        }
    }
}

/// The PEM text of the collector's authorities, with at least one certificate.
fn read(file: &CertificateFile) -> Result<Vec<u8>, TracesError> {
    let CertificateFile { variable, path } = file;
    let read = files::read(path.as_ref(), MAX_CERTIFICATE_BYTES);
    let content = read.map_err(|problem| TracesError::CertificateFile { variable, problem })?.content.to_vec();
    match reqwest::Certificate::from_pem_bundle(&content) {
        Ok(certificates) if !certificates.is_empty() => Ok(content),
        Ok(_) | Err(_) => Err(TracesError::Certificates { variable }),
    }
}

/// It reads its headers and timeout from the process's environment.
fn grpc(
    settings: &TraceSettings,
    authorities: Option<Vec<u8>>,
) -> Result<opentelemetry_otlp::SpanExporter, TracesError> {
    let builder = opentelemetry_otlp::SpanExporter::builder().with_tonic();
    let mut builder = builder.with_endpoint(settings.endpoint.as_str());
    if settings.is_https() {
        let tls = match authorities {
            Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
            None => ClientTlsConfig::new().with_enabled_roots(),
        };
        builder = builder.with_tls_config(tls);
    }
    let variable = settings.endpoint_variable;
    builder.build().map_err(|source| TracesError::Exporter { variable, source })
}
