//! `[http]` and `[presignedurl]`: JSON over HTTP.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::bucket::BucketSettings;
use super::listener::ListenerSettings;
use crate::http::{HttpSettings, Origin, PresignedUrlSettings};
use access_broker_base::document::{Located, Table};
use access_broker_policy::{BucketName, MAX_TTL};

/// The lifetime of the write-up's URLs.
const DEFAULT_TTL: Duration = Duration::from_hours(1);

const TTLS: RangeInclusive<Duration> = Duration::from_secs(1)..=MAX_TTL;

/// Reads both tables.
pub(super) fn read(
    http: Table<'_>,
    presigned_url: Table<'_>,
    listeners: &[ListenerSettings],
    buckets: &[BucketSettings],
) -> HttpSettings {
    HttpSettings {
        cors_origins: read_origins(http, listeners),
        presigned_url: read_presigned_url(presigned_url, listeners, buckets),
    }
}

fn read_origins(mut table: Table<'_>, listeners: &[ListenerSettings]) -> Vec<Origin> {
    table.describe("JSON over HTTP, on the listeners whose `protocols` include it.", "");
    let origins = table
        .setting("cors_origins", "The origins whose pages may call, in browsers (CORS). See [browsers](BROWSERS.md).")
        .list("string")
        .limits("exact origins, such as `https://app.example`; no `*`")
        .each(Origin::from_str);
    if origins.is_some() && !listeners.iter().any(|listener| listener.protocols.http) {
        let location = table.location_of("cors_origins");
        table.report("cors_origins", &location, "requires a listener with \"http\" in protocols");
    }
    table.finish();
    origins.unwrap_or_default().into_iter().map(|origin| origin.value).collect()
}

fn read_presigned_url(
    mut table: Table<'_>,
    listeners: &[ListenerSettings],
    buckets: &[BucketSettings],
) -> Option<PresignedUrlSettings> {
    table.describe(
        "The call `GET /presignedurl?key=…` for clients of the Lambda function that access-broker replaces. See \
         [HTTP](HTTP.md#presignedurl).",
        "the call is off",
    );
    let bucket = table
        .setting("bucket", "The bucket of the keys. Turns the call on.")
        .parsed("bucket name", BucketName::parse)
        .limits("the name of a configured bucket")
        .optional();
    let ttl = table
        .setting("ttl", "How long the URLs work, unless the policy permits less.")
        .duration()
        .within(TTLS)
        .or(DEFAULT_TTL);
    let raw_token = table
        .setting("raw_token", "Whether `authorization` may have the token without `Bearer`, as API Gateway accepts it.")
        .flag()
        .or(false);
    match &bucket {
        None => {
            for key in ["ttl", "raw_token"] {
                if table.holds(key) {
                    table.report(key, &table.location_of(key), "requires presignedurl.bucket to be set");
                }
            }
        }
        Some(Located { value, location }) => {
            if !buckets.is_empty() && !buckets.iter().any(|known| known.name == *value) {
                table.report("bucket", location, "names no configured bucket");
            }
            if !listeners.iter().any(|listener| listener.protocols.http && listener.takes_tokens()) {
                table.report("bucket", location, "requires a listener with \"http\" in protocols that accepts tokens");
            }
        }
    }
    table.finish();
    Some(PresignedUrlSettings { bucket: bucket?.value, ttl, raw_token })
}
