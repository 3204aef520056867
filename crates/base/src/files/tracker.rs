//! Decides when a changed set of files counts, from looks at it.

use std::time::Duration;

use super::{Digest, FileError, FileId, FileSnapshot, SECOND_LOOK};

/// What one look found of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// One that can be read.
    File {
        /// After symbolic links were followed.
        id: FileId,
        /// Stands for its content.
        digest: Digest,
        /// Whether something was done to the file after its content was written last, such as a rename.
        touched_since_written: bool,
    },
    /// It is missing, or breaks a rule for files.
    Unusable(FileError),
}

impl Sight {
    /// What a read found.
    #[must_use]
    pub fn from_read(read: &Result<FileSnapshot, FileError>) -> Self {
        match read {
            Ok(look) => Self::File {
                id: look.id.clone(),
                digest: look.digest(),
                touched_since_written: look.touched_since_written,
            },
            Err(problem) => Self::Unusable(*problem),
        }
    }

    /// The content, if there is any.
    #[must_use]
    pub const fn digest(&self) -> Option<Digest> {
        match self {
            Self::File { digest, .. } => Some(*digest),
            Self::Unusable(_) => None,
        }
    }

    /// The content, or why there is none: what must be equal for two sights to be of the same content.
    const fn content(&self) -> Result<Digest, FileError> {
        match self {
            Self::File { digest, .. } => Ok(*digest),
            Self::Unusable(problem) => Err(*problem),
        }
    }
}

/// How a content got to its place, from the surest way to the least sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writing {
    /// The path leads elsewhere: a symbolic link on the way was changed.
    Elsewhere,
    /// Another file took the place of the one before, and something was done to it after it was written: a rename, or its
    /// time was set back (`tar`, `mv` from another file system).
    Moved,
    /// Another file is in the place of the one before. It may have been renamed right after it was written, or it is
    /// still being written under this very name.
    Created,
    /// The same file has another content.
    InPlace,
}

/// How it stands with the files at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They hold what is in force.
    InForce,
    /// They hold something else, which does not count yet. The next look should come after [`SECOND_LOOK`].
    Pending {
        /// For how long every look found the same.
        unchanged_for: Duration,
    },
    /// They hold something else, and it counts.
    Counts {
        /// The least sure way by which a file of the set was written.
        writing: Writing,
        /// For how long every look found the same.
        unchanged_for: Duration,
    },
}

/// Remembers the looks at one set of files. Time is any clock that only goes forward.
#[derive(Debug)]
pub struct Tracker {
    settle: Duration,
    in_force: Vec<Result<Digest, FileError>>,
    files: Vec<File>,
    unchanged_since: Duration,
}

#[derive(Debug, Clone)]
struct File {
    last: Sight,
    /// The file that was there last. It outlives a look that found none.
    id: Option<FileId>,
    digest: Option<Digest>,
    writing: Writing,
}

impl Tracker {
    /// Begins with what is in force.
    #[must_use]
    pub fn new(settle: Duration, in_force: &[Sight]) -> Self {
        let files = in_force.iter().map(File::first).collect();
        let in_force = in_force.iter().map(Sight::content).collect();
        Self { settle, in_force, files, unchanged_since: Duration::ZERO }
    }

    /// Takes note of a look, made at `now`, and tells how it stands. There are as many sights as at the beginning, in the
    /// same order.
    pub fn look(&mut self, sights: &[Sight], now: Duration) -> Standing {
        let mut changed = false;
        for (file, sight) in self.files.iter_mut().zip(sights) {
            changed |= file.look(sight);
        }
        if changed {
            self.unchanged_since = now;
        }
        if self.files.iter().map(|file| file.last.content()).eq(self.in_force.iter().copied()) {
            self.files.iter_mut().for_each(|file| file.writing = Writing::Moved);
            return Standing::InForce;
        }
        let writing = self.writing();
        let unchanged_for = now.saturating_sub(self.unchanged_since);
        if counts(writing, unchanged_for, self.settle) {
            Standing::Counts { writing, unchanged_for }
        } else {
            Standing::Pending { unchanged_for }
        }
    }

    /// The least sure way by which a file of the set was written since what is in force.
    #[must_use]
    pub fn writing(&self) -> Writing {
        self.files.iter().map(|file| file.writing).max().unwrap_or(Writing::Moved)
    }

    /// What the last look found is now in force.
    pub fn accept(&mut self) {
        self.in_force = self.files.iter().map(|file| file.last.content()).collect();
        self.files.iter_mut().for_each(|file| file.writing = Writing::Moved);
    }
}

/// Whether a content counts that every look has found for so long.
fn counts(writing: Writing, unchanged_for: Duration, settle: Duration) -> bool {
    match writing {
        Writing::Elsewhere | Writing::Moved | Writing::Created => unchanged_for >= SECOND_LOOK,
        Writing::InPlace => unchanged_for >= settle.max(SECOND_LOOK),
    }
}

impl File {
    fn first(sight: &Sight) -> Self {
        let mut file = Self { last: sight.clone(), id: None, digest: None, writing: Writing::Moved };
        if let Sight::File { id, digest, .. } = sight {
            (file.id, file.digest) = (Some(id.clone()), Some(*digest));
        }
        file
    }

    /// Whether this is another file or another content than at the last look.
    fn look(&mut self, sight: &Sight) -> bool {
        let mut changed = self.last.content() != sight.content();
        if let Sight::File { id, digest, touched_since_written } = sight {
            if self.id.as_ref() != Some(id) {
                changed = true;
                let leads_elsewhere = self.id.as_ref().is_some_and(|before| before.leads_elsewhere(id));
                let same_file = self.id.as_ref().is_some_and(|before| before.is_same_file(id));
                self.writing = match (same_file, leads_elsewhere, *touched_since_written) {
                    // Another path to the file that was there says nothing of how that was written.
                    (true, ..) if self.digest == Some(*digest) => self.writing,
                    (true, ..) => Writing::InPlace,
                    (false, true, _) => Writing::Elsewhere,
                    (false, false, true) => Writing::Moved,
                    (false, false, false) => Writing::Created,
                };
            } else if self.digest != Some(*digest) {
                self.writing = Writing::InPlace;
            }
            (self.id, self.digest) = (Some(id.clone()), Some(*digest));
        }
        self.last = sight.clone();
        changed
    }
}
