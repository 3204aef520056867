//! Certificate authorities, and the directory of a listener's files.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

use crate::config::TlsSettings;

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub(super) struct Issued {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) certificate_pem: String,
    key: KeyPair,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// A certificate for server and client, with a modification.
    pub(super) fn issue_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Issued { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key }
    }

    pub(super) fn issue(&self) -> Issued {
        self.issue_with(|_| {})
    }
}

impl Issued {
    pub(super) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    pub(super) fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }
}

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
