//! The server's configuration: file, then environment, then flags, all of it checked before anything starts.

mod attribution;
mod audit;
mod bucket;
mod credentials;
mod differences;
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
pub use policy_file::{LoadedPolicy, ProofError};
pub(crate) use policy_file::{PolicyFile, PolicySnapshot, PolicySource};
pub use server::ServerSettings;
pub use tls::TlsSettings;

use crate::quota::QuotaSettings;
use crate::telemetry::{LogFormat, LogSettings};
use access_broker_base::document::{Document, MAX_DOCUMENT_BYTES, Overrides, Problems, Warnings};
use access_broker_base::files::{self, Arrivals, FileError, Observation, UnusableFile};
use access_broker_identity::{IssuerSettings, PlainHttp, TRUST_DOMAIN_SCHEME};
use access_broker_policy::{BucketName, BucketProfile, CallerOutlook, CompiledPolicy, PolicyContext};

/// Everything that the server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses, life cycle, and limits of single parts.
    pub server: ServerSettings,
    /// What clients may take of the server.
    pub limits: LimitSettings,
    /// Where gRPC is served; at least one.
    pub listeners: Vec<ListenerSettings>,
    /// `[log]`
    pub log: LogSettings,
    /// Lines of calls.
    pub(crate) access_log: AccessLogSettings,
    /// Where decisions are recorded.
    pub audit: AuditSettings,
    /// What S3's access log tells of callers.
    pub(crate) attribution: AttributionSettings,
    /// How often URLs are issued.
    pub quota: QuotaSettings,
    pub(crate) policy: PolicySettings,
    /// Whose tokens are accepted; at least one where a listener takes tokens.
    pub issuers: Vec<IssuerSettings>,
    /// The issuers without whose keys nothing is served.
    pub(crate) required_issuers: BTreeSet<String>,
    /// The logical buckets; at least one.
    pub buckets: Vec<BucketSettings>,
    /// What the configuration says without effect, or surely does not mean.
    pub warnings: Warnings,
}

