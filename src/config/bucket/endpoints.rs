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
struct RealBucket {
    s3_bucket: String,
    region: String,
}

/// Reads what `[[bucket]]` says about places.
pub(super) fn read(table: &mut Table<'_>) -> Option<BucketEndpoints> {
    let (s3_bucket, region) = (table.required_string("s3_bucket"), table.required_string("region"));
    let bucket = s3_bucket.zip(region).map(|(name, region)| RealBucket { s3_bucket: name.value, region: region.value });
    let mut names = vec![EndpointName::default_endpoint()];
    let location = read_place(table, bucket.as_ref(), "bucket");
    let mut endpoints = vec![named(Some(EndpointName::default_endpoint()), location)];
    for mut table in table.tables("named_endpoint") {
        let name = read_name(&mut table, &names);
        // Also of an endpoint that cannot be: its name is no less taken.
        names.extend(name.clone());
        let location = read_place(&mut table, bucket.as_ref(), "endpoint");
        endpoints.push(named(name, location));
        table.finish();
    }
    let broker_endpoint = read_broker_endpoint(table, &names)?;
    let endpoints = endpoints.into_iter().collect::<Option<Vec<_>>>()?;
    Some(BucketEndpoints { endpoints, broker_endpoint })
}

fn named(name: Option<EndpointName>, location: Option<(EndpointSettings, BucketEndpoint)>) -> Option<NamedEndpoint> {
    let (settings, endpoint) = location?;
    Some(NamedEndpoint { name: name?, settings, endpoint })
}

fn read_name(table: &mut Table<'_>, taken: &[EndpointName]) -> Option<EndpointName> {
    let Located { value, location } = table.required_string("name")?;
    match EndpointName::parse(&value) {
        Ok(name) if name == EndpointName::default_endpoint() => {
            table.report("name", &location, "must not be \"default\", which the bucket's own settings describe");
            None
        }
        Ok(name) if taken.contains(&name) => {
            table.report("name", &location, "is the name of another endpoint of the bucket already");
            None
        }
        Ok(name) => Some(name),
        Err(error) => {
            table.report("name", &location, error);
            None
        }
    }
}

/// Reads the settings that say where one endpoint is, and finds out.
fn read_place(
    table: &mut Table<'_>,
    bucket: Option<&RealBucket>,
    what: &str,
) -> Option<(EndpointSettings, BucketEndpoint)> {
    let styles =
        [("automatic", Addressing::Automatic), ("virtual-host", Addressing::VirtualHost), ("path", Addressing::Path)];
    let endpoint_text = table.string("endpoint");
    let addressing = table.one_of("addressing", &styles).unwrap_or(Addressing::Automatic);
    let dual_stack = table.boolean("dual_stack").is_some_and(|flag| flag.value);
    let fips = table.boolean("fips").is_some_and(|flag| flag.value);
    let accelerate = table.boolean("accelerate").is_some_and(|flag| flag.value);
    let access_point = table.string("access_point").map(|arn| arn.value);
    let endpoint = match endpoint_text {
        None => None,
        Some(Located { value, location }) => match Url::parse(&value) {
            Ok(url) => Some(url),
            Err(_) => {
                table.report("endpoint", &location, "must be a URL, such as \"https://minio.example.com:9000\"");
                return None;
            }
        },
    };
    let RealBucket { s3_bucket, region } = bucket?;
    let settings = EndpointSettings {
        s3_bucket: s3_bucket.clone(),
        region: region.clone(),
        endpoint,
        addressing,
        dual_stack,
        fips,
        accelerate,
        access_point,
    };
    match BucketEndpoint::resolve(&settings) {
        Ok(endpoint) => Some((settings, endpoint)),
        Err(error) => {
            table.report_here(format!("is no usable {what}: {error}"));
            None
        }
    }
}

fn read_broker_endpoint(table: &mut Table<'_>, names: &[EndpointName]) -> Option<EndpointName> {
    let Some(Located { value, location }) = table.string("broker_endpoint") else {
        return Some(EndpointName::default_endpoint());
    };
    let found = names.iter().find(|name| name.as_str() == value);
    if found.is_none() {
        table.report("broker_endpoint", &location, format!("names {value:?}, which no endpoint of the bucket has"));
    }
    found.cloned()
}
