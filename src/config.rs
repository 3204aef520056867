//! The server's configuration: file, then environment, then flags, all of it checked before anything starts.

mod attribution;
mod audit;
mod bucket;
mod credentials;
mod issuer;
mod limits;
mod listener;
mod log;
mod overrides;
mod policy;
mod quota;
mod server;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use attribution::AttributionSettings;
pub use audit::{AuditOutput, AuditSettings};
pub use bucket::{BucketSettings, NamedEndpoint};
pub use credentials::CredentialsSettings;
pub use limits::LimitSettings;
pub use listener::{ListenAddress, ListenerSettings};
pub use overrides::{ENVIRONMENT_PREFIX, environment_overrides, flag_override};
pub use policy::PolicySettings;
pub use server::ServerSettings;
pub use tls::TlsSettings;

use crate::document::{self, Document, Overrides, Problems};
use crate::identity::{IssuerSettings, PlainHttp, TRUST_DOMAIN_SCHEME};
use crate::policy::{BucketName, EndpointName, Policy, PolicyContext};
use crate::quota::QuotaSettings;
use crate::telemetry::LogSettings;

/// Everything that the server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses, life cycle, and limits of single parts.
    pub server: ServerSettings,
    /// What clients may take of the server.
    pub limits: LimitSettings,
    /// Where gRPC is served; at least one.
    pub listeners: Vec<ListenerSettings>,
    /// Logs.
    pub log: LogSettings,
    /// Where decisions are recorded.
    pub audit: AuditSettings,
    /// What S3's access log tells of callers.
    pub attribution: AttributionSettings,
    /// How often URLs are issued.
    pub quota: QuotaSettings,
    /// Where the policy is.
    pub policy: PolicySettings,
    /// Whose tokens are accepted; at least one where a listener takes tokens.
    pub issuers: Vec<IssuerSettings>,
    /// The logical buckets; at least one.
    pub buckets: Vec<BucketSettings>,
}

/// Why a configuration or policy cannot be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Rules are broken.
    #[error(transparent)]
    Invalid(#[from] Problems),
}

impl Config {
    /// Reads a configuration file. Paths in it are relative to its folder.
    ///
    /// `plain_http` says whether issuers may be asked over plain HTTP; only the development environment, whose issuer
    /// is inside the process, has a reason to.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, and every broken rule at once.
    pub fn load(path: &Path, overrides: Overrides, plain_http: PlainHttp) -> Result<Self, LoadError> {
        let text = read(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok(Self::parse(&path.display().to_string(), &text, folder, overrides, plain_http)?)
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
        let document = Document::parse(origin, text, overrides)?;
        let mut root = document.root();
        let (server, grpc_addr) = server::read(root.table("server"));
        let listeners = listener::read_all(&mut root, folder, grpc_addr);
        let limits = limits::read(root.table("limits"));
        let log = log::read(root.table("log"));
        let audit = audit::read(root.table("audit"), folder);
        let attribution = attribution::read(root.table("attribution"), folder);
        let quota = quota::read(root.table("quota"));
        let policy = policy::read(root.table("policy"), folder);
        let issuers = issuer::read_all(&mut root, folder, plain_http, &listeners);
        let credentials = credentials::read_all(&mut root, folder);
        let buckets = bucket::read_all(&mut root, &credentials);
        root.finish();
        let config = policy.map(|policy| Self {
            server,
            limits,
            listeners,
            log,
            audit,
            attribution,
            quota,
            policy,
            issuers,
            buckets,
        });
        document.into_result(config)
    }

    /// Reads the policy file that the configuration names.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, and every broken rule at once.
    pub fn load_policy(&self) -> Result<Policy, LoadError> {
        self.read_policy().map(|(policy, _)| policy)
    }

    /// The same, with the text that it was compiled from.
    ///
    /// # Errors
    ///
    /// As [`load_policy`](Self::load_policy).
    pub fn read_policy(&self) -> Result<(Policy, String), LoadError> {
        let text = read(&self.policy.file)?;
        Ok((self.parse_policy(&text)?, text))
    }

    /// Compiles a policy's text against this configuration.
    ///
    /// # Errors
    ///
    /// Every broken rule at once.
    pub fn parse_policy(&self, text: &str) -> Result<Policy, LoadError> {
        let endpoints =
            |bucket: &BucketSettings| bucket.endpoints.iter().map(|endpoint| endpoint.name.clone()).collect();
        let buckets: BTreeMap<BucketName, BTreeSet<EndpointName>> =
            self.buckets.iter().map(|bucket| (bucket.name.clone(), endpoints(bucket))).collect();
        let issuers: BTreeSet<String> = self.issuers.iter().map(|issuer| issuer.issuer.clone()).collect();
        let trust_domains = self.trust_domains();
        let context = PolicyContext { buckets: &buckets, issuers: &issuers, trust_domains: &trust_domains };
        Ok(Policy::parse(&self.policy.file.display().to_string(), text, &context)?)
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
    pub fn sole_bucket(&self) -> Option<&BucketName> {
        match self.buckets.as_slice() {
            [sole] => Some(&sole.name),
            _ => None,
        }
    }
}

fn read(path: &Path) -> Result<String, LoadError> {
    document::read_file(path).map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
