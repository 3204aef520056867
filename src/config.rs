//! The server's configuration: file, environment and flags, checked before anything starts.

mod attribution;
mod audit;
mod bucket;
mod credentials;
mod differences;
mod http;
mod issuer;
mod key_proxy;
mod limits;
mod listener;
mod log;
mod overrides;
mod policy;
mod policy_file;
mod quota;
mod server;
mod tls;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub(crate) use attribution::AttributionSettings;
pub use audit::{AuditOutput, AuditSettings};
pub use bucket::BucketSettings;
pub(crate) use bucket::NamedEndpoint;
pub(crate) use credentials::CredentialsSettings;
pub use limits::LimitSettings;
pub use listener::{ListenAddress, ListenerSettings};
pub(crate) use log::AccessLogSettings;
pub use overrides::environment_overrides;
pub(crate) use overrides::flag_override;
pub(crate) use policy::PolicySettings;
pub use policy_file::{LoadedPolicy, PolicyPart, ProofError};
pub(crate) use policy_file::{
    MembersSource, PolicyArrivals, PolicyFiles, PolicySnapshot, PolicySource, ProvenSnapshot, ReadFile,
};
pub use server::ServerSettings;
pub use tls::TlsSettings;

use crate::http::HttpSettings;
use crate::quota::QuotaSettings;
use crate::telemetry::{LogFormat, LogSettings};
use access_broker_base::document::{
    Document, MAX_DOCUMENT_BYTES, Overrides, Problems, Redaction, Reference, Variables, Warnings,
};
use access_broker_base::files::{self, FileError, UnusableFile};
use access_broker_identity::{IssuerSettings, PlainHttp, TRUST_DOMAIN_SCHEME};
use access_broker_policy::{BucketName, BucketProfile, CallerOutlook, CompiledPolicy, Members, PolicyContext};

/// Everything that the server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`
    pub server: ServerSettings,
    /// `[limits]`
    pub limits: LimitSettings,
    /// Where gRPC is served; at least one.
    pub listeners: Vec<ListenerSettings>,
    /// `[log]`
    pub log: LogSettings,
    /// Which lines of calls are written.
    pub(crate) access_log: AccessLogSettings,
    /// Where decisions are recorded.
    pub audit: AuditSettings,
    /// How S3's access log names callers.
    pub(crate) attribution: AttributionSettings,
    /// How often URLs are issued.
    pub quota: QuotaSettings,
    pub(crate) policy: PolicySettings,
    /// Whose tokens are accepted; at least one where a listener accepts tokens.
    pub issuers: Vec<IssuerSettings>,
    /// The issuers whose keys must be available before anything is served.
    pub(crate) required_issuers: BTreeSet<String>,
    /// The buckets; at least one.
    pub buckets: Vec<BucketSettings>,
    /// `[http]` and `[presignedurl]`
    pub(crate) http: HttpSettings,
    /// Settings without effect, probable mistakes, and risks.
    pub warnings: Warnings,
    /// Values of variables that messages about the policy must not show.
    redaction: Redaction,
}

