//! The directory that a listener reads its files from.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

pub(super) use access_broker_base::testing::{Authority, Issued};
use tempfile::TempDir;

use crate::config::TlsSettings;

pub(super) const CERTIFICATE: &str = "tls.crt";
pub(super) const KEY: &str = "tls.key";
pub(super) const CLIENT_CA: &str = "ca.crt";

/// The files of a listener.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new(server: &Issued, client_ca: &Authority) -> Self {
        let folder = Self(TempDir::new().unwrap());
        folder.put_pair(server);
        folder.put(CLIENT_CA, client_ca.pem());
        folder
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Replaces a file in one step.
    pub(super) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let new = self.path("new");
        fs::write(&new, content).unwrap();
        // Old enough that a start reads it only once.
        let hour_ago = SystemTime::now() - Duration::from_hours(1);
        fs::File::options().write(true).open(&new).unwrap().set_modified(hour_ago).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    pub(super) fn put_pair(&self, server: &Issued) {
        self.put(CERTIFICATE, &server.certificate_pem);
        self.put(KEY, server.key_pem());
    }

    /// With client certificates.
    pub(super) fn settings(&self) -> TlsSettings {
        TlsSettings {
            certificate_file: self.path(CERTIFICATE),
            private_key_file: self.path(KEY),
            client_ca_file: Some(self.path(CLIENT_CA)),
            reload_interval: Duration::from_secs(5),
        }
    }
}
