//! `[[bucket]]`: logical buckets, and where the real ones are.

use std::collections::BTreeMap;

use url::Url;

use super::credentials::CredentialsSettings;
use crate::document::{Located, Place, Table};
use crate::policy::BucketName;
use crate::presign::{Addressing, BucketEndpoint, EndpointSettings};

/// One `[[bucket]]`.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    /// What callers, policies and logs call it.
    pub name: BucketName,
    /// What the configuration says of the real bucket.
    pub settings: EndpointSettings,
    /// Where that is.
    pub endpoint: BucketEndpoint,
    /// Who signs for it.
    pub credentials: CredentialsSettings,
}

/// Reads every `[[bucket]]`.
pub(super) fn read_all(
    root: &mut Table<'_>,
    credentials: &BTreeMap<String, Option<CredentialsSettings>>,
) -> Vec<BucketSettings> {
    let tables = root.tables("bucket");
    if !root.holds("bucket") {
        root.report("bucket", &Place::Document, "must be given at least once as [[bucket]]");
    }
    let mut buckets: Vec<BucketSettings> = Vec::new();
    for mut table in tables {
        let name = read_name(&mut table);
        if let Some(Located { value, place }) = &name
            && buckets.iter().any(|bucket| bucket.name == *value)
        {
            table.report("name", place, "is the name of another bucket already");
        }
        let endpoint = read_endpoint(&mut table);
        let credentials = read_credentials(&mut table, credentials);
        table.finish();
        if let (Some(name), Some((settings, endpoint)), Some(credentials)) = (name, endpoint, credentials) {
            buckets.push(BucketSettings { name: name.value, settings, endpoint, credentials });
        }
    }
    buckets
}

fn read_name(table: &mut Table<'_>) -> Option<Located<BucketName>> {
    let Located { value, place } = table.required_string("name")?;
    match BucketName::parse(&value) {
        Ok(name) => Some(Located { value: name, place }),
        Err(error) => {
            table.report("name", &place, error);
            None
        }
    }
}

fn read_endpoint(table: &mut Table<'_>) -> Option<(EndpointSettings, BucketEndpoint)> {
    let styles =
        [("automatic", Addressing::Automatic), ("virtual-host", Addressing::VirtualHost), ("path", Addressing::Path)];
    let s3_bucket = table.required_string("s3_bucket");
    let region = table.required_string("region");
    let endpoint_text = table.string("endpoint");
    let addressing = table.one_of("addressing", &styles).unwrap_or(Addressing::Automatic);
    let dual_stack = table.boolean("dual_stack").is_some_and(|flag| flag.value);
    let fips = table.boolean("fips").is_some_and(|flag| flag.value);
    let endpoint = match endpoint_text {
        None => None,
        Some(Located { value, place }) => match Url::parse(&value) {
            Ok(url) => Some(url),
            Err(_) => {
                table.report("endpoint", &place, "must be a URL, such as \"https://minio.example.com:9000\"");
                return None;
            }
        },
    };
    let settings =
        EndpointSettings { s3_bucket: s3_bucket?.value, region: region?.value, endpoint, addressing, dual_stack, fips };
    match BucketEndpoint::resolve(&settings) {
        Ok(endpoint) => Some((settings, endpoint)),
        Err(error) => {
            table.report_here(format!("is no usable bucket: {error}"));
            None
        }
    }
}

fn read_credentials(
    table: &mut Table<'_>,
    credentials: &BTreeMap<String, Option<CredentialsSettings>>,
) -> Option<CredentialsSettings> {
    let Some(Located { value, place }) = table.string("credentials") else {
        return Some(CredentialsSettings::DefaultChain);
    };
    match credentials.get(&value) {
        Some(settings) => settings.clone(),
        None => {
            table.report("credentials", &place, format!("names {value:?}, which no [[credentials]] has"));
            None
        }
    }
}
