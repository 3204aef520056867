//! A directory with everything that a broker is configured by.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use access_broker::config::Config;
use access_broker_base::document::Overrides;
use access_broker_identity::PlainHttp;
use tempfile::TempDir;

use crate::support::pki::{Authority, Issued};
use crate::support::replace;
use crate::support::workloads::tokens::TokenKey;

/// Lets a file be as old as that of a broker which an operator starts. A broker reads a young file twice, because it may
/// still be written, and that takes half a second.
pub(super) fn age(file: &Path) {
    let hour_ago = SystemTime::now() - Duration::from_hours(1);
    File::options().write(true).open(file).unwrap().set_modified(hour_ago).unwrap();
}

/// The files of a broker and the keys that belong to them.
pub(crate) struct Setup {
    pub(crate) folder: TempDir,
    /// Issues the server's certificate and those of the clients.
    pub(crate) authority: Authority,
    pub(crate) server: Issued,
    pub(crate) token_key: TokenKey,
}

impl Setup {
    pub(super) fn new(folder: TempDir) -> Self {
        let authority = Authority::new("prod");
        let setup = Self { folder, server: authority.server(), token_key: TokenKey::generate(), authority };
        setup.put("jwks.json", setup.token_key.jwks("sig").to_string());
        setup.put("svid-jwks.json", setup.token_key.jwks("jwt-svid").to_string());
        setup.put("ca.crt", setup.authority.pem());
        setup.put_server_certificate(&setup.server);
        for name in ["jwks.json", "svid-jwks.json", "ca.crt", "tls.crt", "tls.key"] {
            age(&setup.path(name));
        }
        setup
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces a file in one step.
    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        replace(&self.path(name), content);
    }

    pub(crate) fn put_server_certificate(&self, server: &Issued) {
        self.put("tls.crt", &server.certificate_pem);
        self.put("tls.key", server.key_pem());
    }

    pub(crate) fn config(&self) -> Config {
        Config::load(&self.path("broker.toml"), Overrides::new(), PlainHttp::OnLoopback).unwrap()
    }

    /// The proof of a caller who is a person.
    pub(crate) fn authorization_of(&self, subject: &str) -> String {
        format!("Bearer {}", self.token_key.of_person(subject))
    }
}
