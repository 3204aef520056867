//! Files that are read when their content is needed, and not watched between those reads.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task;
use tokio::time::{self, Instant};

use super::{FileError, FileSnapshot, FilesState, Observation, REREAD_DELAY, Tracker, UnusableFile, read};

/// How often one call reads: a replaced file needs two reads, and three if it is replaced during the call.
const MAX_READS: usize = 4;

/// A set of files. Each call of [`read`](Self::read) reads them again, and returns a changed content only when it may
/// be used.
#[derive(Debug)]
pub struct SettledFiles {
    paths: Vec<PathBuf>,
    limit: usize,
    settle: Duration,
    started: Instant,
    tracker: Mutex<Tracker>,
}

impl SettledFiles {
    /// Takes the paths, the largest size of each file in bytes, and how long a file that was changed in place must stay
    /// unchanged. Does not read yet.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, limit: usize, settle: Duration) -> Self {
        let nothing = vec![Observation::Unusable(FileError::Absent); paths.len()];
        let tracker = Mutex::new(Tracker::new(settle, &nothing));
        Self { paths, limit, settle, started: Instant::now(), tracker }
    }

    /// The files, in their order.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Reads the files once, also if they are being changed. Blocks on the file system.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read, and why.
    pub fn read_now(&self) -> Result<Vec<FileSnapshot>, UnusableFile> {
        let read_one =
            |path: &PathBuf| read(path, self.limit).map_err(|problem| UnusableFile { file: path.clone(), problem });
        self.paths.iter().map(read_one).collect()
    }

    /// Reads the files until their content may be used, for up to two seconds.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read, and why. `Changing` where the content may not be used yet; the next call
    /// continues from these reads.
    pub async fn read(self: &std::sync::Arc<Self>) -> Result<Vec<FileSnapshot>, UnusableFile> {
        for attempt in 0..MAX_READS {
            if attempt > 0 {
                time::sleep(REREAD_DELAY).await;
            }
            let this = std::sync::Arc::clone(self);
            let now = self.started.elapsed();
            let looks = task::spawn_blocking(move || this.read_now()).await;
            // A panic of the read is handled as a file that cannot be read.
            let looks =
                looks.unwrap_or_else(|_| Err(self.unusable(FileError::Unreadable(std::io::ErrorKind::Other))))?;
            let mut tracker = self.tracker.lock().unwrap_or_else(PoisonError::into_inner);
            if may_use(&mut tracker, &looks, now, SystemTime::now(), self.settle) {
                return Ok(looks);
            }
        }
        Err(self.unusable(FileError::Changing))
    }

    fn unusable(&self, problem: FileError) -> UnusableFile {
        UnusableFile { file: self.paths.first().cloned().unwrap_or_default(), problem }
    }
}

