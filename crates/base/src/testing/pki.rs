//! Certificates of servers, clients and workloads.

use std::net::Ipv4Addr;
use std::slice;
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// What a peer sends with a certificate, up to the root and without it.
    chain: Vec<CertificateDer<'static>>,
}

/// A certificate and its key.
pub struct Issued {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// The same as PEM.
    pub certificate_pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Authority {
    /// A root. Those with the same name differ by their keys alone.
    pub fn new(name: &str) -> Self {
        let issuer = CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().unwrap());
        Self { issuer: issuer.unwrap(), chain: Vec::new() }
    }

    /// An authority with a URI, whose certificate this one signs.
    pub fn intermediate(&self, name: &str, uri: &str) -> Self {
        let mut params = authority_params(name);
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        let issuer = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.issuer).unwrap();
        let chain = [slice::from_ref(issuer.der()), &self.chain].concat();
        Self { issuer, chain }
    }

    /// Its certificate as PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Its certificate.
    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A certificate for both ends of a connection, with a change.
    pub fn issue_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        self.sign(&params)
    }

    /// A certificate for both ends of a connection.
    pub fn issue(&self) -> Issued {
        self.issue_with(|_| {})
    }

    /// A certificate for a server on loopback.
    pub fn server(&self) -> Issued {
        self.server_for(&[&Ipv4Addr::LOCALHOST.to_string(), "localhost"])
    }

    /// A certificate for a server with these names or addresses.
    pub fn server_for(&self, names: &[&str]) -> Issued {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params)
    }

    /// The X509-SVID of a workload.
    pub fn workload(&self, id: &str) -> Issued {
        self.client(&[id])
    }

    /// The X509-SVID of a workload, valid up to an instant.
    pub fn workload_until(&self, id: &str, not_after: SystemTime) -> Issued {
        let mut params = client_params(&[id]);
        params.not_after = not_after.into();
        self.sign(&params)
    }

    /// A client certificate with any URIs. It is an X509-SVID if there is exactly one.
    pub fn client(&self, uris: &[&str]) -> Issued {
        self.sign(&client_params(uris))
    }

    fn sign(&self, params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (certificate, certificate_pem) = (certificate.der().clone(), certificate.pem());
        Issued { certificate, certificate_pem, chain: self.chain.clone(), key }
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn client_params(uris: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(["client.example".to_owned()]).unwrap();
    params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

impl Issued {
    /// The key as PEM.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// The key.
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }

    /// The certificate and those of the authorities between it and the root.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        [slice::from_ref(&self.certificate), &self.chain].concat()
    }
}
