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
    #[error("the TLS library refused the settings: {0}")]
    Library(rustls::Error),
    #[error("reading the TLS files failed")]
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
    #[error("is invalid PEM")]
    NotPem,
    #[error("has no certificate")]
    NoCertificate,
    /// A PEM block says that it is a certificate, and is none that can be used.
    #[error("has an invalid certificate")]
    InvalidCertificate,
    #[error("has a certificate that is not valid yet")]
    NotYetValid,
    #[error("has an expired certificate")]
    Expired,
    /// No PEM block is a private key, or it is encrypted.
    #[error("has no unencrypted private key")]
    NoPrivateKey,
    /// The private key is malformed or of an unknown kind.
    #[error("has an invalid private key: it must be an RSA, ECDSA or Ed25519 key")]
    InvalidPrivateKey,
    #[error("has a private key that does not match the certificate")]
    KeyMismatch,
    /// What should issue client certificates may not issue any.
    #[error("has a certificate that is not a certificate authority's")]
    NotAnAuthority,
    /// The names of the authorities are more than a handshake should carry.
    #[error("has certificate authorities with names that exceed the limit of 16 KiB in total")]
    TooManyAuthorities,
}
