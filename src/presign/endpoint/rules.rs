//! The way to the endpoint rules inside `aws-sdk-s3`.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aws_sdk_s3::config::endpoint::{DefaultResolver, Endpoint, Params, ResolveEndpoint};
use url::Url;

use super::error::EndpointError;
use super::{Addressing, EndpointSettings};

/// What the rules say.
pub(super) struct ResolvedEndpoint {
    pub(super) url: Url,
    pub(super) region: String,
}

pub(super) fn resolve(settings: &EndpointSettings) -> Result<ResolvedEndpoint, EndpointError> {
    let path_style = match settings.addressing {
        Addressing::Automatic => settings.endpoint.is_some(),
        Addressing::VirtualHost => false,
        Addressing::Path => true,
    };
    let params = Params::builder()
        .bucket(&settings.s3_bucket)
        .region(&settings.region)
        .set_endpoint(settings.endpoint.as_ref().map(with_trailing_slash))
        .force_path_style(path_style)
        .use_dual_stack(settings.dual_stack)
        .use_fips(settings.fips)
        .build()
        .map_err(|error| EndpointError::Refused(error.to_string()))?;
    let endpoint = ask(&params)?;
    let url = Url::parse(endpoint.url()).map_err(|_| EndpointError::Unresolved)?;
    let region = signing_region(&endpoint).ok_or(EndpointError::Unresolved)?;
    Ok(ResolvedEndpoint { url, region })
}

/// Without it the rules would glue the bucket to the last segment of the path: `https://host/v1` would become
/// `https://host/v1bucket`.
fn with_trailing_slash(endpoint: &Url) -> String {
    let mut text = endpoint.to_string();
    if !text.ends_with('/') {
        text.push('/');
    }
    text
}

fn ask(params: &Params) -> Result<Endpoint, EndpointError> {
    let resolver = DefaultResolver::new();
    let answer = pin!(resolver.resolve_endpoint(params));
    // The rules are plain computation behind an asynchronous signature: the first poll has the answer.
    match answer.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(endpoint)) => Ok(endpoint),
        Poll::Ready(Err(error)) => Err(EndpointError::Refused(error.to_string())),
        Poll::Pending => Err(EndpointError::Unresolved),
    }
}

/// The region of the `sigv4` scheme, if the endpoint is plain S3. It differs from the configured one for `aws-global`.
fn signing_region(endpoint: &Endpoint) -> Option<String> {
    let scheme = endpoint.auth_schemes().iter().find(|scheme| scheme.name() == "sigv4")?;
    let property = |name| scheme.get(name).and_then(|value| value.as_string());
    property("signingRegion").filter(|_| property("signingName") == Some("s3")).map(ToOwned::to_owned)
}
