//! The policy file and the members file, each with its checksum and signature: read at start, and again while the server
//! runs.

mod proof;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minisign_verify::PublicKey;

pub use proof::ProofError;

use super::PolicySettings;
use access_broker_base::document::MAX_DOCUMENT_BYTES;
use access_broker_base::files::{self, Arrivals, FileError, FileSnapshot, Observation, UnusableFile, at_start};
use access_broker_policy::{CompiledPolicy, Members};

/// The largest file with a checksum or a signature, in bytes.
const MAX_PROOF_BYTES: usize = 4 * 1_024;

/// A policy that was read and compiled.
#[derive(Debug)]
pub struct LoadedPolicy {
    /// The policy with its warnings.
    pub compiled: CompiledPolicy,
    pub(crate) source: PolicySource,
    pub(crate) arrivals: PolicyArrivals,
}

/// How files arrived under the names of the policy and of the members file, from before they were read.
#[derive(Debug)]
pub(crate) struct PolicyArrivals {
    pub(crate) policy: Arrivals,
    pub(crate) members: Option<Arrivals>,
}

/// What a policy was compiled from. Later reads of its files are compared with it.
#[derive(Debug)]
pub(crate) struct PolicySource {
    pub(crate) text: String,
    pub(crate) policy: ReadFile,
    pub(crate) members: Option<MembersSource>,
}

#[derive(Debug)]
pub(crate) struct MembersSource {
    pub(crate) members: Arc<Members>,
    pub(crate) file: ReadFile,
}

/// A file with its checksum and signature, as trackers see them.
#[derive(Debug)]
pub(crate) struct ReadFile {
    pub(crate) sight: Observation,
    /// The files with its checksum and its signature.
    pub(crate) proofs: [Observation; 2],
}

/// What one read found of all files.
#[derive(Debug)]
pub(crate) struct PolicySnapshot {
    pub(crate) policy: ProvenSnapshot,
    /// `None`: the configuration has no members file.
    pub(crate) members: Option<ProvenSnapshot>,
}

/// What one read found of a file and its proofs.
#[derive(Debug)]
pub(crate) struct ProvenSnapshot {
    pub(crate) file: Result<FileSnapshot, FileError>,
    pub(crate) checksum: Result<FileSnapshot, FileError>,
    /// The file with the signature. Always `Absent` without a key to check it with.
    pub(crate) signature: Result<FileSnapshot, FileError>,
}

/// The two files that decide about calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyPart {
    /// `policy.file`
    Policy,
    /// `policy.members_file`
    Members,
}

impl fmt::Display for PolicyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "policy",
            Self::Members => "members file",
        })
    }
}

/// The policy file, and the members file if there is one.
#[derive(Debug, Clone)]
pub(crate) struct PolicyFiles {
    policy: ProvenFile,
    members: Option<ProvenFile>,
}

/// The paths of a file, its checksum and its signature.
#[derive(Clone)]
pub(crate) struct ProvenFile {
    part: PolicyPart,
    file: PathBuf,
    checksum: PathBuf,
    signature: PathBuf,
    key: Option<PublicKey>,
}

impl fmt::Debug for ProvenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvenFile").field("file", &self.file).finish_non_exhaustive()
    }
}

impl PolicyFiles {
    #[must_use]
    pub(crate) fn new(settings: &PolicySettings) -> Self {
        let proven = |part, file: &PathBuf| ProvenFile::new(part, file, settings.minisign_public_key.clone());
        Self {
            policy: proven(PolicyPart::Policy, &settings.file),
            members: settings.members_file.as_ref().map(|file| proven(PolicyPart::Members, file)),
        }
    }

    /// The file of this part. Without a members file it is that of the policy.
    #[must_use]
    pub(crate) fn part(&self, part: PolicyPart) -> &ProvenFile {
        match (part, &self.members) {
            (PolicyPart::Members, Some(members)) => members,
            (PolicyPart::Policy, _) | (PolicyPart::Members, None) => &self.policy,
        }
    }

    /// Begins to watch how files arrive. Call it before they are read.
    #[must_use]
    pub(super) fn watch_arrivals(&self) -> PolicyArrivals {
        PolicyArrivals {
            policy: Arrivals::begin(&self.policy.file),
            members: self.members.as_ref().map(|members| Arrivals::begin(&members.file)),
        }
    }

    /// Reads all files. Blocks on the file system.
    #[must_use]
    pub(crate) fn read(&self) -> PolicySnapshot {
        PolicySnapshot { policy: self.policy.read(), members: self.members.as_ref().map(ProvenFile::read) }
    }

    /// Reads both files as they are at start, as files that belong together; see [`at_start`].
    pub(super) fn read_at_start(&self, settings: &PolicySettings) -> Result<PolicySnapshot, UnusableFile> {
        let files: Vec<&ProvenFile> = std::iter::once(&self.policy).chain(&self.members).collect();
        let paths: Vec<&Path> = files.iter().map(|file| &*file.file).collect();
        let mut looks = at_start::read_all(&paths, MAX_DOCUMENT_BYTES, settings.settle)?.into_iter();
        let mut with_proofs = |file: &ProvenFile| file.with_proofs_of(looks.next().ok_or(FileError::Absent));
        let policy = with_proofs(&self.policy);
        Ok(PolicySnapshot { policy, members: self.members.as_ref().map(with_proofs) })
    }
}

impl ProvenFile {
    /// The other two files are in the same directory.
    fn new(part: PolicyPart, file: &Path, key: Option<PublicKey>) -> Self {
        let with_ending = |ending: &str| {
            let mut path = file.to_owned().into_os_string();
            path.push(ending);
            PathBuf::from(path)
        };
        Self { part, file: file.to_owned(), checksum: with_ending(".sha256"), signature: with_ending(".minisig"), key }
    }

    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.file
    }

    #[must_use]
    pub(crate) fn checksum_path(&self) -> &Path {
        &self.checksum
    }

    fn read(&self) -> ProvenSnapshot {
        self.with_proofs_of(files::read(&self.file, MAX_DOCUMENT_BYTES))
    }

    fn with_proofs_of(&self, file: Result<FileSnapshot, FileError>) -> ProvenSnapshot {
        ProvenSnapshot {
            file,
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
    pub(crate) fn is_vouched_for(&self, content: &[u8], look: &ProvenSnapshot) -> Result<bool, ProofError> {
        let by_checksum = proof::check_checksum(content, &self.checksum, &look.checksum)?;
        let by_signature = match &self.key {
            Some(key) => {
                proof::check_signature(content, key, self.part, &self.signature, &look.signature).map(|()| true)?
            }
            None => false,
        };
        Ok(by_checksum || by_signature)
    }
}

impl ProvenSnapshot {
    /// The file and its proofs, as trackers see them.
    #[must_use]
    pub(crate) fn observed(&self) -> ReadFile {
        ReadFile {
            sight: Observation::from_read(&self.file),
            proofs: [Observation::from_read(&self.checksum), Observation::from_read(&self.signature)],
        }
    }
}

#[cfg(test)]
mod tests;
