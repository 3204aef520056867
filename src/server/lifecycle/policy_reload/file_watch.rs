//! The reads of one file of the policy since its active content. No I/O; the time is an argument.

use std::time::Duration;

use crate::config::{ProvenSnapshot, ReadFile};
use access_broker_base::files::{Arrival, ChangeMethod, Digest, FilesState, Observation, REREAD_DELAY, Tracker};

/// A file with its checksum and signature.
#[derive(Debug)]
pub(super) struct FileWatch {
    settle: Duration,
    content: Tracker,
    /// Checksum and signature prove the content, so two equal reads are enough, however the files were written.
    proofs: Tracker,
    /// The content that was last reported as being changed in place.
    announced: Option<Digest>,
}

/// What is known of a file after a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The file and its proofs are the active ones.
    Active,
    /// It must be read again.
    Pending {
        /// Whether only the proofs differ.
        is_in_force: bool,
        /// Whether it is the first read that found this change in place.
        first_seen_in_place: bool,
    },
    /// It may be used.
    Usable {
        /// Whether only the proofs differ.
        is_in_force: bool,
        writing: ChangeMethod,
    },
}

/// What a refusal is about: the file with its proofs, and how it was written.
pub(super) type Judged = ([Observation; 3], ChangeMethod);

impl FileWatch {
    /// Starts with the files of the active policy.
    pub(super) fn new(settle: Duration, in_force: ReadFile) -> Self {
        let ReadFile { sight, proofs } = in_force;
        Self {
            settle,
            content: Tracker::new(settle, &[sight]),
            proofs: Tracker::new(REREAD_DELAY, &proofs),
            announced: None,
        }
    }

    /// Records a read at `now` of a file that arrived in this way, if that is known.
    pub(super) fn observe(&mut self, seen: &ProvenSnapshot, arrival: Option<Arrival>, now: Duration) -> Stage {
        let ReadFile { sight, proofs } = seen.observed();
        let by_content = self.content.observe(std::slice::from_ref(&sight), now);
        let by_proofs = self.proofs.observe(&proofs, now);
        let is_in_force = by_content == FilesState::Active;
        let (writing, unchanged_for) = match (by_content, by_proofs) {
            (FilesState::Active, FilesState::Active) => {
                self.announced = None;
                return Stage::Active;
            }
            (FilesState::Pending { .. }, _) | (_, FilesState::Pending { .. }) => {
                return self.pending(is_in_force, &sight);
            }
            (FilesState::Active, FilesState::Usable { .. }) => (ChangeMethod::Moved, now),
            (FilesState::Usable { writing, unchanged_for }, _) => (writing, unchanged_for),
        };
        // If its times do not show how the file arrived, the kernel may know.
        let writing = match (writing, arrival) {
            (ChangeMethod::Created, Some(Arrival::Renamed)) => ChangeMethod::Moved,
            // A copy that sets the time of its file back looks like a rename.
            (ChangeMethod::Created | ChangeMethod::Moved, Some(Arrival::Created | Arrival::Unreported))
            | (ChangeMethod::Created, None) => ChangeMethod::InPlace,
            (writing, _) => writing,
        };
        if writing == ChangeMethod::InPlace && unchanged_for < self.settle && !is_in_force {
            return Stage::Pending { is_in_force: false, first_seen_in_place: false };
        }
        Stage::Usable { is_in_force, writing }
    }

    fn pending(&mut self, is_in_force: bool, sight: &Observation) -> Stage {
        let in_place = self.content.writing() == ChangeMethod::InPlace && !is_in_force;
        // A file that is not there, or cannot be read, has not been changed.
        let first_seen_in_place = in_place && sight.digest().is_some() && self.announced != sight.digest();
        if in_place {
            self.announced = sight.digest();
        }
        Stage::Pending { is_in_force, first_seen_in_place }
    }

    /// Makes the files of the last read the active ones.
    pub(super) fn accept(&mut self) {
        self.content.accept();
        self.proofs.accept();
    }

    /// Makes the proofs of the last read the active ones.
    pub(super) fn accept_proofs(&mut self) {
        self.announced = None;
        self.proofs.accept();
    }
}

impl Stage {
    /// Whether the file has the active content.
    pub(super) const fn is_in_force(self) -> bool {
        match self {
            Self::Active => true,
            Self::Pending { is_in_force, .. } | Self::Usable { is_in_force, .. } => is_in_force,
        }
    }

    pub(super) const fn is_pending(self) -> bool {
        matches!(self, Self::Pending { .. })
    }

    /// How the file was written, if it may be used.
    pub(super) const fn writing(self) -> Option<ChangeMethod> {
        match self {
            Self::Usable { writing, .. } => Some(writing),
            Self::Active | Self::Pending { .. } => None,
        }
    }

    /// What a refusal of this read is about.
    pub(super) fn judged(self, seen: &ProvenSnapshot) -> Judged {
        let ReadFile { sight, proofs: [checksum, signature] } = seen.observed();
        ([sight, checksum, signature], self.writing().unwrap_or(ChangeMethod::Moved))
    }
}
