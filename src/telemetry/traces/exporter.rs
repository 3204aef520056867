//! What sends spans to the collector.

use std::fs;

use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
use tonic::transport::{Certificate, ClientTlsConfig};

use super::TracesError;
use super::environment::TraceSettings;

/// An exporter by OTLP/gRPC. It reads its headers and timeout from the process's environment.
pub(super) fn otlp_exporter(settings: &TraceSettings) -> Result<SpanExporter, TracesError> {
    let mut builder = SpanExporter::builder().with_tonic().with_endpoint(settings.endpoint.as_str());
    if settings.endpoint.to_ascii_lowercase().starts_with("https:") {
        let mut tls = ClientTlsConfig::new();
        tls = match &settings.certificate_file {
            Some((variable, path)) => {
                let pem = fs::read(path).map_err(|source| TracesError::CertificateFile { variable, source })?;
                tls.ca_certificate(Certificate::from_pem(pem))
            }
            None => tls.with_enabled_roots(),
        };
        builder = builder.with_tls_config(tls);
    }
    Ok(builder.build()?)
}
