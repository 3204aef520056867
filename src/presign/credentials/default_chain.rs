//! The credentials that the machine has.

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;

use super::error::CredentialsError;

/// AWS's default chain: environment, shared profile, web identity, container, instance metadata
/// ([AWS: standardized credential providers](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html)).
///
/// `region` is where STS is asked. The provider comes without the SDK's own cache, which may hand out credentials with
/// 5 seconds left and renews them on the request path; [`CredentialsCache`](super::CredentialsCache) does better.
///
/// # Errors
///
/// When the SDK comes without a provider.
pub async fn default_chain(region: String) -> Result<SharedCredentialsProvider, CredentialsError> {
    let config = aws_config::defaults(BehaviorVersion::latest()).region(Region::new(region)).load().await;
    config.credentials_provider().ok_or(CredentialsError::NoProvider)
}
