//! `[[bucket]]`: buckets, and the endpoints of their S3 buckets.

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
    /// The name that callers, policies and logs use.
    pub name: BucketName,
    /// The endpoints of the S3 bucket. The first is the default one, which the settings of `[[bucket]]` describe.
    pub endpoints: Vec<NamedEndpoint>,
    /// The endpoint for the broker's own requests.
    pub broker_endpoint: EndpointName,
    /// The account that must own the S3 bucket.
    pub expected_bucket_owner: Option<AccountId>,
    /// Whether the account that signs pays for the requests.
    pub requester_pays: bool,
    /// Whether signed URLs name their decision.
    pub attribution: bool,
    /// They sign URLs and the broker's HEAD requests.
    pub credentials: CredentialsSettings,
    /// They sign uploads. `None`: `credentials` do.
    pub upload_credentials: Option<CredentialsSettings>,
    pub(crate) server: ServerTraits,
    /// Whether nothing is served while its credentials are missing.
    pub required: bool,
}

impl BucketSettings {
    /// All credentials that sign for it.
    pub fn signers(&self) -> impl Iterator<Item = &CredentialsSettings> {
        [&self.credentials].into_iter().chain(&self.upload_credentials)
    }

    /// What a policy needs to know about it.
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
        root.report("bucket", &Location::Document, "is required: configure at least one [[bucket]]");
    }
    let mut buckets: Vec<BucketSettings> = Vec::new();
    for table in tables {
        buckets.extend(read(table, &buckets, &known));
    }
    report_uploads_by_readers(root, &buckets, &known);
    buckets
}

/// `before` are the buckets that were read before.
fn read(
    mut table: Table<'_>,
    before: &[BucketSettings],
    known: &BTreeMap<String, Option<CredentialsSettings>>,
) -> Option<BucketSettings> {
    table.describe("A bucket. If there is exactly one, callers can leave out its name.", "invalid: one is required");
    let name = table
        .setting("name", "The name that callers, the policy and logs use.")
        .parsed("name", BucketName::parse)
        .limits("unique; 1 to 63 characters from `a-z`, `0-9`, `-` and `_`; first a letter or digit")
        .required();
    if let Some(Located { value, location }) = &name
        && before.iter().any(|bucket| bucket.name == *value)
    {
        table.report("name", location, "repeats the name of another bucket");
    }
    let endpoints = endpoints::read(&mut table);
    let expected_bucket_owner = table
        .setting(
            "expected_bucket_owner",
            "The AWS account that must own the S3 bucket; otherwise S3 refuses requests. Every URL then [needs a \
             header](#links-images-and-redirects), also of downloads.",
        )
        .parsed("AWS account id", AccountId::parse)
        .limits("12 digits")
        .optional();
    let required = table
        .setting(
            "required",
            "Health is `NOT_SERVING` while this bucket's credentials are missing. See [readiness](#readiness).",
        )
        .flag()
        .or(false);
    let requester_pays = table
        .setting(
            "requester_pays",
            "The account that signs pays for the requests, for buckets with Requester Pays. Download URLs have this in \
             the query; uploads have it as a header.",
        )
        .flag()
        .or(false);
    let attribution = table
        .setting(
            "attribution",
            "URLs name their decision and a pseudonym of their caller, for [S3's access \
             log](OPERATIONS.md#from-a-line-of-s3s-log-to-the-brokers). `false` for servers that refuse unknown query \
             parameters.",
        )
        .flag()
        .or(true);
    let signers = read_signers(&mut table, known);
    let server = ServerTraits::read(&mut table);
    table.finish();
    let BucketEndpoints { endpoints, broker_endpoint } = endpoints?;
    let (credentials, upload_credentials) = signers?;
    Some(BucketSettings {
        name: name?.value,
        endpoints,
        broker_endpoint,
        expected_bucket_owner: expected_bucket_owner.map(|owner| owner.value),
        requester_pays,
        attribution,
        credentials,
        upload_credentials,
        server,
        required,
    })
}

/// An upload URL could be used to read what its signer can read, in any bucket.
fn report_uploads_by_readers(
    root: &mut Table<'_>,
    buckets: &[BucketSettings],
    known: &BTreeMap<String, Option<CredentialsSettings>>,
) {
    for table in root.tables("bucket") {
        let Some(Located { value, location }) = table.peek_strings("upload_credentials").pop() else { continue };
        let Some(Some(of_uploads)) = known.get(&value) else { continue };
        if let Some(reader) = buckets.iter().find(|bucket| bucket.credentials.has_keys_of(of_uploads)) {
            let name = &reader.name;
            let rule = format!("uses the access key that reads bucket \"{name}\": uploads require another access key");
            table.report("upload_credentials", &location, rule);
        }
    }
}

/// The credentials that sign, and those that sign uploads if they are others.
fn read_signers(
    table: &mut Table<'_>,
    known: &BTreeMap<String, Option<CredentialsSettings>>,
) -> Option<(CredentialsSettings, Option<CredentialsSettings>)> {
    let credentials = table
        .setting(
            "credentials",
            "The credentials that sign URLs and the broker's HEAD requests. `default-chain` is [AWS's default \
             chain](#awss-default-chain).",
        )
        .text()
        .limits("the name of a `[[credentials]]`, or `default-chain`")
        .absent("`default-chain`")
        .optional();
    let upload_credentials = table
        .setting(
            "upload_credentials",
            "Other credentials that sign uploads. They need permission to write, and none to read. See [credentials \
             for uploads](#credentials-for-uploads).",
        )
        .text()
        .limits("as `credentials`; another access key")
        .optional();
    let find = |setting: &str, name: &Located<String>| match known.get(&name.value) {
        Some(settings) => settings.clone(),
        None => {
            table.report(setting, &name.location, format!("refers to undefined credentials {:?}", name.value));
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
