//! Everything on one machine: embedded S3, embedded issuer, and the broker.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tempfile::TempDir;
use tokio::task;

use crate::config::Config;
use crate::http::Origin;
use crate::server::{RunningServer, StartOptions};
use crate::telemetry::{LogCounts, Traces};
use access_broker_base::clock::SystemClock;
use access_broker_base::document::Overrides;
use access_broker_dev::{
    AccessKey, CLIENT_ID, EmbeddedIssuer, EmbeddedIssuerOptions, EmbeddedS3, EmbeddedS3Options, generate_key_pair, seed,
};
use access_broker_identity::PlainHttp;

/// The policy of a new data directory.
pub const POLICY: &str = include_str!("policy.toml");

/// The logical bucket, and the name of the embedded server's bucket.
pub const BUCKET: &str = "media";

/// The audit file, in the data directory.
const AUDIT_FILE: &str = "audit.jsonl";

const ACCESS_KEY_ID_VARIABLE: &str = "EMBEDDED_S3_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY_VARIABLE: &str = "EMBEDDED_S3_SECRET_ACCESS_KEY";

/// The addresses to listen at. Port 0 means a free port.
#[derive(Debug, Clone)]
pub struct EnvironmentOptions {
    /// The broker's gRPC address.
    pub grpc_addr: SocketAddr,
    /// The broker's admin address.
    pub admin_addr: SocketAddr,
    /// The embedded S3's address, on loopback. Port 0 means a free port.
    pub s3_addr: SocketAddr,
    /// The embedded issuer's address, on loopback. Port 0 means a free port.
    pub issuer_addr: SocketAddr,
    /// The directory of objects, policy and audit records. `None`: a temporary directory, removed on exit.
    pub data_dir: Option<PathBuf>,
    /// The origins whose pages may call the broker over HTTP.
    pub cors_origins: Vec<Origin>,
    /// Whether decisions are recorded, in a file of that directory.
    pub audit: bool,
    /// The exporter of the broker's spans.
    pub traces: Traces,
    /// Counts lost log lines, for metrics.
    pub log: Arc<LogCounts>,
}

/// The running servers.
#[derive(Debug)]
pub struct Environment {
    /// The broker.
    pub server: RunningServer,
    /// The broker's gRPC address.
    pub grpc_addr: SocketAddr,
    /// The S3 server.
    pub s3: EmbeddedS3,
    /// The token issuer.
    pub issuer: EmbeddedIssuer,
    data_dir: PathBuf,
    _temporary_dir: Option<TempDir>,
}

impl Environment {
    /// Starts everything and returns when the broker answers calls.
    ///
    /// # Errors
    ///
    /// When an address cannot be bound, the data directory cannot be written, or the policy in it is invalid.
    pub async fn start(options: EnvironmentOptions) -> anyhow::Result<Self> {
        let (data_dir, temporary_dir) = data_dir(options.data_dir.as_deref())?;
        let objects = data_dir.join("objects");
        let (access_key_id, secret_access_key) = generate_key_pair()?;
        // Before the server opens the directory, because it removes what seems to be a broken upload.
        seed(&objects, BUCKET).await?;
        let s3 = EmbeddedS3::start(EmbeddedS3Options {
            address: options.s3_addr,
            data_dir: objects.clone(),
            keys: vec![AccessKey { id: access_key_id.clone(), secret: secret_access_key.clone(), session: None }],
            bucket: BUCKET.to_owned(),
            region: None,
            owner: None,
            requester_pays: false,
        })
        .await?;
        let clock = Arc::new(SystemClock);
        let issuer = EmbeddedIssuer::start(EmbeddedIssuerOptions { address: options.issuer_addr, clock }).await?;
        write_policy(&data_dir.join("policy.toml"))?;

        let text = broker_toml(&options, issuer.issuer(), &s3.url());
        let origin = "the development configuration";
        let config = Config::parse(origin, &text, &data_dir, Overrides::new(), PlainHttp::OnLoopback)?;
        // The key pair is only in this process: neither a file nor the real environment has it.
        let start_options = StartOptions {
            environment: Arc::new(move |name| match name {
                ACCESS_KEY_ID_VARIABLE => Some(access_key_id.clone()),
                SECRET_ACCESS_KEY_VARIABLE => Some(secret_access_key.clone()),
                _ => None,
            }),
            traces: options.traces,
            log: options.log,
            loopback_hosts_only: true,
            ..StartOptions::system()
        };
        let loading = config.clone();
        let loaded = task::spawn_blocking(move || loading.load_policy()).await.context("loading the policy failed")?;
        let policy = loaded.context("the policy is invalid")?;
        let server = RunningServer::start(config, policy, start_options).await?;
        let grpc_addr = server.grpc_addr().context("the broker has no address")?;
        server.ready().await;
        Ok(Self { server, grpc_addr, s3, issuer, data_dir, _temporary_dir: temporary_dir })
    }