/// Why a configuration or policy cannot be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The configuration file cannot be read.
    #[error(transparent)]
    Unusable(#[from] UnusableFile),
    /// The policy file cannot be read.
    #[error("policy.file: {0}")]
    UnusablePolicy(UnusableFile),
    /// The members file cannot be read.
    #[error("policy.members_file: {0}")]
    UnusableMembers(UnusableFile),
    /// The checksum or the signature of the policy or of the members file is wrong or missing.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// It breaks rules.
    #[error(transparent)]
    Invalid(#[from] Problems),
}

impl Config {
    /// Reads a configuration file. Paths in it are relative to its directory. For [warnings](Self::warnings), also reads
    /// the access keys that the configuration names, if they are available.
    ///
    /// `plain_http` says whether issuers may be reached over plain HTTP: for the development environment, whose issuer is
    /// inside the process.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or breaks rules: all of them are reported.
    pub fn load(path: &Path, overrides: Overrides, plain_http: PlainHttp) -> Result<Self, LoadError> {
        let unusable = |problem| UnusableFile { file: path.to_owned(), problem };
        let read = files::read(path, MAX_DOCUMENT_BYTES).map_err(unusable)?;
        Self::from_content(path, &read.content, overrides, plain_http)
    }

    /// Reads the file again while a server runs with it: a file that was written less than `settle` ago is read until two
    /// reads are equal. Blocks for up to ten seconds.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and if the file keeps changing.
    pub(crate) fn load_again(
        path: &Path,
        overrides: Overrides,
        plain_http: PlainHttp,
        settle: Duration,
    ) -> Result<Self, LoadError> {
        let read = files::at_start::read_one(path, MAX_DOCUMENT_BYTES, settle)?;
        Self::from_content(path, &read.content, overrides, plain_http)
    }

    fn from_content(
        path: &Path,
        content: &[u8],
        overrides: Overrides,
        plain_http: PlainHttp,
    ) -> Result<Self, LoadError> {
        let text = text_of(path, content)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let origin = path.display().to_string();
        Ok(Self::parse_with(
            &origin,
            text,
            directory,
            overrides,
            plain_http,
            &Variables::Environment,
            &warnings::read_secret,
        )?)
    }

    /// The format of the log for a configuration that is not valid: the override's, the file's, or the default if the file
    /// is valid TOML and sets none. `None`: unknown.
    #[must_use]
    pub(crate) fn log_format_alone(path: &Path, overrides: &Overrides) -> Option<LogFormat> {
        let read = || files::read(path, MAX_DOCUMENT_BYTES).ok();
        log::format_alone(overrides, &Variables::Environment, || String::from_utf8(read()?.content.to_vec()).ok())
    }

    /// Reads a configuration from its text; see [`load`](Self::load).
    ///
    /// # Errors
    ///
    /// All broken rules.
    pub fn parse(
        origin: &str,
        text: &str,
        directory: &Path,
        overrides: Overrides,
        plain_http: PlainHttp,
    ) -> Result<Self, Problems> {
        Self::parse_with(origin, text, directory, overrides, plain_http, &Variables::Environment, &|_| None)
    }

    fn parse_with(
        origin: &str,
        text: &str,
        directory: &Path,
        overrides: Overrides,
        plain_http: PlainHttp,
        variables: &Variables,
        read_secret: warnings::ReadSecret<'_>,
    ) -> Result<Self, Problems> {
        let document = Document::parse(origin, text, overrides, variables)?;
        let mut config = Self::read(&document, directory, plain_http);
        if let Some(config) = config.as_mut().filter(|_| document.is_valid()) {
            warnings::find(&document, config, read_secret);
            config.warnings = document.take_warnings();
        }
        document.into_result(config)
    }

    /// Every table and setting that a configuration can have.
    #[must_use]
    pub fn reference() -> Reference {
        Document::describe(|document| {
            let _ = Self::read(document, Path::new(""), PlainHttp::Refused);
        })
    }

    /// `None` where something was reported.
    fn read(document: &Document<'_>, directory: &Path, plain_http: PlainHttp) -> Option<Self> {
        let mut root = document.root();
        root.describe("The configuration of access-broker.", "");
        let (server, grpc_addr) = server::read(root.table("server"));
        let listeners = listener::read_all(&mut root, directory, grpc_addr);
        let limits = limits::read(root.table("limits"));
        let (log, access_log) = log::read(root.table("log"));
        let audit = audit::read(root.table("audit"), directory);
        let attribution = attribution::read(root.table("attribution"), directory);
        let quota = quota::read(root.table("quota"));
        let policy = policy::read(root.table("policy"), directory);
        let issuer::Issuers { settings: mut issuers, required: required_issuers } =
            issuer::read_all(&mut root, directory, plain_http, &listeners, &server.key_proxy);
        let credentials = credentials::read_all(&mut root, directory);
        let buckets = bucket::read_all(&mut root, &credentials);
        let http = http::read(root.table("http"), root.table("presignedurl"), &listeners, &buckets);
        root.finish();
        let policy = policy?;
        for issuer in &mut issuers {
            issuer.file_settle = policy.settle;
        }
        Some(Self {
            server,
            limits,
            listeners,
            log,
            access_log,
            audit,
            attribution,
            quota,
            policy,
            issuers,
            required_issuers,
            buckets,
            http,
            warnings: Warnings::default(),
            redaction: document.redaction().clone(),
        })
    }

    /// Reads the policy file and the members file, as a server does at start: if one of them was written less than
    /// `policy.settle` ago, they are read until two reads are equal. Blocks for up to ten seconds.
    ///
    /// # Errors
    ///
    /// A file cannot be read, its checksum or signature is wrong, or it breaks rules: all of them are reported.
    pub fn load_policy(&self) -> Result<LoadedPolicy, LoadError> {
        let files = PolicyFiles::new(&self.policy);
        let arrivals = files.watch_arrivals();
        let snapshot = files.read_at_start(&self.policy).map_err(|unusable| {
            let is_policy = unusable.file == self.policy.file;
            if is_policy { LoadError::UnusablePolicy(unusable) } else { LoadError::UnusableMembers(unusable) }
        })?;
        let text = proven_text(&files, PolicyPart::Policy, &snapshot.policy)?.to_owned();
        let members = match &snapshot.members {
            None => None,
            Some(read) => {
                let members = Arc::new(self.parse_members(proven_text(&files, PolicyPart::Members, read)?)?);
                Some(MembersSource { members, file: read.observed() })
            }
        };
        let compiled = self.compile_policy(&text, members.as_ref().map(|source| &*source.members))?;
        let source = PolicySource { text, policy: snapshot.policy.observed(), members };
        Ok(LoadedPolicy { compiled, source, arrivals })
    }

    /// Compiles the text of a policy that uses no members file against this configuration.
    ///
    /// # Errors
    ///
    /// All broken rules.
    pub fn parse_policy(&self, text: &str) -> Result<CompiledPolicy, Problems> {
        self.compile_policy(text, None)
    }

    /// Compiles a policy's text against this configuration and the groups of its members file.
    ///
    /// # Errors
    ///
    /// All broken rules.
    pub fn compile_policy(&self, text: &str, members: Option<&Members>) -> Result<CompiledPolicy, Problems> {
        let buckets = self.bucket_profiles();
        let issuers = self.issuer_names();
        let trust_domains = self.trust_domains();
        let context = PolicyContext {
            buckets: &buckets,
            issuers: &issuers,
            trust_domains: &trust_domains,
            variables: &self.policy.variables,
            members,
        };
        let outlook = CallerOutlook::new(self.listeners.iter().map(|listener| &listener.proof), &self.issuers);
        let origin = self.policy.file.display().to_string();
        let compiled = CompiledPolicy::parse(&origin, text, &context, &outlook);
        // The context has values of the configuration's variables, and messages about the policy quote it.
        let mut compiled = compiled.map_err(|problems| problems.redacted(&self.redaction))?;
        compiled.warnings.redact(&self.redaction);
        Ok(compiled)
    }

    /// Reads the text of a members file against this configuration.
    ///
    /// # Errors
    ///
    /// All broken rules.
    pub fn parse_members(&self, text: &str) -> Result<Members, Problems> {
        let origin = self.policy.members_file.as_ref().map_or_else(String::new, |file| file.display().to_string());
        let members = Members::parse(&origin, text, &self.issuer_names());
        // Messages quote the issuers, which can come from variables.
        members.map_err(|problems| problems.redacted(&self.redaction))
    }

    fn issuer_names(&self) -> BTreeSet<String> {
        self.issuers.iter().map(|issuer| issuer.issuer.clone()).collect()
    }

    /// What a policy needs to know about each bucket.
    #[must_use]
    pub fn bucket_profiles(&self) -> BTreeMap<BucketName, BucketProfile> {
        self.buckets.iter().map(|bucket| (bucket.name.clone(), bucket.profile())).collect()
    }

    /// The trust domains whose workloads are accepted by a listener or by an issuer of JWT-SVIDs.
    #[must_use]
    pub fn trust_domains(&self) -> BTreeSet<String> {
        let of_listeners = self.listeners.iter().filter_map(|listener| listener.proof.workload());
        let of_issuers = self.issuers.iter().filter_map(|issuer| issuer.issuer.strip_prefix(TRUST_DOMAIN_SCHEME));
        of_listeners.map(|proof| proof.trust_domain.as_str()).chain(of_issuers).map(str::to_owned).collect()
    }

    /// The bucket that an empty bucket name means: the only one.
    #[must_use]
    pub(crate) fn sole_bucket(&self) -> Option<&BucketName> {
        match self.buckets.as_slice() {
            [sole] => Some(&sole.name),
            _ => None,
        }
    }
}

/// The text of a policy or members file, if its proofs permit it.
fn proven_text<'s>(files: &PolicyFiles, part: PolicyPart, read: &'s ProvenSnapshot) -> Result<&'s str, LoadError> {
    let file = files.part(part);
    let unusable = |unusable| match part {
        PolicyPart::Policy => LoadError::UnusablePolicy(unusable),
        PolicyPart::Members => LoadError::UnusableMembers(unusable),
    };
    let content = read.file.as_ref().map(|read| read.content.as_slice()).unwrap_or_default();
    file.is_vouched_for(content, read)?;
    if content.is_empty() {
        return Err(unusable(UnusableFile { file: file.path().to_owned(), problem: FileError::Empty }));
    }
    text_of(file.path(), content).map_err(unusable)
}

fn text_of<'c>(path: &Path, content: &'c [u8]) -> Result<&'c str, UnusableFile> {
    str::from_utf8(content).map_err(|_| UnusableFile { file: path.to_owned(), problem: FileError::NotText })
}

#[cfg(test)]
mod tests;
