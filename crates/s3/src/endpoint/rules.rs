//! Access to the endpoint rules inside `aws-sdk-s3`.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aws_sdk_s3::config::endpoint::{DefaultResolver, Endpoint, Params, ResolveEndpoint};
use url::Url;

use super::EndpointSettings;
use super::error::EndpointError;

/// The result of the rules.
pub(super) struct ResolvedEndpoint {
    pub(super) url: Url,
    pub(super) region: String,
}

pub(super) fn resolve(settings: &EndpointSettings) -> Result<ResolvedEndpoint, EndpointError> {
    let params = Params::builder()
        .bucket(settings.sdk_bucket())
        .region(&settings.region)
        .set_endpoint(settings.sdk_endpoint_url())
        .force_path_style(settings.sdk_path_style())
        .use_dual_stack(settings.dual_stack)
        .use_fips(settings.fips)
        .accelerate(settings.accelerate)
        // An ARN must not change the region of the signature.
        .use_arn_region(false)
        .build()
        .map_err(|error| EndpointError::Refused(error.to_string()))?;
    let endpoint = ask(&params)?;
    let url = Url::parse(endpoint.url()).map_err(|_| EndpointError::Unresolved)?;
    let region = signing_region(&endpoint).ok_or(EndpointError::Unresolved)?;
    Ok(ResolvedEndpoint { url, region })
}

pub(super) fn ask(params: &Params) -> Result<Endpoint, EndpointError> {
    let resolver = DefaultResolver::new();
    let answer = pin!(resolver.resolve_endpoint(params));
    // The rules do not wait, although they are an async function: the first poll has the answer.
    match answer.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(endpoint)) => Ok(endpoint),
        Poll::Ready(Err(error)) => Err(EndpointError::Refused(error.to_string())),
        Poll::Pending => Err(EndpointError::Unresolved),
    }
}

/// The region of the `sigv4` scheme, if the endpoint is for the service S3. It differs from the configured one for
/// `aws-global`.
fn signing_region(endpoint: &Endpoint) -> Option<String> {
    let scheme = endpoint.auth_schemes().iter().find(|scheme| scheme.name() == "sigv4")?;
    let property = |name| scheme.get(name).and_then(|value| value.as_string());
    property("signingRegion").filter(|_| property("signingName") == Some("s3")).map(ToOwned::to_owned)
}