/// Why a configuration or policy cannot be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error(transparent)]
    Unusable(#[from] UnusableFile),
    /// The checksum or the signature beside the policy does not vouch for it.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// Rules are broken.
    #[error(transparent)]
    Invalid(#[from] Problems),
}

impl Config {
    /// Reads a configuration file. Paths in it are relative to its folder. For [warnings](Self::warnings) it looks at the
    /// access keys that the configuration names, where they are there.
    ///
    /// `plain_http` says whether issuers may be asked over plain HTTP; only the development environment, whose issuer
    /// is inside the process, has a reason to.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, and every broken rule at once.
    pub fn load(path: &Path, overrides: Overrides, plain_http: PlainHttp) -> Result<Self, LoadError> {
        let unusable = |problem| UnusableFile { file: path.to_owned(), problem };
        let read = files::read(path, MAX_DOCUMENT_BYTES).map_err(unusable)?;
        Self::from_content(path, &read.content, overrides, plain_http)
    }

    /// Reads the file once more, while a server runs by it: a file that was written less than `settle` ago is read until
    /// two reads are equal. Blocks, for up to ten seconds.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and when the file does not stop to change.
    pub(crate) fn load_again(
        path: &Path,
        overrides: Overrides,
        plain_http: PlainHttp,
        settle: Duration,
    ) -> Result<Self, LoadError> {
        let look = files::at_start::read_one(path, MAX_DOCUMENT_BYTES, settle)?;
        Self::from_content(path, &look.content, overrides, plain_http)
    }

    fn from_content(
        path: &Path,
        content: &[u8],
        overrides: Overrides,
        plain_http: PlainHttp,
    ) -> Result<Self, LoadError> {
        let text = text_of(path, content)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let origin = path.display().to_string();
        Ok(Self::parse_looking(&origin, text, folder, overrides, plain_http, &warnings::look_here)?)
    }

    /// The format of the log by a configuration that is not valid, as far as it can be told: what an override says, or
    /// the file, or the default where the file is sound TOML and says nothing.
    #[must_use]
    pub(crate) fn log_format_alone(path: &Path, overrides: &Overrides) -> Option<LogFormat> {
        let read = || files::read(path, MAX_DOCUMENT_BYTES).ok();
        log::format_alone(overrides, || String::from_utf8(read()?.content.to_vec()).ok())
    }

    /// Reads a configuration from its text; see [`load`](Self::load).
    ///
    /// # Errors
    ///
    /// Every broken rule at once.
    pub fn parse(
        origin: &str,
        text: &str,
        folder: &Path,
        overrides: Overrides,
        plain_http: PlainHttp,
    ) -> Result<Self, Problems> {
        Self::parse_looking(origin, text, folder, overrides, plain_http, &|_| None)
    }

    fn parse_looking(
        origin: &str,
        text: &str,
        folder: &Path,
        overrides: Overrides,
        plain_http: PlainHttp,
        look: warnings::SecretLook<'_>,
    ) -> Result<Self, Problems> {
        let document = Document::parse(origin, text, overrides)?;
        let mut root = document.root();
        let (server, grpc_addr) = server::read(root.table("server"));
        let listeners = listener::read_all(&mut root, folder, grpc_addr);
        let limits = limits::read(root.table("limits"));
        let (log, access_log) = log::read(root.table("log"));
        let audit = audit::read(root.table("audit"), folder);
        let attribution = attribution::read(root.table("attribution"), folder);
        let quota = quota::read(root.table("quota"));
        let policy = policy::read(root.table("policy"), folder);
        let issuer::Issuers { settings: mut issuers, required: required_issuers } =
            issuer::read_all(&mut root, folder, plain_http, &listeners, &server.key_proxy);
        let credentials = credentials::read_all(&mut root, folder);
        let buckets = bucket::read_all(&mut root, &credentials);
        root.finish();
        if let Some(policy) = &policy {
            for issuer in &mut issuers {
                issuer.file_settle = policy.settle;
            }
        }
        let mut config = policy.map(|policy| Self {
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
            warnings: Warnings::default(),
        });
        if let Some(config) = config.as_mut().filter(|_| document.is_valid()) {
            warnings::find(&document, config, look);
            config.warnings = document.take_warnings();
        }
        document.into_result(config)
    }

    /// Reads the policy file that the configuration names, as a server does at start: a file that was written less than
    /// `policy.settle` ago is read until two reads are equal. Blocks, for up to ten seconds.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, when its checksum or signature is wrong, and every broken rule at once.
    pub fn load_policy(&self) -> Result<LoadedPolicy, LoadError> {
        let file = PolicyFile::new(&self.policy);
        let arrivals = Arrivals::begin(&self.policy.file);
        let look = file.read_at_start(&self.policy)?;
        let (sight, proofs) = (Observation::from_read(&look.policy), look.proofs());
        let content = look.policy.as_ref().map(|read| read.content.as_slice()).unwrap_or_default();
        file.is_vouched_for(content, &look)?;
        if content.is_empty() {
            return Err(UnusableFile { file: self.policy.file.clone(), problem: FileError::Empty }.into());
        }
        let text = text_of(&self.policy.file, content)?.to_owned();
        let compiled = self.parse_policy(&text)?;
        Ok(LoadedPolicy { compiled, source: PolicySource { text, sight, proofs }, arrivals })
    }

    /// Compiles a policy's text against this configuration.
    ///
    /// # Errors
    ///
    /// Every broken rule at once.
    pub fn parse_policy(&self, text: &str) -> Result<CompiledPolicy, Problems> {
        let buckets = self.bucket_profiles();
        let issuers: BTreeSet<String> = self.issuers.iter().map(|issuer| issuer.issuer.clone()).collect();
        let trust_domains = self.trust_domains();
        let context = PolicyContext { buckets: &buckets, issuers: &issuers, trust_domains: &trust_domains };
        let outlook = CallerOutlook::new(self.listeners.iter().map(|listener| &listener.proof), &self.issuers);
        CompiledPolicy::parse(&self.policy.file.display().to_string(), text, &context, &outlook)
    }

    /// What a policy must know of each bucket.
    #[must_use]
    pub fn bucket_profiles(&self) -> BTreeMap<BucketName, BucketProfile> {
        self.buckets.iter().map(|bucket| (bucket.name.clone(), bucket.profile())).collect()
    }

    /// The trust domains whose workloads can prove themselves, to a listener or by a JWT-SVID.
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

fn text_of<'c>(path: &Path, content: &'c [u8]) -> Result<&'c str, UnusableFile> {
    str::from_utf8(content).map_err(|_| UnusableFile { file: path.to_owned(), problem: FileError::NotText })
}

#[cfg(test)]
mod tests;