    /// The policy file. Changes become active within a second.
    #[must_use]
    pub fn policy_file(&self) -> PathBuf {
        self.data_dir.join("policy.toml")
    }

    /// The audit file, if decisions are recorded.
    #[must_use]
    pub fn audit_file(&self) -> PathBuf {
        self.data_dir.join(AUDIT_FILE)
    }

    /// The directory with the objects.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Stops everything, the broker first, because it uses the others.
    pub async fn stop(self) {
        self.server.stop().await;
        self.issuer.shutdown().await;
        self.s3.shutdown().await;
    }
}

fn data_dir(wanted: Option<&Path>) -> anyhow::Result<(PathBuf, Option<TempDir>)> {
    match wanted {
        Some(path) => {
            fs::create_dir_all(path).with_context(|| format!("creating --data-dir {} failed", path.display()))?;
            Ok((path.to_owned(), None))
        }
        None => {
            let folder = tempfile::Builder::new().prefix("access-broker-").tempdir();
            let folder = folder.context("creating a temporary directory failed")?;
            Ok((folder.path().to_owned(), Some(folder)))
        }
    }
}

/// Writes the policy, unless the file exists.
fn write_policy(path: &Path) -> anyhow::Result<()> {
    if !path.exists() {
        fs::write(path, POLICY).with_context(|| format!("writing {} failed", path.display()))?;
    }
    Ok(())
}

fn broker_toml(options: &EnvironmentOptions, issuer: &str, s3: &str) -> String {
    let EnvironmentOptions { grpc_addr, admin_addr, audit, cors_origins, .. } = options;
    let audit =
        if *audit { format!("output = \"file\"\nfile = \"{AUDIT_FILE}\"") } else { "output = \"none\"".to_owned() };
    let http = match cors_origins.as_slice() {
        [] => String::new(),
        origins => {
            let origins: Vec<_> = origins.iter().map(|origin| format!("\"{origin}\"")).collect();
            format!("\n[http]\ncors_origins = [{}]\n", origins.join(", "))
        }
    };
    format!(
        r#"
[server]
grpc_addr = "{grpc_addr}"
admin_addr = "{admin_addr}"
drain_delay = "0s"
shutdown_grace = "3s"
{http}
[presignedurl]
bucket = "{BUCKET}"

# People measure with this environment, too.
[quota]
unlimited = true

[audit]
{audit}

[policy]
file = "policy.toml"
reload_interval = "1s"
settle = "1s"

[[issuer]]
issuer = "{issuer}"
preset = "cognito"
audiences = ["{CLIENT_ID}"]
jwks_url = "{issuer}/.well-known/jwks.json"
leeway = "0s"

[[bucket]]
name = "{BUCKET}"
s3_bucket = "{BUCKET}"
region = "us-east-1"
endpoint = "{s3}"
credentials = "embedded-s3"
unsigned_headers = "refused"
conditional_writes = true
checksums = ["crc32", "crc32c", "crc64nvme", "md5", "sha1", "sha256"]

[[credentials]]
name = "embedded-s3"
access_key_id_env = "{ACCESS_KEY_ID_VARIABLE}"
secret_access_key_env = "{SECRET_ACCESS_KEY_VARIABLE}"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toml_with(cors_origins: &[&str]) -> toml::Table {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let options = EnvironmentOptions {
            grpc_addr: free,
            admin_addr: free,
            s3_addr: free,
            issuer_addr: free,
            data_dir: None,
            cors_origins: cors_origins.iter().map(|origin| origin.parse().unwrap()).collect(),
            audit: false,
            traces: Traces::off(),
            log: Arc::default(),
        };
        toml::from_str(&broker_toml(&options, "http://127.0.0.1:1", "http://127.0.0.1:2")).unwrap()
    }

    #[test]
    fn origins_are_set_when_there_are_any() {
        assert!(!toml_with(&[]).contains_key("http"));
        let origins = ["http://localhost:5173", "https://app.example"];
        let table = toml_with(&origins);
        let expected = toml::Table::from_iter([("cors_origins".to_owned(), origins.to_vec().into())]);
        assert_eq!(table["http"].as_table(), Some(&expected));
    }
}
