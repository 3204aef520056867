//! The endpoints of one bucket: the one that `[[bucket]]` itself describes, and every `[[bucket.named_endpoint]]`.

use url::Url;

use access_broker_base::document::{Located, Table};
use access_broker_policy::EndpointName;
use access_broker_s3::{Addressing, BucketEndpoint, EndpointSettings};

pub(crate) use access_broker_s3::NamedEndpoint;

/// The endpoints of one bucket, the default one first.
pub(super) struct BucketEndpoints {
    pub(super) endpoints: Vec<NamedEndpoint>,
    pub(super) broker_endpoint: EndpointName,
}

/// What all endpoints of a bucket have in common.
struct S3Bucket {
    name: String,
    region: String,
}

/// Reads the endpoints of `[[bucket]]`.
pub(super) fn read(table: &mut Table<'_>) -> Option<BucketEndpoints> {
    let bucket = read_s3_bucket(table);
    let mut names = vec![EndpointName::default_endpoint()];
    let endpoint = read_endpoint(table, bucket.as_ref());
    let mut endpoints = vec![named(Some(EndpointName::default_endpoint()), endpoint)];
    for mut table in table.tables("named_endpoint") {
        table.describe(
            "Another endpoint of the bucket, for callers in other networks. URLs for one endpoint work at no other.",
            "the bucket has only the endpoint `default`",
        );
        let name = read_name(&mut table, &names);
        // Also of an invalid endpoint: its name is taken.
        names.extend(name.clone());
        let endpoint = read_endpoint(&mut table, bucket.as_ref());
        endpoints.push(named(name, endpoint));
        table.finish();
    }
    let broker_endpoint = read_broker_endpoint(table, &names)?;
    let endpoints = endpoints.into_iter().collect::<Option<Vec<_>>>()?;
    Some(BucketEndpoints { endpoints, broker_endpoint })
}

fn read_s3_bucket(table: &mut Table<'_>) -> Option<S3Bucket> {
    let name = table
        .setting("s3_bucket", "The name of the S3 bucket. See [names of buckets](#names-of-buckets).")
        .text()
        .limits("3 to 63 characters from `a-z`, `0-9`, `.` and `-`; other servers allow more")
        .required();
    let region = table
        .setting("region", "The region in the signature.")
        .text()
        .limits("a DNS label; lower case without `endpoint`")
        .required();
    Some(S3Bucket { name: name?.value, region: region?.value })
}

fn named(name: Option<EndpointName>, endpoint: Option<(EndpointSettings, BucketEndpoint)>) -> Option<NamedEndpoint> {
    let (settings, endpoint) = endpoint?;
    Some(NamedEndpoint { name: name?, settings, endpoint })
}

fn read_name(table: &mut Table<'_>, taken: &[EndpointName]) -> Option<EndpointName> {
    let Located { value: name, location } = table
        .setting("name", "The name that callers, the policy and logs use.")
        .parsed("name", EndpointName::parse)
        .limits("as for a bucket; unique in the bucket; not `default`")
        .required()?;
    if name == EndpointName::default_endpoint() {
        let rule = "must not be \"default\": the settings of [[bucket]] describe that endpoint";
        table.report("name", &location, rule);
        return None;
    }
    if taken.contains(&name) {
        table.report("name", &location, "repeats the name of another endpoint of the bucket");
        return None;
    }
    Some(name)
}

/// Reads the settings of one endpoint, and derives its host and path.
fn read_endpoint(table: &mut Table<'_>, bucket: Option<&S3Bucket>) -> Option<(EndpointSettings, BucketEndpoint)> {
    let endpoint = table
        .setting("endpoint", "The URL of another S3 server or of a VPC endpoint, [as clients reach it](#endpoints).")
        .parsed("URL", |text| Url::parse(text).map_err(|_| "must be a URL, such as \"https://minio.example.com:9000\""))
        .limits("`http` or `https`; no user name, query or fragment")
        .absent("AWS")
        .optional();
    let addressing = table
        .setting(
            "addressing",
            "Where URLs have the bucket's name: in the host, in the path, or [automatic](#endpoints).",
        )
        .choice(&[
            ("automatic", Addressing::Automatic),
            ("virtual-host", Addressing::VirtualHost),
            ("path", Addressing::Path),
        ])
        .or(Addressing::Automatic);
    let dual_stack = table
        .setting("dual_stack", "AWS's endpoints for IPv4 and IPv6.")
        .flag()
        .limits("not with `endpoint`")
        .or(false);
    let fips = table.setting("fips", "AWS's FIPS endpoints.").flag().limits("not with `endpoint`").or(false);
    let accelerate = table
        .setting("accelerate", "AWS's Transfer Acceleration, which must be enabled for the S3 bucket.")
        .flag()
        .limits("partition `aws`; see [combinations](#combinations-of-endpoint-settings)")
        .or(false);
    let access_point = table
        .setting("access_point", "The ARN of an access point, which URLs have instead of the bucket.")
        .text()
        .limits("`arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME`, in `region`")
        .optional();
    if endpoint.is_none() && table.holds("endpoint") {
        return None;
    }
    let bucket = bucket?;
    let settings = EndpointSettings {
        s3_bucket: bucket.name.clone(),
        region: bucket.region.clone(),
        endpoint: endpoint.map(|url| url.value),
        addressing,
        dual_stack,
        fips,
        accelerate,
        access_point: access_point.map(|arn| arn.value),
    };
    match BucketEndpoint::resolve(&settings) {
        Ok(endpoint) => Some((settings, endpoint)),
        Err(error) => {
            table.report_here(format!("is invalid: {error}"));
            None
        }
    }
}

fn read_broker_endpoint(table: &mut Table<'_>, names: &[EndpointName]) -> Option<EndpointName> {
    let name = table
        .setting("broker_endpoint", "The endpoint for the broker's own requests.")
        .text()
        .limits("`default` or the name of a `[[bucket.named_endpoint]]`")
        .absent("`default`")
        .optional();
    let Some(Located { value, location }) = name else {
        return Some(EndpointName::default_endpoint());
    };
    let found = names.iter().find(|name| name.as_str() == value);
    if found.is_none() {
        table.report("broker_endpoint", &location, format!("refers to undefined endpoint {value:?}"));
    }
    found.cloned()
}
