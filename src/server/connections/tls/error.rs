//! Errors of TLS files.

use std::path::{Path, PathBuf};

use thiserror::Error;

use access_broker_base::files::{FileError, UnusableFile};

/// Why a set of TLS files is invalid.
#[derive(Debug, Clone, PartialEq, Error)]
pub(in crate::server) enum TlsError {
    #[error("{}: {problem}", file.display())]
    File { file: PathBuf, problem: FileProblem },
    /// The TLS library supports none of the required protocol versions.
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

/// An error of a file, worded to follow its name. The text has no content of the file, which may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(in crate::server) enum FileProblem {
    #[error("{0}")]
    File(FileError),
    /// A PEM block is malformed (RFC 7468).
    #[error("is invalid PEM")]
    NotPem,
    #[error("has no certificate")]
    NoCertificate,
    /// A PEM block is labelled as a certificate, but is not a usable one.
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
    /// An authority for client certificates that may not issue certificates.
    #[error("has a certificate that is not a certificate authority's")]
    NotAnAuthority,
    /// The names of the authorities are too long for a handshake.
    #[error("has certificate authorities with names that exceed the limit of 16 KiB in total")]
    TooManyAuthorities,
}
