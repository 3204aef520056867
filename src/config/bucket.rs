//! `[[bucket]]`: logical buckets, and where the real ones are.

mod endpoints;
mod server;

use std::collections::BTreeMap;

use endpoints::BucketEndpoints;
pub(crate) use endpoints::NamedEndpoint;
pub(crate) use server::ServerTraits;

use super::credentials::CredentialsSettings;
use access_broker_base::document::{Located, Location, Table};
use access_broker_policy::{AccountId, BucketName, BucketProfile, EndpointName};
use access_broker_s3::credentials::DEFAULT_CHAIN_NAME;

/// One `[[bucket]]`.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    /// What callers, policies and logs call it.
    pub name: BucketName,
    /// The endpoints of the real bucket. The first is the default one, which the settings of `[[bucket]]` itself describe.
    pub endpoints: Vec<NamedEndpoint>,
    /// The one of them that the broker's own calls use.
    pub broker_endpoint: EndpointName,
    /// The account that the real bucket must belong to.
    pub expected_bucket_owner: Option<AccountId>,
    /// Whether the account that signs agrees to pay for the requests.
    pub requester_pays: bool,
    /// Whether signed URLs say which decision they come from.
    pub attribution: bool,
    /// Who signs for it, and looks into it.
    pub credentials: CredentialsSettings,
    /// Who signs uploads, if not the same.
    pub upload_credentials: Option<CredentialsSettings>,
    pub(crate) server: ServerTraits,
    /// Whether nothing is served while its credentials are missing.
    pub required: bool,
}

impl BucketSettings {
    /// Everyone who signs for it.
    pub fn signers(&self) -> impl Iterator<Item = &CredentialsSettings> {
        [&self.credentials].into_iter().chain(&self.upload_credentials)
    }

    /// What a policy must know of it.
    #[must_use]
    pub fn profile(&self) -> BucketProfile {
        let names = |endpoints: &mut dyn Iterator<Item = &NamedEndpoint>| {
            endpoints.map(|endpoint| endpoint.name.clone()).collect()
        };
        BucketProfile {
            endpoints: names(&mut self.endpoints.iter()),
            other_servers: names(&mut self.endpoints.iter().filter(|endpoint| !endpoint.settings.is_at_aws())),
            separate_upload_credentials: self.upload_credentials.is_some(),
            unsigned_headers: self.server.unsigned_headers,
            conditional_writes: self.server.conditional_writes,
            checksums: self.server.checksums.clone(),
            takes_backslash_for_slash: !self.server.backslash_in_keys,
        }
    }
}

/// Reads every `[[bucket]]`.
pub(super) fn read_all(
    root: &mut Table<'_>,
    credentials: &BTreeMap<String, Option<CredentialsSettings>>,
) -> Vec<BucketSettings> {
    let mut known = credentials.clone();
    known.insert(DEFAULT_CHAIN_NAME.to_owned(), Some(CredentialsSettings::DefaultChain));
    let tables = root.tables("bucket");
    if !root.holds("bucket") {
        root.report("bucket", &Location::Document, "must be given at least once as [[bucket]]");
    }
    let mut buckets: Vec<BucketSettings> = Vec::new();
    for mut table in tables {
        let name = read_name(&mut table);
        if let Some(Located { value, location }) = &name
            && buckets.iter().any(|bucket| bucket.name == *value)
        {
            table.report("name", location, "is the name of another bucket already");
        }
        let endpoints = endpoints::read(&mut table);
        let expected_bucket_owner = read_owner(&mut table);
        let requester_pays = table.boolean("requester_pays").is_some_and(|flag| flag.value);
        let attribution = table.boolean("attribution").is_none_or(|flag| flag.value);
        let required = table.boolean("required").is_some_and(|flag| flag.value);
        let signers = read_signers(&mut table, &known);
        let server = ServerTraits::read(&mut table);
        table.finish();
        if let (Some(name), Some(endpoints), Some((credentials, upload_credentials))) = (name, endpoints, signers) {
            let BucketEndpoints { endpoints, broker_endpoint } = endpoints;
            buckets.push(BucketSettings {
                name: name.value,
                endpoints,
                broker_endpoint,
                expected_bucket_owner,
                requester_pays,
                attribution,
                credentials,
                upload_credentials,
                server,
                required,
            });
        }
    }
    report_uploads_by_readers(root, &buckets, &known);
    buckets
}

/// An upload URL could be used to read what its signer can read, in any bucket.
fn report_uploads_by_readers(
    root: &mut Table<'_>,
    buckets: &[BucketSettings],
    known: &BTreeMap<String, Option<CredentialsSettings>>,
) {
    for mut table in root.tables("bucket") {
        let Some(Located { value, location }) = table.string("upload_credentials") else { continue };
        let Some(Some(of_uploads)) = known.get(&value) else { continue };
        if let Some(reader) = buckets.iter().find(|bucket| bucket.credentials.has_keys_of(of_uploads)) {
            let name = &reader.name;
            let rule =
                format!("must not be the keys that read in bucket \"{name}\": give uploads an access key of their own");
            table.report("upload_credentials", &location, rule);
        }
    }
}

fn read_name(table: &mut Table<'_>) -> Option<Located<BucketName>> {
    let Located { value, location } = table.required_string("name")?;
    match BucketName::parse(&value) {
        Ok(name) => Some(Located { value: name, location }),
        Err(error) => {
            table.report("name", &location, error);
            None
        }
    }
}

fn read_owner(table: &mut Table<'_>) -> Option<AccountId> {
    let Located { value, location } = table.string("expected_bucket_owner")?;
    AccountId::parse(&value).map_err(|error| table.report("expected_bucket_owner", &location, error)).ok()
}

/// Who signs, and who signs uploads if not the same.
fn read_signers(
    table: &mut Table<'_>,
    known: &BTreeMap<String, Option<CredentialsSettings>>,
) -> Option<(CredentialsSettings, Option<CredentialsSettings>)> {
    let (credentials, upload_credentials) = (table.string("credentials"), table.string("upload_credentials"));
    let find = |setting: &str, name: &Located<String>| match known.get(&name.value) {
        Some(settings) => settings.clone(),
        None => {
            table.report(setting, &name.location, format!("names {:?}, which no [[credentials]] has", name.value));
            None
        }
    };
    let of_bucket = match &credentials {
        None => Some(CredentialsSettings::DefaultChain),
        Some(name) => find("credentials", name),
    };
    let of_uploads = match &upload_credentials {
        None => None,
        Some(name) => Some(find("upload_credentials", name)?),
    };
    Some((of_bucket?, of_uploads))
}
