//! Decides from repeated reads when a changed set of files is used.

use std::time::Duration;

use super::{Digest, FileError, FileId, FileSnapshot, REREAD_DELAY};

/// What one read found of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// It can be read.
    File {
        /// After symbolic links were followed.
        id: FileId,
        /// Of its content.
        digest: Digest,
        /// Whether the file was changed after its content was last written, for instance renamed.
        touched_since_written: bool,
    },
    /// It is missing, or breaks a rule for files.
    Unusable(FileError),
}

impl Observation {
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

    /// The content, if it can be read.
    #[must_use]
    pub const fn digest(&self) -> Option<Digest> {
        match self {
            Self::File { digest, .. } => Some(*digest),
            Self::Unusable(_) => None,
        }
    }

    /// The content, or why it cannot be read. Two sights with equal results have the same content.
    const fn content(&self) -> Result<Digest, FileError> {
        match self {
            Self::File { digest, .. } => Ok(*digest),
            Self::Unusable(problem) => Err(*problem),
        }
    }
}

/// How a content got to its path, from the safest method to the least safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeMethod {
    /// A symbolic link was changed: the path leads to another file.
    NewTarget,
    /// Another file replaced the one before, and it was changed after it was written: it was renamed, or its time was
    /// set back (`tar`, `mv` from another file system).
    Moved,
    /// Another file replaced the one before. It was renamed right after it was written, or it is still being written
    /// under this name.
    Created,
    /// The same file has another content.
    InPlace,
}

/// The state of a set of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilesState {
    /// They hold the active content.
    Active,
    /// They hold another content, which may not be used yet. The next read should follow after [`REREAD_DELAY`].
    Pending {
        /// For how long all reads found the same.
        unchanged_for: Duration,
    },
    /// They hold another content, and it may be used.
    Usable {
        /// The least safe method by which a file of the set was written.
        writing: ChangeMethod,
        /// For how long all reads found the same.
        unchanged_for: Duration,
    },
}

/// Remembers the reads of one set of files. Times are of a monotonic clock.
#[derive(Debug)]
pub struct Tracker {
    settle: Duration,
    in_force: Vec<Result<Digest, FileError>>,
    files: Vec<File>,
    unchanged_since: Duration,
}

#[derive(Debug, Clone)]
struct File {
    last: Observation,
    /// The file that was read last. It is kept when a read finds no file.
    id: Option<FileId>,
    digest: Option<Digest>,
    writing: ChangeMethod,
}

impl Tracker {
    /// Starts with the active content.
    #[must_use]
    pub fn new(settle: Duration, in_force: &[Observation]) -> Self {
        let files = in_force.iter().map(File::first).collect();
        let in_force = in_force.iter().map(Observation::content).collect();
        Self { settle, in_force, files, unchanged_since: Duration::ZERO }
    }

    /// Records a read at `now` and returns the state. There are as many sights as at the start, in the same order.
    pub fn observe(&mut self, sights: &[Observation], now: Duration) -> FilesState {
        let mut changed = false;
        for (file, sight) in self.files.iter_mut().zip(sights) {
            changed |= file.observe(sight);
        }
        if changed {
            self.unchanged_since = now;
        }
        if self.files.iter().map(|file| file.last.content()).eq(self.in_force.iter().copied()) {
            self.files.iter_mut().for_each(|file| file.writing = ChangeMethod::Moved);
            return FilesState::Active;
        }
        let writing = self.writing();
        let unchanged_for = now.saturating_sub(self.unchanged_since);
        if counts(writing, unchanged_for, self.settle) {
            FilesState::Usable { writing, unchanged_for }
        } else {
            FilesState::Pending { unchanged_for }
        }
    }

    /// The least safe method by which a file of the set was written since the active content.
    #[must_use]
    pub fn writing(&self) -> ChangeMethod {
        self.files.iter().map(|file| file.writing).max().unwrap_or(ChangeMethod::Moved)
    }

    /// Makes the content of the last read the active one.
    pub fn accept(&mut self) {
        self.in_force = self.files.iter().map(|file| file.last.content()).collect();
        self.files.iter_mut().for_each(|file| file.writing = ChangeMethod::Moved);
    }
}

/// Whether a content may be used that all reads found for this long.
fn counts(writing: ChangeMethod, unchanged_for: Duration, settle: Duration) -> bool {
    match writing {
        ChangeMethod::NewTarget | ChangeMethod::Moved | ChangeMethod::Created => unchanged_for >= REREAD_DELAY,
        ChangeMethod::InPlace => unchanged_for >= settle.max(REREAD_DELAY),
    }
}

impl File {
    fn first(sight: &Observation) -> Self {
        let mut file = Self { last: sight.clone(), id: None, digest: None, writing: ChangeMethod::Moved };
        if let Observation::File { id, digest, .. } = sight {
            (file.id, file.digest) = (Some(id.clone()), Some(*digest));
        }
        file
    }

    /// Whether this is another file or another content than at the last read.
    fn observe(&mut self, sight: &Observation) -> bool {
        let mut changed = self.last.content() != sight.content();
        if let Observation::File { id, digest, touched_since_written } = sight {
            if self.id.as_ref() != Some(id) {
                changed = true;
                let has_other_target = self.id.as_ref().is_some_and(|before| before.has_other_target(id));
                let same_file = self.id.as_ref().is_some_and(|before| before.is_same_file(id));
                self.writing = match (same_file, has_other_target, *touched_since_written) {
                    // A new path to the same content says nothing about how that was written.
                    (true, ..) if self.digest == Some(*digest) => self.writing,
                    (true, ..) => ChangeMethod::InPlace,
                    (false, true, _) => ChangeMethod::NewTarget,
                    (false, false, true) => ChangeMethod::Moved,
                    (false, false, false) => ChangeMethod::Created,
                };
            } else if self.digest != Some(*digest) {
                self.writing = ChangeMethod::InPlace;
            }
            (self.id, self.digest) = (Some(id.clone()), Some(*digest));
        }
        self.last = sight.clone();
        changed
    }
}
