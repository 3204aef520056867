//! From the content of TLS files to a configuration for handshakes.

use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::BasicConstraints;

use super::error::{FileProblem, TlsError};
use super::files::{PemFile, TlsFiles};
use crate::calls::Protocols;

/// The application protocols, by their ALPN names (RFC 9113 section 3.1, RFC 7301 section 6).
const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";

/// The maximum size of the client authorities' names, in bytes. The server lists them in every handshake, before a
/// client has shown anything. About 150 authorities fit.
const MAX_AUTHORITY_NAMES_BYTES: usize = 16 * 1_024;

/// A checked configuration.
pub(super) struct ProvenConfig {
    pub(super) config: Arc<ServerConfig>,
    /// The last second of the server certificate's validity.
    pub(super) not_after: SystemTime,
}

impl ProvenConfig {
    pub(super) fn build(files: &TlsFiles<'_>, protocols: Protocols, now: SystemTime) -> Result<Self, TlsError> {
        // The provider is explicit, because the process-wide one panics when cargo features select none or two.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let (certified_key, not_after) = certified_key(files, &provider, now)?;
        let verifier = match &files.client_ca {
            Some(file) => client_verifier(file.content(), &provider).map_err(|problem| file.refuse(problem))?,
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::Library)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified_key)));
        config.alpn_protocols = vec![HTTP_2.to_vec()];
        if protocols.http {
            config.alpn_protocols.push(HTTP_1.to_vec());
        }
        resume_nothing(&mut config);
        Ok(Self { config: Arc::new(config), not_after })
    }
}

/// Makes every handshake a full one.
///
/// A resumed session would skip the check of the client certificate: it would outlive the certificate, and an authority
/// that was removed from the file. gRPC connections are long, so resumption would save little.
fn resume_nothing(config: &mut ServerConfig) {
    // Stateless tickets are off as well: they need a `ticketer`, and none is set.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
}

/// The chain with its key, and the last second of the leaf's validity.
fn certified_key(
    files: &TlsFiles<'_>,
    provider: &CryptoProvider,
    now: SystemTime,
) -> Result<(CertifiedKey, SystemTime), TlsError> {
    let refuse_chain = |problem| files.certificate.refuse(problem);
    let chain = certificates(files.certificate.content()).map_err(refuse_chain)?;
    let not_after = check_validity(&chain, now).map_err(refuse_chain)?;
    let key = private_key(&files.private_key, provider)?;
    let certified_key = CertifiedKey::new(chain, key);
    match certified_key.keys_match() {
        Ok(()) => Ok((certified_key, not_after)),
        Err(rustls::Error::InconsistentKeys(_)) => Err(files.private_key.refuse(FileProblem::KeyMismatch)),
        Err(_) => Err(refuse_chain(FileProblem::InvalidCertificate)),
    }
}

/// All certificates of a file, each of them readable; at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, FileProblem> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|_| FileProblem::NotPem)?;
    if found.is_empty() { Err(FileProblem::NoCertificate) } else { Ok(found) }
}

fn read_certificate(der: &CertificateDer<'_>) -> Result<Certificate, FileProblem> {
    Certificate::from_der(der).map_err(|_| FileProblem::InvalidCertificate)
}

fn check_validity(chain: &[CertificateDer<'_>], now: SystemTime) -> Result<SystemTime, FileProblem> {
    let read: Vec<Certificate> = chain.iter().map(read_certificate).collect::<Result<_, _>>()?;
    let leaf = read.first().ok_or(FileProblem::NoCertificate)?;
    let validity = leaf.tbs_certificate().validity();
    let not_after = validity.not_after.to_system_time();
    if now < validity.not_before.to_system_time() {
        return Err(FileProblem::NotYetValid);
    }
    if not_after < now { Err(FileProblem::Expired) } else { Ok(not_after) }
}

fn private_key(file: &PemFile<'_>, provider: &CryptoProvider) -> Result<Arc<dyn SigningKey>, TlsError> {
    let der = PrivateKeyDer::from_pem_slice(file.content()).map_err(|error| {
        file.refuse(match error {
            PemError::NoItemsFound => FileProblem::NoPrivateKey,
            _ => FileProblem::NotPem,
        })
    })?;
    provider.key_provider.load_private_key(der).map_err(|_| file.refuse(FileProblem::InvalidPrivateKey))
}

/// Requires a certificate of every client, issued by one of the authorities.
fn client_verifier(pem: &[u8], provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, FileProblem> {
    let mut authorities = RootCertStore::empty();
    for der in certificates(pem)? {
        check_is_authority(&der)?;
        authorities.add(der).map_err(|_| FileProblem::InvalidCertificate)?;
    }
    let names_bytes: usize = authorities.subjects().iter().map(|name| name.as_ref().len()).sum();
    if names_bytes > MAX_AUTHORITY_NAMES_BYTES {
        return Err(FileProblem::TooManyAuthorities);
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(provider))
        .build()
        .map_err(|_| FileProblem::NoCertificate)
}

/// Path validation ignores a trust anchor's own constraints, so the holder of any certificate that is in the file by
/// mistake could issue client certificates.
fn check_is_authority(der: &CertificateDer<'_>) -> Result<(), FileProblem> {
    let certificate = read_certificate(der)?;
    match certificate.tbs_certificate().get_extension::<BasicConstraints>() {
        Ok(Some((_, constraints))) if constraints.ca => Ok(()),
        Ok(_) => Err(FileProblem::NotAnAuthority),
        Err(_) => Err(FileProblem::InvalidCertificate),
    }
}
