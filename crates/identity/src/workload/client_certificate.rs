//! Client certificates of workloads.

use std::sync::Arc;
use std::time::SystemTime;

use thiserror::Error;
use x509_cert::der::Decode;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, SubjectAltName};
use x509_cert::{Certificate, TbsCertificate};

use super::{SpiffeId, SpiffeIdError};
use crate::CertificateThumbprint;

/// The certificate by which a workload proves its SPIFFE id: the leaf of an X509-SVID
/// ([SPIFFE X509-SVID](https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    id: Arc<SpiffeId>,
    not_before: SystemTime,
    not_after: SystemTime,
    thumbprint: CertificateThumbprint,
}

impl ClientCertificate {
    /// Reads a certificate from DER and checks the rules of X509-SVID for a leaf, without path validation (sections 2
    /// to 5).
    ///
    /// The TLS handshake has validated the path: this does not check signatures, the time or the extended key usage.
    ///
    /// # Errors
    ///
    /// The first rule that the certificate breaks.
    pub fn parse(der: &[u8]) -> Result<Self, ClientCertificateError> {
        let certificate = Certificate::from_der(der).map_err(|_| ClientCertificateError::NotDer)?;
        let signed = certificate.tbs_certificate();
        check_is_leaf(signed)?;
        let validity = signed.validity();
        Ok(Self {
            id: Arc::new(spiffe_id(signed)?),
            not_before: validity.not_before.to_system_time(),
            not_after: validity.not_after.to_system_time(),
            thumbprint: CertificateThumbprint::from_der(der),
        })
    }

    #[cfg(test)]
    pub(super) fn for_test(id: SpiffeId, not_before: SystemTime, not_after: SystemTime) -> Self {
        Self { id: Arc::new(id), not_before, not_after, thumbprint: CertificateThumbprint::from_der(b"") }
    }

    /// The workload.
    #[must_use]
    pub const fn id(&self) -> &Arc<SpiffeId> {
        &self.id
    }

    /// The thumbprint by which bound tokens name the certificate.
    #[must_use]
    pub const fn thumbprint(&self) -> &CertificateThumbprint {
        &self.thumbprint
    }

    /// The first second of its validity.
    #[must_use]
    pub const fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// The last second of its validity.
    #[must_use]
    pub const fn not_after(&self) -> SystemTime {
        self.not_after
    }
}

/// Sections 4.1 and 4.3: a certificate that may sign others identifies no workload.
///
/// Certificates without a key usage are accepted: section 5.2 does not require validators to refuse them.
fn check_is_leaf(signed: &TbsCertificate) -> Result<(), ClientCertificateError> {
    if extension::<BasicConstraints>(signed)?.is_some_and(|constraints| constraints.ca) {
        return Err(ClientCertificateError::CertificateAuthority);
    }
    match extension::<KeyUsage>(signed)? {
        Some(usage) if usage.key_cert_sign() || usage.crl_sign() => Err(ClientCertificateError::SigningKey),
        Some(usage) if !usage.digital_signature() => Err(ClientCertificateError::KeyUsage),
        _ => Ok(()),
    }
}

/// Section 2: exactly one URI among the alternative names; other names are ignored.
fn spiffe_id(signed: &TbsCertificate) -> Result<SpiffeId, ClientCertificateError> {
    let names = extension::<SubjectAltName>(signed)?.unwrap_or_default();
    let mut uris = names.0.iter().filter_map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (None, _) => Err(ClientCertificateError::NoUri),
        (Some(uri), None) => Ok(SpiffeId::parse(uri)?),
        (Some(_), Some(_)) => Err(ClientCertificateError::SeveralUris),
    }
}

fn extension<'c, T>(signed: &'c TbsCertificate) -> Result<Option<T>, ClientCertificateError>
where
    T: Decode<'c> + AssociatedOid,
{
    let found = signed.get_extension().map_err(|_| ClientCertificateError::Extension)?;
    Ok(found.map(|(_critical, extension)| extension))
}

/// Why a certificate names no workload, worded to follow "the client certificate".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClientCertificateError {
    /// The bytes are not one X.509 certificate in DER.
    #[error("is not an X.509 certificate in DER")]
    NotDer,
    /// A relevant extension is malformed or repeated (RFC 5280 section 4.2).
    #[error("has a malformed or repeated extension")]
    Extension,
    /// The certificate may sign others, so it names no workload.
    #[error("is that of a certificate authority")]
    CertificateAuthority,
    /// A key that may sign certificates or revocation lists.
    #[error("has a key that may sign certificates or revocation lists")]
    SigningKey,
    /// A key usage without digital signatures, which TLS client authentication needs.
    #[error("has a key that may not make digital signatures")]
    KeyUsage,
    /// No alternative name is a URI.
    #[error("has no URI among its alternative names")]
    NoUri,
    /// More than one alternative name is a URI.
    #[error("has more than one URI among its alternative names")]
    SeveralUris,
    /// The URI is not the id of a workload.
    #[error("has a URI that {0}")]
    NotSpiffe(#[from] SpiffeIdError),
}

#[cfg(test)]
mod tests;
