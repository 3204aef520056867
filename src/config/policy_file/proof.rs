//! The checksum and the signature of a policy or members file, in files of the same directory.

use std::path::{Path, PathBuf};

use minisign_verify::{PublicKey, Signature};
use thiserror::Error;

use super::PolicyPart;
use access_broker_base::files::{Checksum, ChecksumProblem, FileError, FileSnapshot};

/// Why a checksum or signature does not prove its file. The text names the file with the checksum or signature.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The checksum is wrong or malformed.
    #[error("{} {problem}", file.display())]
    Checksum {
        /// The file with the checksum.
        file: PathBuf,
        /// What is wrong with it.
        problem: ChecksumProblem,
    },
    /// The file with the checksum exists and cannot be used.
    #[error("{} {problem}", file.display())]
    ChecksumUnusable {
        /// The file with the checksum.
        file: PathBuf,
        /// What is wrong with it.
        problem: FileError,
    },
    /// The file with the signature cannot be used.
    #[error("{} {problem}; with policy.minisign_public_key set, every {part} needs a signature", file.display())]
    SignatureUnusable {
        /// What needs the signature.
        part: PolicyPart,
        /// The file with the signature.
        file: PathBuf,
        /// What is wrong with it.
        problem: FileError,
    },
    /// The signature is malformed, of another content, or by another key.
    #[error("{} is not a minisign signature of the {part} by policy.minisign_public_key", file.display())]
    Signature {
        /// What needs the signature.
        part: PolicyPart,
        /// The file with the signature.
        file: PathBuf,
    },
}

/// Whether there is a checksum. It must match.
pub(super) fn check_checksum(
    content: &[u8],
    file: &Path,
    checksum: &Result<FileSnapshot, FileError>,
) -> Result<bool, ProofError> {
    let text = match checksum {
        Ok(read) => &read.content,
        Err(FileError::Absent) => return Ok(false),
        Err(problem) => return Err(ProofError::ChecksumUnusable { file: file.to_owned(), problem: *problem }),
    };
    let checked = Checksum::parse(text).and_then(|checksum| checksum.check(content));
    checked.map(|()| true).map_err(|problem| ProofError::Checksum { file: file.to_owned(), problem })
}

/// Signatures of the older form, of the content and not of its hash, are refused.
pub(super) fn check_signature(
    content: &[u8],
    key: &PublicKey,
    part: PolicyPart,
    file: &Path,
    signature: &Result<FileSnapshot, FileError>,
) -> Result<(), ProofError> {
    let read = signature.as_ref().map_err(|problem| {
        let problem = *problem;
        ProofError::SignatureUnusable { part, file: file.to_owned(), problem }
    })?;
    let signature = str::from_utf8(&read.content).ok().and_then(|text| Signature::decode(text).ok());
    let verified = signature.and_then(|signature| key.verify(content, &signature, false).ok());
    verified.ok_or_else(|| ProofError::Signature { part, file: file.to_owned() })
}
