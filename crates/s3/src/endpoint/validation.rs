//! Checks settings before AWS's rules are asked.

use std::net::Ipv4Addr;

use url::{Host, Url};

use super::access_point::AccessPoint;
use super::error::EndpointError;
use super::partition::{partition_of, pseudo_region};
use super::{Addressing, EndpointSettings};
use crate::sigv4::encoding::is_unreserved;

const RESERVED_PREFIXES: [&str; 2] = ["xn--", "sthree-"];
const RESERVED_SUFFIXES: [&str; 4] = ["-s3alias", "--ol-s3", ".mrap", "--table-s3"];

/// Checks the rules that need no resolution.
pub(super) fn check(settings: &EndpointSettings, access_point: Option<&AccessPoint<'_>>) -> Result<(), EndpointError> {
    // An access point is at AWS, also with a configured endpoint.
    let elsewhere = settings.endpoint.is_some() && access_point.is_none();
    if elsewhere && settings.addressing != Addressing::VirtualHost {
        check_bucket_in_path(&settings.s3_bucket)?;
    } else {
        check_bucket(&settings.s3_bucket)?;
    }
    check_region(&settings.region, elsewhere)?;
    match &settings.endpoint {
        None => {}
        Some(_) if settings.dual_stack => return Err(EndpointError::DualStackWithEndpoint),
        Some(_) if settings.fips => return Err(EndpointError::FipsWithEndpoint),
        Some(_) if settings.accelerate => return Err(EndpointError::AccelerateWithEndpoint),
        Some(endpoint) => check_endpoint(endpoint, settings.addressing)?,
    }
    match access_point {
        Some(access_point) => check_access_point(access_point, settings),
        None if settings.accelerate => check_accelerate(settings),
        None => Ok(()),
    }
}

/// [AWS: access point restrictions and
/// limitations](https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-restrictions-limitations.html).
fn check_access_point(access_point: &AccessPoint<'_>, settings: &EndpointSettings) -> Result<(), EndpointError> {
    if access_point.region != settings.region || pseudo_region(&settings.region).is_some() {
        return Err(EndpointError::AccessPointRegion);
    }
    if access_point.partition != partition_of(&settings.region) {
        return Err(EndpointError::AccessPointPartition);
    }
    if settings.accelerate {
        return Err(EndpointError::AccessPointWithAccelerate);
    }
    if settings.addressing == Addressing::Path {
        return Err(EndpointError::AccessPointWithPath);
    }
    let https_host = |endpoint: &Url| endpoint.scheme() == "https" && matches!(endpoint.host(), Some(Host::Domain(_)));
    if settings.endpoint.as_ref().is_none_or(https_host) {
        Ok(())
    } else {
        Err(EndpointError::AccessPointNeedsHttpsHost)
    }
}

/// [AWS: requirements for Transfer
/// Acceleration](https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html).
fn check_accelerate(settings: &EndpointSettings) -> Result<(), EndpointError> {
    if settings.addressing == Addressing::Path {
        return Err(EndpointError::AccelerateWithPath);
    }
    if settings.fips {
        return Err(EndpointError::AccelerateWithFips);
    }
    if settings.s3_bucket.contains('.') {
        return Err(EndpointError::AccelerateDottedBucket);
    }
    if partition_of(&settings.region) != "aws" || pseudo_region(&settings.region).is_some() {
        return Err(EndpointError::AccelerateRegion);
    }
    Ok(())
}

/// The rules for names of general purpose buckets
/// ([AWS: bucket naming rules](https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html)).
fn check_bucket(name: &str) -> Result<(), EndpointError> {
    let alphanumeric = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    let allowed = |byte: &u8| alphanumeric(byte) || matches!(byte, b'.' | b'-');
    let bytes = name.as_bytes();
    let ends_well = bytes.first().is_some_and(alphanumeric) && bytes.last().is_some_and(alphanumeric);
    if !(3..=63).contains(&bytes.len()) || !ends_well || !bytes.iter().all(allowed) {
        return Err(EndpointError::BucketName);
    }
    if name.contains("..") || name.parse::<Ipv4Addr>().is_ok() {
        return Err(EndpointError::BucketNotAHost);
    }
    if name.ends_with("--x-s3") {
        return Err(EndpointError::DirectoryBucket);
    }
    let reserved = RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || RESERVED_SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    if reserved { Err(EndpointError::ReservedBucketName) } else { Ok(()) }
}

/// Checks a bucket in the path of another server: names of Ceph, Google Cloud Storage, Backblaze and old buckets of
/// AWS, and Ceph's `TENANT:BUCKET`. Only the colon needs encoding, and no client resolves them as relative.
fn check_bucket_in_path(name: &str) -> Result<(), EndpointError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let (tenant, bucket) = name.split_once(':').map_or((None, name), |(tenant, bucket)| (Some(tenant), bucket));
    let tenant_fits = tenant.is_none_or(|tenant| (1..=64).contains(&tenant.len()) && tenant.bytes().all(plain));
    let bucket_fits = (2..=222).contains(&bucket.len()) && bucket.bytes().all(|byte| plain(byte) || byte == b'.');
    let relative = bucket.starts_with('.') || bucket.ends_with('.') || bucket.contains("..");
    if !tenant_fits || !bucket_fits || relative {
        return Err(EndpointError::BucketNameInPath);
    }
    if bucket.ends_with("--x-s3") { Err(EndpointError::DirectoryBucket) } else { Ok(()) }
}

fn check_region(region: &str, custom_endpoint: bool) -> Result<(), EndpointError> {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase()
            || byte.is_ascii_digit()
            || byte == b'-'
            || (custom_endpoint && byte.is_ascii_uppercase())
    };
    let ends_well = !region.starts_with('-') && !region.ends_with('-');
    if (1..=63).contains(&region.len()) && ends_well && region.bytes().all(allowed) {
        Ok(())
    } else {
        Err(EndpointError::Region)
    }
}

fn check_endpoint(endpoint: &Url, addressing: Addressing) -> Result<(), EndpointError> {
    if !matches!(endpoint.scheme(), "http" | "https") {
        return Err(EndpointError::Scheme);
    }
    if !endpoint.username().is_empty() || endpoint.password().is_some() {
        return Err(EndpointError::UserInfo);
    }
    if endpoint.query().is_some() || endpoint.fragment().is_some() {
        return Err(EndpointError::QueryOrFragment);
    }
    match endpoint.host() {
        Some(Host::Domain(name)) if is_plain_host_name(name) => {}
        Some(Host::Ipv4(_) | Host::Ipv6(_)) if addressing == Addressing::VirtualHost => {
            return Err(EndpointError::VirtualHostImpossible);
        }
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => {}
        _ => return Err(EndpointError::Host),
    }
    check_path(endpoint.path())
}

fn is_plain_host_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.split('.').all(|label| !label.is_empty() && label.bytes().all(allowed))
}

/// Permits only characters with one spelling: a server that decodes and encodes the path must get the signed path.
fn check_path(path: &str) -> Result<(), EndpointError> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let segment_is_plain = |segment: &str| !segment.is_empty() && segment.bytes().all(is_unreserved);
    if path == "/" || inner.split('/').all(segment_is_plain) { Ok(()) } else { Err(EndpointError::Path) }
}
