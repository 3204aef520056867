//! The profile files, which other programs write: read twice before they are used, and watched.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use tokio::sync::Semaphore;
use tokio::task;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::credentials::changes::SourceChanges;
use crate::credentials::static_source::ReadEnv;
use access_broker_base::files::{
    FileError, FileSnapshot, FilesState, Observation, REREAD_DELAY, Tracker, UnusableFile, read,
};
use access_broker_base::hex::lower_hex;

/// The variables with the paths of the files.
const VARIABLES: [&str; 2] = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];
/// The path that means no file.
const NO_FILE: &str = "/dev/null";
/// The largest profile file that is read, in bytes.
const MAX_FILE: usize = 1_024 * 1_024;
/// How often one question reads: replaced files need two reads, and three if they are replaced during the question.
const MAX_READS: usize = 4;
/// The time between two checks of the files for changes.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How many checks pass before a change of token files causes a retry after a failure: they may be written constantly.
const LOOKS_BEFORE_TOKENS: u32 = 5;
/// The most token files that are checked in a directory.
const MAX_TOKEN_FILES: usize = 256;

/// The contents of the profile files when they were last complete.
#[derive(Debug)]
pub(super) struct Contents {
    /// `config` and `credentials`.
    pub(super) paths: [PathBuf; 2],
    /// Empty for a file that cannot be read, as with the SDK.
    pub(super) texts: [Zeroizing<String>; 2],
    pub(super) problems: Vec<UnusableFile>,
    /// The first file that exists and cannot be used. It could decide which identity signs.
    pub(super) failure: Option<UnusableFile>,
}

/// `~/.aws/config` and `~/.aws/credentials`, or the files of `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE`.
#[derive(Debug)]
pub(crate) struct ProfileFiles {
    paths: [PathBuf; 2],
    /// Whether a variable has the path.
    are_named: [bool; 2],
    /// The directories where `aws sso login` and `aws login` store tokens.
    token_folders: Arc<[PathBuf; 2]>,
    /// Held while a thread reads. A file system that does not answer blocks one thread, and not one per check.
    readers: [Arc<Semaphore>; 2],
    settle: Duration,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tracker: Tracker,
    held: Option<Arc<Contents>>,
    /// The token files at the last question.
    tokens: TokenFiles,
}

/// Names, sizes and times. A content that is read too early causes an error of the provider and a retry.
type TokenFiles = BTreeMap<OsString, (u64, Option<SystemTime>)>;

impl ProfileFiles {
    /// Takes the paths from the environment. Does not read yet. `settle` is how long a file must stay unchanged after a
    /// change in place.
    #[must_use]
    pub(crate) fn new(environment: &ReadEnv, settle: Duration) -> Self {
        let home = PathBuf::from(environment("HOME").unwrap_or_else(|| "~".to_owned()));
        let path = |variable: &str, default: &str| {
            let named = environment(variable).map(PathBuf::from);
            named.map_or_else(|| home.join(default), |named| under_home(&home, &named))
        };
        let nothing = [Observation::Unusable(FileError::Absent), Observation::Unusable(FileError::Absent)];
        let state = State { tracker: Tracker::new(settle, &nothing), held: None, tokens: TokenFiles::new() };
        Self {
            paths: [path(VARIABLES[0], ".aws/config"), path(VARIABLES[1], ".aws/credentials")],
            are_named: VARIABLES.map(|variable| environment(variable).is_some()),
            readers: [(); 2].map(|()| Arc::new(Semaphore::new(1))),
            token_folders: [home.join(".aws/sso/cache"), path("AWS_LOGIN_CACHE_DIRECTORY", ".aws/login/cache")].into(),
            settle,
            started: Instant::now(),
            state: Mutex::new(state),
        }
    }

    /// Reads the files until their content may be used, for up to two seconds. If a change may not be used yet, this
    /// returns the previous content.
    ///
    /// # Errors
    ///
    /// `Changing` if there is no previous content.
    pub(super) async fn settled(&self) -> Result<Arc<Contents>, UnusableFile> {
        let tokens = self.tokens().await;
        self.state().tokens = tokens;
        for attempt in 0..MAX_READS {
            if attempt > 0 {
                sleep(REREAD_DELAY).await;
            }
            let reads = self.reads().await;
            if self.note(&reads) != Finding::NotYet {
                return Ok(self.take(reads));
            }
        }
        let held = self.state().held.clone();
        held.ok_or_else(|| UnusableFile { file: self.paths[1].clone(), problem: FileError::Changing })
    }

    /// The token file of `aws sso login` for a session, or for a start URL.
    pub(super) fn sso_token(&self, session: &str) -> PathBuf {
        token_file(&self.token_folders[0], &SHA1_FOR_LEGACY_USE_ONLY, session)
    }

