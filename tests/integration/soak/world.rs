//! The broker of a soak, as a process, and everything that it depends on.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use access_broker_dev::{AccessKey, EmbeddedIssuer, EmbeddedS3, EmbeddedS3Options};

use super::audit_file::AuditFile;
use super::keys::KeyServer;
use super::sessions::{self, FOLDER, Sessions};
use super::vitals::Vitals;
use crate::support::broker::{Setup, bucket, listener};
use crate::support::pki::{Authority, Issued};
use crate::support::workloads::setup::TLS;
use crate::support::{AUDIENCE, Broker, Builder, ISSUER, Part, Process, folder, issuer, serving_on};

/// A part of every secret of the signing credentials, which no output may show.
pub(super) const SECRET: &str = "hunter2";

/// The object that is there.
pub(super) const KNOWN_KEY: &str = "shared/known.txt";
pub(super) const CONTENT: &[u8] = b"what everybody may read";

const POLICY: &str = include_str!("policy.toml");

/// Those that the embedded S3 server verifies.
const CHECKSUMS: [&str; 6] = ["crc32", "crc32c", "crc64nvme", "md5", "sha1", "sha256"];

pub(super) struct World {
    pub(super) process: Process,
    pub(super) issuer: EmbeddedIssuer,
    pub(super) authority: Arc<Authority>,
    pub(super) keys: KeyServer,
    pub(super) sessions: Sessions,
    pub(super) audit: AuditFile,
    storage: Option<EmbeddedS3>,
    storage_options: EmbeddedS3Options,
    /// The listeners for tokens and for certificates.
    pub(super) plain: SocketAddr,
    pub(super) tls: SocketAddr,
    admin: SocketAddr,
}

impl World {
    pub(super) async fn start(whole: Duration) -> Self {
        let (issuer, folder) = (issuer().await, folder());
        let keys = KeyServer::start(issuer.jwks()).await;
        let session_keys = sessions::keys(whole);
        let mut storage_options = storage_options(&folder.path().join("objects"), session_keys.clone());
        let storage = EmbeddedS3::start(storage_options.clone()).await.unwrap();
        storage_options.address = storage.local_addr();
        let known = folder.path().join("objects/media").join(KNOWN_KEY);
        fs::create_dir_all(known.parent().unwrap()).unwrap();
        fs::write(known, CONTENT).unwrap();
        let sessions = Sessions::start(folder.path(), session_keys);
        let setup = builder(&keys.url(), &storage.url()).file("keys.crt", keys.authority_pem()).write_into(folder);
        let Setup { folder, authority, .. } = setup;
        let authority = Arc::new(authority);
        let audit = AuditFile::create(&folder.path().join("audit.jsonl"));
        let mut process = Process::start_limited(&["serve", "--config", "broker.toml"], folder, &[]);
        let (listeners, admin) = tokio::task::block_in_place(|| serving_on(&mut process));
        let [plain, tls] = listeners.try_into().unwrap();
        let storage = Some(storage);
        Self { process, issuer, authority, keys, sessions, audit, storage, storage_options, plain, tls, admin }
    }

    /// Gives the TLS listener another certificate.
    pub(super) fn rotate_certificate(&self) -> Issued {
        let issued = self.authority.server();
        put_certificate(&self.process.path(""), &issued);
        issued
    }

    pub(super) async fn stop_storage(&mut self) {
        self.storage.take().unwrap().shutdown().await;
    }

    /// The S3 server again, at the same address and with the same objects.
    pub(super) async fn start_storage(&mut self) {
        self.storage = Some(EmbeddedS3::start(self.storage_options.clone()).await.unwrap());
    }

    /// Lets no file of the process become longer than the audit file is: every other one is far from that.
    pub(super) fn fill_audit_disk(&self) {
        self.process.limit_files(Some(self.audit.len()));
    }

    pub(super) fn empty_audit_disk(&self) {
        self.process.limit_files(None);
    }

    /// What the admin port tells.
    pub(super) async fn metrics(&self) -> String {
        let answer = crate::support::http_get(format!("http://{}/metrics", self.admin)).await.unwrap();
        answer.error_for_status().unwrap().text().await.unwrap()
    }

    pub(super) fn vitals(&self) -> Vitals {
        Vitals::of(&self.process, &[self.plain, self.tls])
    }
}

fn put_certificate(folder: &Path, issued: &Issued) {
    for (name, content) in [("tls.crt", issued.certificate_pem.clone()), ("tls.key", issued.key_pem())] {
        fs::write(folder.join("new"), content).unwrap();
        fs::rename(folder.join("new"), folder.join(name)).unwrap();
    }
}

fn storage_options(objects: &Path, keys: Vec<AccessKey>) -> EmbeddedS3Options {
    EmbeddedS3Options {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        data_dir: objects.to_owned(),
        keys,
        bucket: "media".to_owned(),
        region: Some("us-east-1".to_owned()),
        owner: None,
        requester_pays: false,
    }
}

fn builder(keys: &str, storage: &str) -> Builder {
    let issuer = Part::default().set("issuer", ISSUER).set("audiences", vec![AUDIENCE]);
    let bucket = bucket().set("s3_bucket", "media").set("region", "us-east-1").set("endpoint", storage);
    let mut session = Part::default().set("name", "test");
    for (setting, file) in [
        ("access_key_id_file", "id"),
        ("secret_access_key_file", "key"),
        ("session_token_file", "token"),
        ("expiration_file", "end"),
    ] {
        session = session.set(setting, format!("{FOLDER}/{file}"));
    }
    Broker::builder()
        .setting("server", "s3_timeout", "2s")
        // A client library loses calls of its own on a connection that is told to leave. Peers that are gone are found
        // early.
        .limits("connection_age = \"1h\"\nkeepalive_interval = \"5s\"\nkeepalive_timeout = \"5s\"")
        .table("audit", "rotate_size = \"1TiB\"\non_failure = \"deny\"")
        .issuer(issuer.set("jwks_url", keys).set("jwks_ca_file", "keys.crt"))
        .bucket(bucket.set("unsigned_headers", "refused").set("checksums", CHECKSUMS.to_vec()))
        .credentials([session])
        .listener(listener("token", ""))
        .listener(listener("mtls", &format!("trust_domain = \"prod.example\"\n{TLS}")))
        .policy(POLICY)
}
