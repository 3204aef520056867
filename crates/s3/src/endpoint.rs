//! The endpoints of a bucket, resolved once by AWS's rules.

mod access_point;
mod aws_host;
mod error;
mod partition;
mod required_headers;
mod rules;
mod validation;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use url::Url;

use crate::sigv4::encoding::encoded_query;
use access_broker_policy::EndpointName;
use access_point::AccessPoint;

pub use error::EndpointError;
pub use required_headers::RequiredHeaders;

/// The configuration of one endpoint of an S3 bucket.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    /// The name of the S3 bucket: 3 to 63 characters from `a-z`, `0-9`, `.` and `-`. In the path of another server, 2
    /// to 222 letters, digits, `.`, `-` and `_`, optionally after Ceph's `TENANT:`.
    pub s3_bucket: String,
    /// The region of signatures: a DNS label, at AWS in lower case. Other servers have other regions, such as
    /// `default`.
    pub region: String,
    /// The URL of another S3 server or of a VPC endpoint, which clients connect to. Its host, port and path are signed.
    pub endpoint: Option<Url>,
    /// The position of the bucket's name.
    pub addressing: Addressing,
    /// Whether to use AWS's endpoints for IPv4 and IPv6.
    pub dual_stack: bool,
    /// Whether to use AWS's FIPS 140-3 endpoints.
    pub fips: bool,
    /// Whether to use AWS's Transfer Acceleration.
    pub accelerate: bool,
    /// The ARN of an access point, which replaces the bucket:
    /// `arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME`.
    pub access_point: Option<String>,
}

impl EndpointSettings {
    /// Whether the server is AWS's S3: without a URL, or with the URL of one of AWS's hosts for S3, such as a VPC
    /// endpoint.
    #[must_use]
    pub fn is_at_aws(&self) -> bool {
        self.endpoint.as_ref().is_none_or(aws_host::is_s3)
    }

    /// The bucket for the SDK: its name, or the ARN of its access point.
    pub(crate) fn sdk_bucket(&self) -> &str {
        self.access_point.as_deref().unwrap_or(&self.s3_bucket)
    }

    /// Whether the SDK must put the bucket's name into the path.
    pub(crate) fn sdk_path_style(&self) -> bool {
        match self.addressing {
            // An access point is never in the path.
            Addressing::Automatic => self.endpoint.is_some() && self.access_point.is_none(),
            Addressing::VirtualHost => false,
            Addressing::Path => true,
        }
    }

    /// The SDK's endpoint URL, with a final slash. Without it the SDK would append the bucket to the last segment of
    /// the path: `https://host/v1` would become `https://host/v1bucket`.
    pub(crate) fn sdk_endpoint_url(&self) -> Option<String> {
        self.endpoint.as_ref().map(|url| format!("{}/", url.as_str().trim_end_matches('/')))
    }
}

/// The position of a bucket's name in a URL
/// ([AWS: virtual hosting of buckets](https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addressing {
    /// By AWS's rules at AWS, and in the path at other servers, which rarely have DNS names for buckets.
    #[default]
    Automatic,
    /// In the host name: `https://bucket.host/key`.
    VirtualHost,
    /// In the path: `https://host/bucket/key`.
    Path,
}

/// The part of a URL before the key, and the region of its signature.
///
/// AWS's SDK resolves it twice for each request. It depends only on the configuration, so here it is resolved at load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketEndpoint {
    region: Arc<str>,
    origin: String,
    host: String,
    path_prefix: String,
}

impl BucketEndpoint {
    /// Validates the settings and resolves the endpoint by `aws-sdk-s3`'s rules, without network access.
    ///
    /// # Errors
    ///
    /// The first rule that the settings break.
    pub fn resolve(settings: &EndpointSettings) -> Result<Self, EndpointError> {
        let access_point = settings.access_point.as_deref().map(AccessPoint::parse).transpose()?;
        validation::check(settings, access_point.as_ref())?;
        let resolved = rules::resolve(settings)?;
        let scheme = resolved.url.scheme();
        let name = resolved.url.host_str().ok_or(EndpointError::Unresolved)?;
        // `Url` drops default ports. Clients omit them in the `Host` header, so they are not signed.
        let host = resolved.url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        let path_prefix = resolved.url.path().trim_end_matches('/').to_owned();

        let base_path = settings.endpoint.as_ref().map_or("", Url::path).trim_end_matches('/');
        let inner_path = path_prefix.strip_prefix(base_path).ok_or(EndpointError::Unresolved)?;
        // An access point is never in the path: AWS identifies it by its host name.
        let bucket_in_path = encoded_query(&settings.s3_bucket);
        let in_path = access_point.is_none() && inner_path.strip_prefix('/') == Some(bucket_in_path.as_str());
        let label = access_point.map_or_else(|| settings.s3_bucket.clone(), |access_point| access_point.host_label());
        let in_host = name.strip_prefix(&label).is_some_and(|rest| rest.starts_with('.'));
        match settings.addressing {
            Addressing::VirtualHost if in_path => Err(EndpointError::VirtualHostImpossible),
            _ if in_path || (in_host && inner_path.is_empty()) => {
                Ok(Self { region: resolved.region.into(), origin: format!("{scheme}://{host}"), host, path_prefix })
            }
            _ => Err(EndpointError::Unresolved),
        }
    }

    /// The region in the credential scope.
    #[must_use]
    pub const fn region(&self) -> &Arc<str> {
        &self.region
    }

    /// Scheme, host, and port where it is not the scheme's own: `https://bucket.s3.eu-west-1.amazonaws.com`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The `Host` header: the origin without its scheme.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path before the slash and the key: empty, or starting with a slash.
    #[must_use]
    pub fn path_prefix(&self) -> &str {
        &self.path_prefix
    }
}

/// An endpoint with the name by which callers and tiers select it.
#[derive(Debug, Clone)]
pub struct NamedEndpoint {
    /// Its name for callers, in policies and in logs.
    pub name: EndpointName,
    /// Its configuration.
    pub settings: EndpointSettings,
    /// The host and the path, resolved from the settings.
    pub endpoint: BucketEndpoint,
}
