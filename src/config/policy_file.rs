//! The policy file with its checksum and signature: read at start, and again while the server runs.

mod proof;

use std::fmt;
use std::path::{Path, PathBuf};

use minisign_verify::PublicKey;

pub use proof::ProofError;

use super::PolicySettings;
use access_broker_base::document::MAX_DOCUMENT_BYTES;
use access_broker_base::files::{self, Arrivals, FileError, FileSnapshot, Observation, UnusableFile, at_start};
use access_broker_policy::CompiledPolicy;

/// The largest file with a checksum or a signature, in bytes.
const MAX_PROOF_BYTES: usize = 4 * 1_024;

/// A policy that was read and compiled.
#[derive(Debug)]
pub struct LoadedPolicy {
    /// The policy with its warnings.
    pub compiled: CompiledPolicy,
    pub(crate) source: PolicySource,
    /// How files arrived under the policy's name, from before it was read.
    pub(crate) arrivals: Arrivals,
}

/// What a policy was compiled from. Later reads of its file are compared with it.
#[derive(Debug)]
pub(crate) struct PolicySource {
    pub(crate) text: String,
    pub(crate) sight: Observation,
    /// The files with its checksum and its signature.
    pub(crate) proofs: [Observation; 2],
}

#[derive(Debug)]
pub(crate) struct PolicySnapshot {
    pub(crate) policy: Result<FileSnapshot, FileError>,
    pub(crate) checksum: Result<FileSnapshot, FileError>,
    /// The file with the signature. Always `Absent` without a key to check it with.
    pub(crate) signature: Result<FileSnapshot, FileError>,
}

/// The paths of the policy file, its checksum and its signature.
#[derive(Clone)]
pub(crate) struct PolicyFile {
    policy: PathBuf,
    checksum: PathBuf,
    signature: PathBuf,
    key: Option<PublicKey>,
}

impl fmt::Debug for PolicyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyFile").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl PolicyFile {
    /// The policy file of the settings, and the other two in the same directory.
    #[must_use]
    pub(crate) fn new(settings: &PolicySettings) -> Self {
        let with_ending = |ending: &str| {
            let mut path = settings.file.clone().into_os_string();
            path.push(ending);
            PathBuf::from(path)
        };
        Self {
            policy: settings.file.clone(),
            checksum: with_ending(".sha256"),
            signature: with_ending(".minisig"),
            key: settings.minisign_public_key.clone(),
        }
    }

    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.policy
    }

    #[must_use]
    pub(crate) fn checksum_path(&self) -> &Path {
        &self.checksum
    }

    /// Reads all three files. Blocks on the file system.
    #[must_use]
    pub(crate) fn read(&self) -> PolicySnapshot {
        self.with_proofs_of(files::read(&self.policy, MAX_DOCUMENT_BYTES))
    }

    /// Reads the policy as it is at start; see [`at_start`].
    pub(super) fn read_at_start(&self, settings: &PolicySettings) -> Result<PolicySnapshot, UnusableFile> {
        let policy = at_start::read_one(&self.policy, MAX_DOCUMENT_BYTES, settings.settle)?;
        Ok(self.with_proofs_of(Ok(policy)))
    }

    fn with_proofs_of(&self, policy: Result<FileSnapshot, FileError>) -> PolicySnapshot {
        PolicySnapshot {
            policy,
            checksum: files::read(&self.checksum, MAX_PROOF_BYTES),
            signature: match self.key {
                Some(_) => files::read(&self.signature, MAX_PROOF_BYTES),
                None => Err(FileError::Absent),
            },
        }
    }

    /// Whether a checksum or a signature proves that the content is complete. A wrong checksum or signature is an error,
    /// and so is a missing signature if there is a key.
    ///
    /// # Errors
    ///
    /// The file with the checksum or the signature, and what is wrong with it.
    pub(crate) fn is_vouched_for(&self, content: &[u8], look: &PolicySnapshot) -> Result<bool, ProofError> {
        let by_checksum = proof::check_checksum(content, &self.checksum, &look.checksum)?;
        let by_signature = match &self.key {
            Some(key) => proof::check_signature(content, key, &self.signature, &look.signature).map(|()| true)?,
            None => false,
        };
        Ok(by_checksum || by_signature)
    }
}

impl PolicySnapshot {
    /// The files with checksum and signature, as a tracker sees them.
    #[must_use]
    pub(crate) fn proofs(&self) -> [Observation; 2] {
        [Observation::from_read(&self.checksum), Observation::from_read(&self.signature)]
    }
}

#[cfg(test)]
mod tests;
