//! The proxy on the way to key servers, as the environment of the process has it.

use access_broker_identity::{HttpProxy, IssuerSettings};
use access_broker_s3::credentials::ReadEnv;

/// The proxy that the environment names. One that cannot be used is left out, with a warning: no key is less safe on the
/// direct way.
pub(super) fn from_environment(environment: &ReadEnv) -> Option<HttpProxy> {
    match HttpProxy::from_environment(|name| environment(name)) {
        Ok(found) => found.map(|(_, proxy)| proxy),
        Err((variable, error)) => {
            tracing::warn!(variable, "the environment variable {error}; key servers are reached without a proxy");
            None
        }
    }
}

/// Logs the proxy through which the keys of an issuer are fetched, if there is one.
pub(super) fn log(issuer: &IssuerSettings) {
    if let Some(proxy) = issuer.key_proxy.proxy() {
        tracing::info!(issuer = issuer.issuer, %proxy, "keys are fetched through a proxy");
    }
}