    /// The token file of `aws login` for a session.
    pub(super) fn login_token(&self, session: &str) -> PathBuf {
        token_file(&self.token_folders[1], &SHA256, session.trim())
    }

    async fn reads(&self) -> [Result<FileSnapshot, FileError>; 2] {
        let paths = self.paths.clone();
        let reads = blocking(&self.readers[0], move || paths.map(|path| read_file(&path))).await;
        // A panic of the read is handled as files that cannot be read.
        reads.unwrap_or_else(|| [(); 2].map(|()| Err(FileError::Unreadable(ErrorKind::Other))))
    }

    async fn tokens(&self) -> TokenFiles {
        let folders = Arc::clone(&self.token_folders);
        let tokens = move || folders.iter().flat_map(|folder| tokens_in(folder)).collect();
        blocking(&self.readers[1], tokens).await.unwrap_or_default()
    }

    fn note(&self, reads: &[Result<FileSnapshot, FileError>; 2]) -> Finding {
        let sights = reads.each_ref().map(Observation::from_read);
        match self.state().tracker.observe(&sights, self.started.elapsed()) {
            FilesState::Active => Finding::InForce,
            FilesState::Usable { .. } => Finding::Changed,
            // Each file has its own time of writing: one of the two may still be replaced by an older file.
            FilesState::Pending { unchanged_for } => {
                let is_young = |look: &FileSnapshot| look.is_young(SystemTime::now(), self.settle);
                let is_old = unchanged_for >= REREAD_DELAY && !reads.iter().flatten().any(is_young);
                if is_old { Finding::Changed } else { Finding::NotYet }
            }
        }
    }

    /// Makes the contents of the last read active.
    fn take(&self, reads: [Result<FileSnapshot, FileError>; 2]) -> Arc<Contents> {
        let mut problems = Vec::new();
        let mut failure = None;
        let mut texts = [Zeroizing::default(), Zeroizing::default()];
        let mut state = self.state();
        let had_text = |index: usize| state.held.as_ref().is_some_and(|held| !held.texts[index].is_empty());
        for (index, ((path, look), text)) in self.paths.iter().zip(reads).zip(&mut texts).enumerate() {
            let read = look.and_then(|look| match str::from_utf8(&look.content) {
                Ok(text) => Ok(Zeroizing::new(text.to_owned())),
                Err(_) => Err(FileError::NotText),
            });
            match read {
                Ok(read) => *text = read,
                Err(problem) => {
                    let unusable = UnusableFile { file: path.clone(), problem };
                    if may_hold_profiles(problem, self.are_named[index] || had_text(index)) {
                        failure.get_or_insert_with(|| unusable.clone());
                        // Its last content may still be used when it can be read again.
                        if let Some(held) = &state.held {
                            text.clone_from(&held.texts[index]);
                        }
                    }
                    problems.push(unusable);
                }
            }
        }
        let contents = Arc::new(Contents { paths: self.paths.clone(), texts, problems, failure });
        state.tracker.accept();
        state.held = Some(Arc::clone(&contents));
        contents
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a file that cannot be used could decide which identity signs. A missing file could not. Neither could a file
/// in a directory that the server may not search, such as another user's home, unless the file is known to exist.
const fn may_hold_profiles(problem: FileError, is_known: bool) -> bool {
    match problem {
        FileError::Absent | FileError::Empty => false,
        FileError::Unsearchable => is_known,
        _ => true,
    }
}

/// The state of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    InForce,
    Changed,
    NotYet,
}

#[async_trait]
impl SourceChanges for Arc<ProfileFiles> {
    async fn changed(&self, after_failure: bool) {
        let mut looks_so_far = 0_u32;
        loop {
            sleep(LOOK_INTERVAL).await;
            looks_so_far = looks_so_far.saturating_add(1);
            let reads = self.reads().await;
            if self.note(&reads) == Finding::Changed {
                return;
            }
            if after_failure && looks_so_far >= LOOKS_BEFORE_TOKENS {
                let tokens = self.tokens().await;
                if self.state().tokens != tokens {
                    return;
                }
            }
        }
    }
}

/// Expands `~` as the SDK does: only as the first part of a path.
fn under_home(home: &Path, path: &Path) -> PathBuf {
    path.strip_prefix("~").map_or_else(|_| path.to_owned(), |rest| home.join(rest))
}

/// Runs a read that may block permanently, at most once at a time. `None` if it panicked.
async fn blocking<T: Send + 'static>(readers: &Arc<Semaphore>, read: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let reader = Arc::clone(readers).acquire_owned().await.ok()?;
    let read = move || {
        let _until_the_end = reader;
        read()
    };
    task::spawn_blocking(read).await.ok()
}

