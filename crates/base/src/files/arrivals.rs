//! How a file arrived in its directory, as the kernel reports it (inotify(7)).

use std::ffi::OsStr;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

/// How a file got its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It was renamed: it was written under another name.
    Renamed,
    /// It was created under this name, and may still be written.
    Created,
    /// The directory is watched, but the kernel reported nothing: the directory was replaced, or its file system does
    /// not report events (NFS).
    Unreported,
}

/// Watches the name of a file in the directory that the path leads to.
///
/// A file that was renamed right after it was written has the same times as one that is still being written under its
/// final name. Only these events distinguish the two.
#[derive(Debug, Default)]
pub struct Arrivals(Option<Watch>);

impl Arrivals {
    /// Starts to watch the file that this path leads to. Call it before the file is read, so that a rename right after
    /// the read is reported.
    #[must_use]
    pub fn begin(path: &Path) -> Self {
        Self(fs::canonicalize(path).ok().and_then(|real_path| Watch::new(&real_path)))
    }

    /// How the file at this real path arrived since the last call of [`forget`](Self::forget). `None` if the system has
    /// no inotify.
    pub fn last(&mut self, real_path: &Path) -> Option<Arrival> {
        let is_watched = self.0.as_ref().is_some_and(|watch| watch.is_of(real_path));
        if !is_watched {
            self.0 = Watch::new(real_path);
        }
        Some(self.0.as_mut()?.last().unwrap_or(Arrival::Unreported))
    }

    /// Discards the events so far: they say nothing about the next file.
    pub fn forget(&mut self) {
        if let Some(watch) = &mut self.0 {
            watch.last = None;
        }
    }
}

#[derive(Debug)]
struct Watch {
    events: OwnedFd,
    path: PathBuf,
    /// Identifies the directory: another one may get its name.
    folder: (u64, u64),
    last: Option<Arrival>,
}

impl Watch {
    fn new(path: &Path) -> Option<Self> {
        let events = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?;
        inotify::add_watch(&events, path.parent()?, WatchFlags::CREATE | WatchFlags::MOVED_TO).ok()?;
        Some(Self { events, path: path.to_owned(), folder: folder_of(path)?, last: None })
    }

    fn is_of(&self, path: &Path) -> bool {
        self.path == path && folder_of(path) == Some(self.folder)
    }

    fn last(&mut self) -> Option<Arrival> {
        let mut buffer = [const { MaybeUninit::uninit() }; 4_096];
        let mut reader = Reader::new(&self.events, &mut buffer);
        // Without further events the read fails, because it would block.
        while let Ok(event) = reader.next() {
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                self.last = None;
            } else if event.file_name().map(|name| OsStr::from_bytes(name.to_bytes())) == self.path.file_name() {
                let is_renamed = flags.contains(ReadFlags::MOVED_TO);
                self.last = Some(if is_renamed { Arrival::Renamed } else { Arrival::Created });
            }
        }
        self.last
    }
}

/// Device and inode of the directory of a file.
fn folder_of(path: &Path) -> Option<(u64, u64)> {
    let folder = fs::metadata(path.parent()?).ok()?;
    Some((folder.dev(), folder.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_renamed_is_told_from_one_that_is_created() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        fs::write(&path, "one").unwrap();
        let mut arrivals = Arrivals::default();
        assert_eq!(arrivals.last(&path), Some(Arrival::Unreported));
        fs::write(&path, "in place").unwrap();
        assert_eq!(arrivals.last(&path), Some(Arrival::Unreported));
        fs::remove_file(&path).unwrap();
        fs::write(&path, "two").unwrap();
        assert_eq!(arrivals.last(&path), Some(Arrival::Created));
        let other = folder.path().join("other");
        fs::write(&other, "three").unwrap();
        assert_eq!(arrivals.last(&path), Some(Arrival::Created), "another name");
        fs::rename(&other, &path).unwrap();
        assert_eq!(arrivals.last(&path), Some(Arrival::Renamed));
        assert_eq!(arrivals.last(&path), Some(Arrival::Renamed), "until it is used");
        arrivals.forget();
        assert_eq!(arrivals.last(&path), Some(Arrival::Unreported));
    }

    #[test]
    fn another_folder_of_the_same_name_is_watched_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (inner, path) = (folder.path().join("inner"), folder.path().join("inner/policy.toml"));
        fs::create_dir(&inner).unwrap();
        let mut arrivals = Arrivals::default();
        assert_eq!(arrivals.last(&path), Some(Arrival::Unreported));
        fs::write(folder.path().join("other"), "one").unwrap();
        fs::rename(folder.path().join("other"), &path).unwrap();
        assert_eq!(arrivals.last(&path), Some(Arrival::Renamed));
        fs::rename(&inner, folder.path().join("former")).unwrap();
        fs::create_dir(&inner).unwrap();
        fs::write(&path, "half").unwrap();
        assert_eq!(arrivals.last(&path), Some(Arrival::Unreported), "the events of the former directory do not count");
    }

    #[test]
    fn a_rename_between_the_beginning_and_the_first_question_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link, other) = (folder.path().join("a"), folder.path().join("link"), folder.path().join("b"));
        fs::write(&path, "one").unwrap();
        fs::write(&other, "two").unwrap();
        std::os::unix::fs::symlink("a", &link).unwrap();
        let mut arrivals = Arrivals::begin(&link);
        fs::rename(&other, &path).unwrap();
        assert_eq!(arrivals.last(&fs::canonicalize(&link).unwrap()), Some(Arrival::Renamed));
    }

    #[test]
    fn a_folder_that_is_not_there_cannot_be_watched() {
        assert_eq!(Arrivals::begin(Path::new("/nowhere/policy.toml")).last(Path::new("/nowhere/policy.toml")), None);
        assert_eq!(Arrivals::default().last(Path::new("/nowhere/policy.toml")), None);
    }
}
