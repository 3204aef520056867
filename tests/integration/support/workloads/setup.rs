//! A folder with everything that a broker with workloads is configured by.

use std::fs;
use std::path::PathBuf;

use access_broker::config::Config;
use access_broker_base::document::Overrides;
use access_broker_identity::PlainHttp;
use tempfile::TempDir;

use super::tokens::{AUDIENCE, ISSUER, TokenKey};
use crate::support::pki::{Authority, Issued};
use crate::support::{BUCKET, folder};

/// The workload that the policy grants `thumbnails/`.
pub(crate) const THUMBNAILER: &str = "spiffe://prod.example/ns/media/sa/thumbnailer";

/// The same for a mesh that is Linkerd's.
pub(crate) const LINKERD_THUMBNAILER: &str = "thumbnailer.media.serviceaccount.identity.linkerd.prod.example";

/// Another of the same trust domain, whose workloads are granted `shared/`.
pub(crate) const INDEXER: &str = "spiffe://prod.example/ns/media/sa/indexer";

/// One of another trust domain, with the path of the first.
pub(crate) const FOREIGNER: &str = "spiffe://test.example/ns/media/sa/thumbnailer";

/// The person whom the policy grants `people/`.
pub(crate) const ADA: &str = "ada";

const POLICY: &str = r#"
tier = [
    { name = "thumbnails", bucket = "media", prefix = "thumbnails/", download = {} },
    { name = "shared", bucket = "media", prefix = "shared/", download = {} },
    { name = "people", bucket = "media", prefix = "people/", download = {} },
]
grant = [
    { tiers = ["thumbnails"], operations = ["download"], to = { workloads = [
        "spiffe://prod.example/ns/media/sa/thumbnailer",
        "thumbnailer.media.serviceaccount.identity.linkerd.prod.example",
    ] } },
    { tiers = ["shared"], operations = ["download"], to = { trust_domains = ["prod.example"] } },
    { tiers = ["people"], operations = ["download"], to = {
        issuers = ["https://issuer.example"], claims = { sub = "ada" },
    } },
]
"#;

/// What a listener with certificates is configured by.
pub(crate) const TLS: &str = r#"
tls_certificate_file = "tls.crt"
tls_private_key_file = "tls.key"
tls_client_ca_file = "ca.crt"
tls_reload_interval = "1s"
"#;

/// The files of a broker and the keys that belong to them.
pub(crate) struct Setup {
    pub(crate) folder: TempDir,
    /// Issues the server's certificate and those of the clients.
    pub(crate) authority: Authority,
    pub(crate) server: Issued,
    pub(crate) token_key: TokenKey,
}

impl Setup {
    /// A broker with these `[[listener]]` tables.
    pub(crate) fn new(listeners: &str) -> Self {
        let authority = Authority::new("prod");
        let setup = Self { folder: folder(), server: authority.server(), token_key: TokenKey::generate(), authority };
        setup.put("broker.toml", configuration(listeners));
        setup.put("policy.toml", POLICY);
        setup.put("jwks.json", setup.token_key.jwks("sig").to_string());
        setup.put("svid-jwks.json", setup.token_key.jwks("jwt-svid").to_string());
        setup.put("ca.crt", setup.authority.pem());
        setup.put_server_certificate(&setup.server);
        setup
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces a file in one step.
    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let new = self.path("new");
        fs::write(&new, content).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    pub(crate) fn put_server_certificate(&self, server: &Issued) {
        self.put("tls.crt", &server.certificate_pem);
        self.put("tls.key", server.key_pem());
    }

    pub(crate) fn config(&self) -> Config {
        Config::load(&self.path("broker.toml"), Overrides::new(), PlainHttp::Refused).unwrap()
    }
}

fn configuration(listeners: &str) -> String {
    format!(
        r#"
[server]
admin_addr = "127.0.0.1:0"
drain_delay = "0s"
shutdown_grace = "5s"

[audit]
output = "file"
file = "audit.jsonl"

[policy]
file = "policy.toml"

[[issuer]]
issuer = "{ISSUER}"
audiences = ["{AUDIENCE}"]
algorithms = ["ES256"]
jwks_file = "jwks.json"

[[issuer]]
issuer = "spiffe://prod.example"
preset = "spiffe"
audiences = ["{AUDIENCE}"]
jwks_file = "svid-jwks.json"

{BUCKET}
{listeners}
"#
    )
}

/// A listener at a free port of loopback, with more settings.
pub(crate) fn listener(proof: &str, settings: &str) -> String {
    format!("[[listener]]\naddress = \"127.0.0.1:0\"\nproof = \"{proof}\"\n{settings}\n")
}
