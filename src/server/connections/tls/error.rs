//! Why TLS files cannot be used.

use std::path::{Path, PathBuf};

use thiserror::Error;

use access_broker_base::files::{FileError, UnusableFile};

/// Why a set of TLS files cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
pub(in crate::server) enum TlsError {
    #[error("{}: {problem}", file.display())]
    File { file: PathBuf, problem: FileProblem },
    /// The TLS library has none of the protocol versions that are asked of it.
    #[error("the TLS library is not usable: {0}")]
    Library(rustls::Error),
    #[error("the reading of the TLS files was cut off")]
    Interrupted,
}

impl From<UnusableFile> for TlsError {
    fn from(UnusableFile { file, problem }: UnusableFile) -> Self {
        Self::File { file, problem: FileProblem::File(problem) }
    }
}

impl TlsError {
    pub(super) fn in_file(file: &Path, problem: FileProblem) -> Self {
        Self::File { file: file.to_owned(), problem }
    }
}

/// What is wrong with a file, worded to follow its name. Nothing of the content is in the text: it may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(in crate::server) enum FileProblem {
    #[error("{0}")]
    File(FileError),
    /// A PEM block is malformed (RFC 7468).
    #[error("is not valid PEM")]
    NotPem,
    #[error("holds no certificate")]
    NoCertificate,
    /// A PEM block says that it is a certificate, and is none that can be used.
    #[error("holds a certificate that cannot be read")]
    InvalidCertificate,
    #[error("holds a certificate that is not valid yet")]
    NotYetValid,
    #[error("holds a certificate that has expired")]
    Expired,
    /// No PEM block is a private key, or it is encrypted.
    #[error("holds no private key that is not encrypted")]
    NoPrivateKey,
    /// The private key is malformed or of an unknown kind.
    #[error("holds a private key that is not a valid RSA, ECDSA or Ed25519 key")]
    InvalidPrivateKey,
    #[error("holds a private key that does not belong to the certificate")]
    KeyMismatch,
    /// What should issue client certificates may not issue any.
    #[error("holds a certificate that is not a certificate authority's")]
    NotAnAuthority,
    /// The names of the authorities are more than a handshake should carry.
    #[error("holds authorities whose names are longer than 16 KiB together")]
    TooManyAuthorities,
}
