//! The first read of files, when no earlier content could stay active.

use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use super::{FileError, FileSnapshot, REREAD_DELAY, UnusableFile, read};

/// How often files that keep changing are read: for about ten seconds.
const MAX_READS: usize = 20;

/// Reads a file; see [`read_all`].
///
/// # Errors
///
/// The file, and why it cannot be used.
pub fn read_one(path: &Path, limit: usize, settle: Duration) -> Result<FileSnapshot, UnusableFile> {
    let looks = read_all(&[path], limit, settle)?;
    looks.into_iter().next().ok_or_else(|| unusable(path, FileError::Absent))
}

/// Reads a set of files, each of at most `limit` bytes. If one of them was written less than `settle` ago, the set is
/// read again every [`REREAD_DELAY`] until two reads are equal. Blocks for up to ten seconds.
///
/// # Errors
///
/// The first file that cannot be used, and why. A file that changes between every two reads is `Changing`.
pub fn read_all(paths: &[&Path], limit: usize, settle: Duration) -> Result<Vec<FileSnapshot>, UnusableFile> {
    let read_them = || -> Result<Vec<FileSnapshot>, UnusableFile> {
        paths.iter().map(|path| read(path, limit).map_err(|problem| unusable(path, problem))).collect()
    };
    settled(paths, read_them, SystemTime::now, thread::sleep, settle)
}

fn unusable(path: &Path, problem: FileError) -> UnusableFile {
    UnusableFile { file: path.to_owned(), problem }
}

/// The rule, with the reads and the time passed in.
fn settled(
    paths: &[&Path],
    mut read: impl FnMut() -> Result<Vec<FileSnapshot>, UnusableFile>,
    now: impl Fn() -> SystemTime,
    mut pause: impl FnMut(Duration),
    settle: Duration,
) -> Result<Vec<FileSnapshot>, UnusableFile> {
    let mut looks = read()?;
    if !looks.iter().any(|look| look.is_young(now(), settle)) {
        return Ok(looks);
    }
    let mut changing = Path::new("");
    for _ in 1..MAX_READS {
        pause(REREAD_DELAY);
        let again = read()?;
        let mut pairs = paths.iter().zip(looks.iter().zip(&again));
        match pairs.find(|(_, (before, after))| before.content != after.content) {
            None => return Ok(again),
            Some((path, _)) => changing = path,
        }
        looks = again;
    }
    Err(unusable(changing, FileError::Changing))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::files::testing::look;

    const NOW: Duration = Duration::from_secs(1_000_000);
    const SETTLE: Duration = Duration::from_secs(10);

    /// The result of reading these contents one after the other, and the number of pauses. The last content is
    /// repeated.
    fn read_at_start(contents: &[&str], written_ago: Duration) -> (Result<String, FileError>, usize) {
        let (reads, pauses) = (Cell::new(0), RefCell::new(Vec::new()));
        let read = || {
            let content = contents[reads.get().min(contents.len() - 1)];
            reads.set(reads.get() + 1);
            Ok(vec![look(1, content.as_bytes(), UNIX_EPOCH + NOW - written_ago)])
        };
        let paths = [Path::new("a file")];
        let result = settled(&paths, read, || UNIX_EPOCH + NOW, |pause| pauses.borrow_mut().push(pause), SETTLE);
        assert!(pauses.borrow().iter().all(|pause| *pause == REREAD_DELAY));
        let content = |looks: Vec<FileSnapshot>| String::from_utf8(looks[0].content.to_vec()).unwrap();
        (result.map(content).map_err(|unusable| unusable.problem), pauses.into_inner().len())
    }

    #[test]
    fn an_old_file_is_read_once() {
        assert_eq!(read_at_start(&["a", "b"], SETTLE), (Ok("a".to_owned()), 0));
    }

    #[test]
    fn a_young_file_is_read_until_two_reads_are_equal() {
        let young = Duration::from_millis(9_999);
        assert_eq!(read_at_start(&["a"], young), (Ok("a".to_owned()), 1));
        assert_eq!(read_at_start(&["a", "ab", "abc"], young), (Ok("abc".to_owned()), 3));
    }

    #[test]
    fn a_file_that_never_settles_is_an_error_after_a_while() {
        let contents: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
        assert_eq!(read_at_start(&contents, Duration::ZERO), (Err(FileError::Changing), MAX_READS - 1));
    }

    #[test]
    fn a_file_of_the_future_is_young() {
        let read = || Ok(vec![look(1, b"a", UNIX_EPOCH + NOW + Duration::from_hours(1))]);
        let pauses = Cell::new(0);
        settled(&[Path::new("a file")], read, || UNIX_EPOCH + NOW, |_| pauses.set(pauses.get() + 1), SETTLE).unwrap();
        assert_eq!(pauses.get(), 1);
    }

    #[test]
    fn one_young_file_has_all_of_them_read_again() {
        let old = UNIX_EPOCH + NOW - SETTLE;
        let reads = Cell::new(0_u8);
        let read = || {
            reads.set(reads.get() + 1);
            // The old one changes as well: a rotation can set an old time of writing.
            Ok(vec![look(1, &[reads.get().min(2)], old), look(2, b"x", UNIX_EPOCH + NOW)])
        };
        let paths = [Path::new("old"), Path::new("young")];
        let looks = settled(&paths, read, || UNIX_EPOCH + NOW, |_| {}, SETTLE).unwrap();
        assert_eq!((reads.get(), &looks[0].content[..]), (3, &[2][..]));
        let endless = || {
            reads.set(reads.get() + 1);
            Ok(vec![look(1, b"x", old), look(2, &[reads.get()], UNIX_EPOCH + NOW)])
        };
        let error = settled(&paths, endless, || UNIX_EPOCH + NOW, |_| {}, SETTLE).unwrap_err();
        assert_eq!(error, unusable(Path::new("young"), FileError::Changing));
    }
}
