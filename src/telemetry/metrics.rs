//! Metrics, in the text format of `OpenMetrics`
//! ([specification 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/)).
//!
//! What they show belongs to the parts of the server and is read at each scrape, so that the parts know nothing of
//! metrics.

mod signing_credentials;

use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use signing_credentials::NamedCredentials;

use signing_credentials::SigningCredentialsCollector;

/// The content type of [`Metrics::text`].
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every metric of the process. Their names begin with `access_broker_`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Registers the metrics of this build and of the signing credentials. No two credentials may have the same name.
    #[must_use]
    pub fn new(credentials: Vec<NamedCredentials>) -> Self {
        let mut registry = Registry::with_prefix("access_broker");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running program", build);
        registry.register_collector(Box::new(SigningCredentialsCollector::new(credentials)));
        Self { registry }
    }

    /// The metrics as they are now.
    ///
    /// # Errors
    ///
    /// Never in practice: writing to a string does not fail.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
