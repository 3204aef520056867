//! Rotated files: their names and number.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::audit::text::rfc3339_micros;

/// The rotated files of one path. Their names are its name, a dot, and the time of the rotation, as in
/// `audit.jsonl.2026-01-31T12-00-00.000000Z`. The order of the names is the order of the files, even if the clock is
/// set back.
#[derive(Debug)]
pub(super) struct RotatedFiles {
    folder: PathBuf,
    /// The name of the path, and a dot.
    prefix: OsString,
}

impl RotatedFiles {
    pub(super) fn new(path: &Path) -> Self {
        let mut prefix = path.file_name().unwrap_or_default().to_owned();
        prefix.push(".");
        Self { folder: folder_of(path).to_owned(), prefix }
    }

    /// A new path, later than all existing ones.
    pub(super) fn next_name(&self, now: SystemTime) -> io::Result<PathBuf> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let last = self.instants()?.into_iter().next_back();
        let instant = last.map_or(now, |last| now.max(last + Duration::from_micros(1)));
        Ok(self.path_of(instant))
    }

    /// Removes the oldest files.
    pub(super) fn remove_all_but(&self, keep: usize) -> io::Result<()> {
        let instants = self.instants()?;
        let too_many = instants.len().saturating_sub(keep);
        instants.into_iter().take(too_many).try_for_each(|instant| fs::remove_file(self.path_of(instant)))
    }

    fn path_of(&self, instant: Duration) -> PathBuf {
        let text = rfc3339_micros(UNIX_EPOCH + instant);
        let mut name = self.prefix.clone();
        // Colons are special in paths of `scp` and `rsync`.
        name.push(text.replace(':', "-"));
        self.folder.join(name)
    }

    /// The rotation times of the files, in order. Other files in the directory are skipped.
    fn instants(&self) -> io::Result<Vec<Duration>> {
        let mut instants = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            instants.extend(self.instant_of(&entry?.file_name()));
        }
        instants.sort_unstable();
        Ok(instants)
    }

    fn instant_of(&self, name: &OsStr) -> Option<Duration> {
        let stamp = name.as_encoded_bytes().strip_prefix(self.prefix.as_encoded_bytes())?;
        let (day, time) = std::str::from_utf8(stamp).ok()?.split_once('T')?;
        let instant = humantime::parse_rfc3339(&format!("{day}T{}", time.replace('-', ":"))).ok()?;
        let instant = instant.duration_since(UNIX_EPOCH).ok()?;
        // Another spelling of the same instant is another file.
        (self.path_of(instant).file_name() == Some(name)).then_some(instant)
    }
}

/// Makes the directory entries of a file's directory durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn names_go_up_although_the_clock_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let rotated = RotatedFiles::new(&folder.path().join("audit.jsonl"));
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let mut written = Vec::new();
        for now in [at(2_000_000_000), at(2_000_000_000), at(1_000_000_000), at(2_000_000_001)] {
            let path = rotated.next_name(now).unwrap();
            fs::write(&path, "").unwrap();
            written.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
        assert_eq!(
            written,
            [
                "audit.jsonl.2033-05-18T03-33-20.000000Z",
                "audit.jsonl.2033-05-18T03-33-20.000001Z",
                "audit.jsonl.2033-05-18T03-33-20.000002Z",
                "audit.jsonl.2033-05-18T03-33-21.000000Z",
            ]
        );
    }

    #[test]
    fn the_oldest_are_removed_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let rotated = RotatedFiles::new(&folder.path().join("audit.jsonl"));
        let others = [
            "audit.jsonl",
            "audit.jsonl.2020-01-01T00-00-00Z",
            "audit.jsonl.2020-01-01T00:00:00.000000Z",
            "audit.jsonl.2020-01-01T00-00-00.000000Z.gz",
            "audit.jsonl.next",
            "other.jsonl.2020-01-01T00-00-00.000000Z",
        ];
        let own = ["audit.jsonl.2020-01-01T00-00-00.000000Z", "audit.jsonl.2021-01-01T00-00-00.000000Z"];
        for name in others.iter().chain(&own) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        rotated.remove_all_but(2).unwrap();
        assert_eq!(names(folder.path()).len(), 8);
        rotated.remove_all_but(1).unwrap();
        let left = names(folder.path());
        assert_eq!(left.len(), 7);
        assert!(
            left.iter().any(|name| name == own[1]) && others.iter().all(|other| left.iter().any(|name| name == other))
        );
    }
}
