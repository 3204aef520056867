//! `[[bucket]]`: logical buckets, and where the real ones are.

mod endpoints;

use std::collections::BTreeMap;

use endpoints::BucketEndpoints;
pub use endpoints::NamedEndpoint;

use super::credentials::CredentialsSettings;
use crate::document::{Located, Place, Table};
use crate::policy::{BucketName, EndpointName};
use crate::presign::AccountId;

/// One `[[bucket]]`.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    /// What callers, policies and logs call it.
    pub name: BucketName,
    /// The ways to the real bucket. The first is the default one, which the settings of `[[bucket]]` itself describe.
    pub endpoints: Vec<NamedEndpoint>,
    /// The one of them that the broker's own calls use.
    pub broker_endpoint: EndpointName,
    /// The account that the real bucket must belong to.
    pub expected_bucket_owner: Option<AccountId>,
    /// Whether the account that signs agrees to pay for the requests.
    pub requester_pays: bool,
    /// Whether signed URLs say which decision they come from.
    pub attribution: bool,
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
        let endpoints = endpoints::read(&mut table);
        let expected_bucket_owner = read_owner(&mut table);
        let requester_pays = table.boolean("requester_pays").is_some_and(|flag| flag.value);
        let attribution = table.boolean("attribution").is_none_or(|flag| flag.value);
        let credentials = read_credentials(&mut table, credentials);
        table.finish();
        if let (Some(name), Some(endpoints), Some(credentials)) = (name, endpoints, credentials) {
            let BucketEndpoints { endpoints, broker_endpoint } = endpoints;
            buckets.push(BucketSettings {
                name: name.value,
                endpoints,
                broker_endpoint,
                expected_bucket_owner,
                requester_pays,
                attribution,
                credentials,
            });
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

fn read_owner(table: &mut Table<'_>) -> Option<AccountId> {
    let Located { value, place } = table.string("expected_bucket_owner")?;
    AccountId::parse(&value).map_err(|error| table.report("expected_bucket_owner", &place, error)).ok()
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