/// Reads a profile file.
fn read_file(path: &Path) -> Result<FileSnapshot, FileError> {
    read(path, MAX_FILE).map_err(|problem| match problem {
        FileError::NotRegular if fs::canonicalize(path).is_ok_and(|real| real == Path::new(NO_FILE)) => {
            FileError::Empty
        }
        FileError::Unreadable(ErrorKind::PermissionDenied | ErrorKind::NotADirectory) if !is_seen(path) => {
            FileError::Unsearchable
        }
        problem => problem,
    })
}

fn is_seen(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// The path of a token file, named as by AWS's tools.
fn token_file(folder: &Path, algorithm: &'static Algorithm, name: &str) -> PathBuf {
    let file = lower_hex(digest(algorithm, name.as_bytes()).as_ref());
    folder.join(format!("{file}.json"))
}

/// The files of a directory; none if it cannot be read.
fn tokens_in(folder: &Path) -> TokenFiles {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_TOKEN_FILES);
    let file = |entry: fs::DirEntry| {
        let metadata = entry.metadata().ok()?;
        Some((entry.path().into_os_string(), (metadata.len(), metadata.modified().ok())))
    };
    entries.filter_map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(10);
    const PATIENCE: Duration = Duration::from_mins(1);

    fn files_in(home: &Path, settle: Duration) -> Arc<ProfileFiles> {
        let home = home.to_str().unwrap().to_owned();
        let environment: ReadEnv = Arc::new(move |name| (name == "HOME").then(|| home.clone()));
        Arc::new(ProfileFiles::new(&environment, settle))
    }

    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".aws/sso/cache")).unwrap();
        home
    }

    async fn texts(files: &ProfileFiles) -> [String; 2] {
        files.settled().await.unwrap().texts.each_ref().map(|text| text.to_string())
    }

    #[test]
    fn files_are_where_the_environment_says() {
        let named: ReadEnv = Arc::new(|name| {
            let value = match name {
                "HOME" => "/home/me",
                "AWS_CONFIG_FILE" => "~/elsewhere",
                "AWS_SHARED_CREDENTIALS_FILE" => "/run/credentials",
                "AWS_LOGIN_CACHE_DIRECTORY" => "/run/login",
                _ => return None,
            };
            Some(value.to_owned())
        });
        let files = ProfileFiles::new(&named, SETTLE);
        assert_eq!(files.paths, ["/home/me/elsewhere", "/run/credentials"].map(PathBuf::from));
        assert_eq!(*files.token_folders, ["/home/me/.aws/sso/cache", "/run/login"].map(PathBuf::from));
        let files = files_in(Path::new("/home/me"), SETTLE);
        assert_eq!(files.paths, ["/home/me/.aws/config", "/home/me/.aws/credentials"].map(PathBuf::from));
    }

    async fn failure(files: &ProfileFiles) -> Option<FileError> {
        files.settled().await.unwrap().failure.as_ref().map(|unusable| unusable.problem)
    }

    #[tokio::test]
    async fn absent_and_empty_files_are_no_failure_and_are_told() {
        let home = home();
        fs::write(home.path().join(".aws/credentials"), "").unwrap();
        let files = files_in(home.path(), SETTLE);
        let contents = files.settled().await.unwrap();
        assert!(contents.texts.iter().all(|text| text.is_empty()) && contents.failure.is_none());
        let problems: Vec<_> = contents.problems.iter().map(|unusable| unusable.problem).collect();
        assert_eq!(problems, [FileError::Absent]);
    }

    #[tokio::test]
    async fn file_that_is_there_and_cannot_be_used_is_a_failure_until_it_is_mended_or_removed() {
        let home = home();
        let credentials = home.path().join(".aws/credentials");
        fs::write(home.path().join(".aws/config"), "[default]").unwrap();
        fs::write(&credentials, b"\xff").unwrap();
        let files = files_in(home.path(), SETTLE);
        assert_eq!(failure(&files).await, Some(FileError::NotText));
        replace(&credentials, &"x".repeat(MAX_FILE + 1));
        assert_eq!(failure(&files).await, Some(FileError::TooLarge(MAX_FILE)));
        replace(&credentials, "mended");
        assert_eq!(failure(&files).await, None);
        fs::remove_file(&credentials).unwrap();
        fs::create_dir(&credentials).unwrap();
        assert_eq!(failure(&files).await, Some(FileError::NotRegular));
        fs::remove_dir(&credentials).unwrap();
        std::os::unix::fs::symlink("nowhere", &credentials).unwrap();
        assert_eq!(failure(&files).await, Some(FileError::DanglingLink));
        fs::remove_file(&credentials).unwrap();
        assert_eq!(failure(&files).await, None);
        assert_eq!(texts(&files).await, ["[default]", ""]);
    }

    #[tokio::test]
    async fn file_out_of_reach_is_a_failure_only_where_it_is_known_to_be_there() {
        let home = home();
        let file = home.path().join("a-file");
        fs::write(&file, "").unwrap();
        assert_eq!(failure(&files_in(&file, SETTLE)).await, None, "its home is no folder");
        let within = file.join("config").to_str().unwrap().to_owned();
        let named: ReadEnv = Arc::new(move |name| (name == "AWS_CONFIG_FILE").then(|| within.clone()));
        assert_eq!(failure(&ProfileFiles::new(&named, SETTLE)).await, Some(FileError::Unsearchable));

        let config = home.path().join(".aws/config");
        fs::write(&config, "profiles").unwrap();
        let files = files_in(home.path(), SETTLE);
        assert_eq!(failure(&files).await, None);
        fs::rename(home.path().join(".aws"), home.path().join("before")).unwrap();
        fs::write(home.path().join(".aws"), "").unwrap();
        for _ in 0..2 {
            assert_eq!(failure(&files).await, Some(FileError::Unsearchable), "it was in use");
        }
    }

    #[tokio::test]
    async fn no_file_by_the_name_of_the_null_device_is_no_failure() {
        let named: ReadEnv = Arc::new(|name| VARIABLES.contains(&name).then(|| NO_FILE.to_owned()));
        let files = ProfileFiles::new(&named, SETTLE);
        assert_eq!(failure(&files).await, None);
    }

    #[tokio::test]
    async fn read_that_hangs_holds_one_thread() {
        let readers = Arc::new(Semaphore::new(1));
        let (let_go, waits) = std::sync::mpsc::channel::<()>();
        let hangs = blocking(&readers, move || waits.recv().ok());
        assert!(tokio::time::timeout(Duration::from_millis(100), hangs).await.is_err());
        let ran = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let runs = Arc::clone(&ran);
        let second = blocking(&readers, move || runs.store(true, std::sync::atomic::Ordering::SeqCst));
        assert!(tokio::time::timeout(Duration::from_millis(300), second).await.is_err());
        assert!(!ran.load(std::sync::atomic::Ordering::SeqCst), "it has no thread before the first comes back");
        drop(let_go);
        assert!(tokio::time::timeout(PATIENCE, blocking(&readers, || ())).await.unwrap().is_some());
    }

    #[test]
    fn tokens_are_where_the_tools_of_aws_put_them() {
        let files = files_in(Path::new("/home/me"), SETTLE);
        let sso = "/home/me/.aws/sso/cache/d033e22ae348aeb5660fc2140aec35850c4da997.json";
        assert_eq!(files.sso_token("admin"), Path::new(sso));
        let login = "/home/me/.aws/login/cache/36db1d138ff460920374e4c3d8e01f53f9f73537e89c88d639f68393df0e2726.json";
        assert_eq!(files.login_token(" arn:aws:iam::0123456789012:user/Admin "), Path::new(login));
    }

    fn replace(path: &Path, content: &str) {
        fs::write(path.with_extension("new"), content).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    }

    #[tokio::test]
    async fn file_that_was_changed_in_place_is_not_used_before_it_has_settled() {
        let home = home();
        let config = home.path().join(".aws/config");
        fs::write(&config, "old").unwrap();
        let files = files_in(home.path(), Duration::from_hours(1));
        assert_eq!(texts(&files).await, ["old", ""], "created under its name, and equal in two reads");
        fs::write(&config, "new").unwrap();
        assert_eq!(texts(&files).await, ["old", ""]);
        fs::write(config.with_extension("new"), "renamed").unwrap();
        fs::rename(config.with_extension("new"), &config).unwrap();
        assert_eq!(texts(&files).await, ["renamed", ""]);
    }

    #[tokio::test]
    async fn change_is_noticed_once_and_only_when_it_counts() {
        let home = home();
        let files = files_in(home.path(), Duration::from_hours(1));
        assert_eq!(texts(&files).await, ["", ""]);
        let changed = |after_failure| tokio::time::timeout(PATIENCE, files.changed(after_failure));
        let config = home.path().join(".aws/config");
        fs::write(&config, "new").unwrap();
        changed(false).await.unwrap();
        assert_eq!(texts(&files).await, ["new", ""]);
        fs::write(&config, "in place").unwrap();
        let unsettled = tokio::time::timeout(Duration::from_secs(4), files.changed(false)).await;
        assert!(unsettled.is_err());
    }

    #[tokio::test]
    async fn new_token_is_noticed_after_a_failure_only() {
        let home = home();
        let files = files_in(home.path(), SETTLE);
        assert_eq!(texts(&files).await, ["", ""]);
        fs::write(home.path().join(".aws/sso/cache/token.json"), "{}").unwrap();
        let (after_success, after_failure) = tokio::join!(
            tokio::time::timeout(Duration::from_secs(8), files.changed(false)),
            tokio::time::timeout(PATIENCE, files.changed(true)),
        );
        assert!(after_success.is_err() && after_failure.is_ok());
    }
}