/// Whether a content may be used: the tracker says so, or it was not written for long enough.
fn may_use(tracker: &mut Tracker, looks: &[FileSnapshot], now: Duration, wall: SystemTime, settle: Duration) -> bool {
    let sights: Vec<Observation> = looks.iter().map(|look| Observation::from_read(&Ok(look.clone()))).collect();
    match tracker.observe(&sights, now) {
        FilesState::Active => true,
        FilesState::Usable { .. } => {
            tracker.accept();
            true
        }
        FilesState::Pending { unchanged_for } => {
            // Each file has its own time of writing: one file of a set may still be replaced by an older one.
            let is_whole_set = looks.len() < 2 || unchanged_for >= REREAD_DELAY;
            let is_old = is_whole_set && !looks.iter().any(|look| look.is_young(wall, settle));
            if is_old {
                tracker.accept();
            }
            is_old
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::files::testing::look;

    const SETTLE: Duration = Duration::from_secs(10);
    const LONG_AGO: SystemTime = UNIX_EPOCH;

    fn wall() -> SystemTime {
        UNIX_EPOCH + Duration::from_hours(1)
    }

    /// Reads of one file: seconds, inode, content, and when it was written. Returns for each whether it may be used.
    fn of_one(reads: &[(f64, u64, &str, SystemTime)]) -> Vec<bool> {
        let mut tracker = Tracker::new(SETTLE, &[Observation::Unusable(FileError::Absent)]);
        let mut at = |(seconds, inode, content, written): &(f64, u64, &str, SystemTime)| {
            let looks = [look(*inode, content.as_bytes(), *written)];
            may_use(&mut tracker, &looks, Duration::from_secs_f64(*seconds), wall(), SETTLE)
        };
        reads.iter().map(&mut at).collect()
    }

    #[test]
    fn an_old_file_may_be_used_at_once_and_a_young_one_after_a_second_look() {
        assert_eq!(of_one(&[(0.0, 1, "a", LONG_AGO)]), [true]);
        assert_eq!(of_one(&[(0.0, 1, "a", wall()), (0.5, 1, "a", wall()), (0.6, 1, "a", wall())]), [false, true, true]);
    }

    #[test]
    fn a_replaced_file_needs_two_looks_and_one_changed_in_place_the_time_to_settle() {
        let first = (0.0, 1, "a", LONG_AGO);
        assert_eq!(of_one(&[first, (1.0, 2, "b", wall()), (1.5, 2, "b", wall())]), [true, false, true]);
        let in_place = [first, (1.0, 1, "b", wall()), (10.9, 1, "b", wall()), (11.0, 1, "b", wall())];
        assert_eq!(of_one(&in_place), [true, false, false, true]);
        assert_eq!(of_one(&[first, (1.0, 1, "b", LONG_AGO)]), [true, true], "changed in place long ago");
    }

    #[test]
    fn of_a_set_old_files_need_two_equal_looks_too() {
        let mut tracker = Tracker::new(SETTLE, &[const { Observation::Unusable(FileError::Absent) }; 2]);
        let mut may_use_at = |seconds: f64, id: (u64, &str), key: (u64, &str)| {
            let looks = [id, key].map(|(inode, content)| look(inode, content.as_bytes(), LONG_AGO));
            may_use(&mut tracker, &looks, Duration::from_secs_f64(seconds), wall(), SETTLE)
        };
        assert!(!may_use_at(0.0, (1, "id"), (2, "key")));
        assert!(may_use_at(0.5, (1, "id"), (2, "key")));
        assert!(!may_use_at(1.0, (3, "new id"), (2, "key")));
        assert!(!may_use_at(1.4, (3, "new id"), (4, "new key")));
        assert!(!may_use_at(1.8, (3, "new id"), (4, "new key")), "0.5 s after the last change, not the first");
        assert!(may_use_at(1.9, (3, "new id"), (4, "new key")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_half_replaced_set_is_waited_for_and_one_that_never_settles_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["id", "key"] {
            fs::write(path(name), "old").unwrap();
        }
        let files = Arc::new(SettledFiles::new(vec![path("id"), path("key")], 100, SETTLE));
        let reader = Arc::clone(&files);
        let read = tokio::spawn(async move { reader.read().await });
        time::sleep(Duration::from_millis(250)).await;
        crate::files::testing::replace(&path("key"), b"new");
        crate::files::testing::replace(&path("id"), b"new");
        let looks = read.await.unwrap().unwrap();
        assert!(looks.iter().all(|look| look.content.as_slice() == b"new"));

        fs::write(path("id"), "changed in place").unwrap();
        let error = files.read().await.unwrap_err();
        assert_eq!(error, UnusableFile { file: path("id"), problem: FileError::Changing });
        time::sleep(SETTLE).await;
        assert_eq!(files.read().await.unwrap()[0].content.as_slice(), b"changed in place");
        fs::remove_file(path("key")).unwrap();
        let error = files.read().await.unwrap_err();
        assert_eq!(error, UnusableFile { file: path("key"), problem: FileError::Absent });
    }
}
