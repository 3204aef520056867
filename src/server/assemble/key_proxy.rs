//! The proxy for fetching signing keys, from the environment of the process.

use access_broker_identity::{HttpProxy, IssuerSettings};
use access_broker_s3::credentials::ReadEnv;

/// The proxy in the environment. An invalid one is ignored with a warning: fetching keys directly is equally safe.
pub(super) fn from_environment(environment: &ReadEnv) -> Option<HttpProxy> {
    match HttpProxy::from_environment(|name| environment(name)) {
        Ok(found) => found.map(|(_, proxy)| proxy),
        Err((variable, error)) => {
            tracing::warn!(variable, %error, "proxy setting invalid: issuers' keys are fetched without a proxy");
            None
        }
    }
}

/// Logs the proxy that an issuer's keys are fetched through, if there is one.
pub(super) fn log(issuer: &IssuerSettings) {
    if let Some(proxy) = issuer.key_proxy.proxy() {
        tracing::info!(issuer = issuer.issuer, %proxy, "issuer's keys are fetched through a proxy");
    }
}
