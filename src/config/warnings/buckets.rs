//! Endpoints with their bucket twice, unknown regions, unused credentials, and unsigned headers.

use url::{Host, Url};

use super::regions;
use crate::config::{BucketSettings, Config, NamedEndpoint};
use access_broker_base::document::{Table, WarningCode};
use access_broker_policy::UnsignedHeaders;

pub(super) fn find(root: &mut Table<'_>, config: &Config) {
    for (mut table, bucket) in root.tables("bucket").into_iter().zip(&config.buckets) {
        let named = table.tables("named_endpoint");
        let tables = std::iter::once(&table).chain(&named);
        for (table, endpoint) in tables.zip(&bucket.endpoints) {
            find_bucket_twice(table, endpoint);
        }
        find_unknown_region(&table, bucket);
        find_unsigned_headers(&table, bucket);
    }
    for table in root.tables("credentials") {
        let name = table.peek_strings("name").pop().map(|name| name.value).unwrap_or_default();
        let is_used = |bucket: &BucketSettings| bucket.signers().any(|signer| signer.name() == name);
        if !config.buckets.iter().any(is_used) {
            let message = "is the name of credentials that no [[bucket]] uses; set a bucket's credentials or \
                           upload_credentials to it, or remove them";
            table.warn(WarningCode::UnusedCredentials, "name", &table.location_of("name"), message);
        }
    }
}

fn find_bucket_twice(table: &Table<'_>, NamedEndpoint { settings, endpoint, .. }: &NamedEndpoint) {
    let Some(url) = settings.endpoint.as_ref().filter(|_| settings.access_point.is_none()) else { return };
    let bucket = settings.s3_bucket.as_str();
    let in_path = url.path().trim_end_matches('/').rsplit('/').next() == Some(bucket);
    if !in_path && !is_in_host(url, bucket) {
        return;
    }
    let (origin, path) = (endpoint.origin(), endpoint.path_prefix());
    let message = format!(
        "has the bucket \"{bucket}\", which is added again: URLs begin with {origin}{path}/; remove the bucket from the \
         endpoint"
    );
    table.warn(WarningCode::BucketTwice, "endpoint", &table.location_of("endpoint"), message);
}

/// Whether the host begins with the bucket's name, followed by a host name with a domain: a server can have the name of
/// its bucket.
fn is_in_host(url: &Url, bucket: &str) -> bool {
    let Some(Host::Domain(host)) = url.host() else { return false };
    let rest = host.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('.'));
    rest.is_some_and(|rest| rest.contains('.'))
}

/// Reported at every start: the operator takes a risk.
fn find_unsigned_headers(table: &Table<'_>, bucket: &BucketSettings) {
    if bucket.server.unsigned_headers != Some(UnsignedHeaders::Accepted) {
        return;
    }
    let (reach, advice) = match &bucket.upload_credentials {
        None => ("can read every object that its credentials can read, publish the upload", "set upload_credentials"),
        Some(_) => ("can publish the upload", "close ACLs at the server"),
    };
    let message = format!(
        "is \"accepted\": the holder of an upload URL of the bucket {reach}, and set every property of it, by x-amz-* \
         headers that are not signed; use a server that refuses them, or {advice} (docs/SERVERS.md)"
    );
    table.warn(
        WarningCode::UnsignedHeadersAccepted,
        "unsigned_headers",
        &table.location_of("unsigned_headers"),
        message,
    );
}

fn find_unknown_region(table: &Table<'_>, bucket: &BucketSettings) {
    let at_aws = bucket.endpoints.iter().find(|endpoint| endpoint.settings.endpoint.is_none());
    let Some(NamedEndpoint { settings, .. }) = at_aws else { return };
    let region = settings.region.as_str();
    if regions::is_known(region) {
        return;
    }
    let advice = match regions::nearest(region) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "set endpoint for another S3 server".to_owned(),
    };
    let message = format!("is \"{region}\", which is not a region of AWS that this version knows; {advice}");
    table.warn(WarningCode::UnknownRegion, "region", &table.location_of("region"), message);
}
