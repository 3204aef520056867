//! The program itself, as an operator runs it.

use std::fs::File;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::Instant;
use std::{fs, mem};

use rustix::process::{Pid, Resource, Rlimit};
use tempfile::TempDir;

use super::wait::{PATIENCE, end_within, eventually_blocking, run, run_within};
use super::{assert_no_secrets, small_disk};

/// A running `access-broker`, killed if a test ends early.
pub(crate) struct Process {
    child: Child,
    folder: TempDir,
}

/// A new folder.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn command(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_access-broker"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

impl Process {
    /// Starts the program in a folder, with an empty environment but for the given variables.
    pub(crate) fn start(arguments: &[&str], folder: TempDir, variables: &[(&str, &str)]) -> Self {
        let command = command(arguments, folder.path());
        let stdout = File::create(folder.path().join("stdout")).unwrap();
        Self::spawn(command, stdout.into(), folder, variables)
    }

    /// The same with another standard output.
    pub(crate) fn start_into(stdout: Stdio, arguments: &[&str], folder: TempDir, variables: &[(&str, &str)]) -> Self {
        fs::write(folder.path().join("stdout"), "").unwrap();
        Self::spawn(command(arguments, folder.path()), stdout, folder, variables)
    }

    /// The same, and a write over the limit for the length of files is an error to the program and not its end.
    pub(crate) fn start_limited(arguments: &[&str], folder: TempDir, variables: &[(&str, &str)]) -> Self {
        let mut limited = Command::new("sh");
        limited.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#, env!("CARGO_BIN_EXE_access-broker")]);
        limited.args(arguments).current_dir(folder.path()).env_clear().stdin(Stdio::null());
        let stdout = File::create(folder.path().join("stdout")).unwrap();
        Self::spawn(limited, stdout.into(), folder, variables)
    }

    /// The same with another standard error, or with none: that of a closed file descriptor.
    pub(crate) fn start_logging_to(
        stderr: Option<Stdio>,
        arguments: &[&str],
        folder: TempDir,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut shell = Command::new("sh");
        let closing = if stderr.is_some() { "" } else { " 2>&-" };
        shell.args(["-c", &format!(r#"exec "$0" "$@"{closing}"#), env!("CARGO_BIN_EXE_access-broker")]);
        shell.args(arguments).current_dir(folder.path()).env_clear().stdin(Stdio::null());
        fs::write(folder.path().join("stderr"), "").unwrap();
        let stdout = File::create(folder.path().join("stdout")).unwrap();
        let stderr = stderr.unwrap_or(Stdio::inherit());
        let child = shell.envs(variables.iter().copied()).stdout(stdout).stderr(stderr).spawn().unwrap();
        Self { child, folder }
    }

    /// The same under a limit of open files, which the program cannot raise.
    pub(crate) fn start_with_open_files(
        limit: u32,
        arguments: &[&str],
        folder: TempDir,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!(r#"ulimit -n {limit} && exec "$0" "$@""#)]);
        limited.arg(env!("CARGO_BIN_EXE_access-broker"));
        limited.args(arguments).current_dir(folder.path()).env_clear().stdin(Stdio::null());
        let stdout = File::create(folder.path().join("stdout")).unwrap();
        Self::spawn(limited, stdout.into(), folder, variables)
    }

    /// The same with a small disk in a directory below. [`small_disk::is_permitted`] says whether the system permits that.
    pub(crate) fn start_with_small_disk(
        disk: (&str, u32),
        arguments: &[&str],
        folder: TempDir,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut shell = small_disk::command(disk, folder.path(), "exec \"$0\" \"$@\"");
        shell.arg(env!("CARGO_BIN_EXE_access-broker")).args(arguments).stdin(Stdio::null());
        let stdout = File::create(folder.path().join("stdout")).unwrap();
        Self::spawn(shell, stdout.into(), folder, variables)
    }

    /// A file as the process sees it, where it has a file system of its own.
    pub(crate) fn path_inside(&self, name: &str) -> std::path::PathBuf {
        Path::new("/proc").join(self.id().to_string()).join("cwd").join(name)
    }

    fn spawn(mut command: Command, stdout: Stdio, folder: TempDir, variables: &[(&str, &str)]) -> Self {
        let child = command
            .envs(variables.iter().copied())
            .stdout(stdout)
            .stderr(File::create(folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    /// Bounds the length of the files that the process writes. `None` lifts the bound.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let maximum = rustix::process::getrlimit(Resource::Fsize).maximum;
        self.set_limit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum });
    }

    /// Bounds the number of its open files.
    pub(crate) fn limit_open_files(&self, count: u64) {
        self.set_limit(Resource::Nofile, Rlimit { current: Some(count), maximum: Some(count) });
    }

    fn set_limit(&self, resource: Resource, limit: Rlimit) {
        let id = Pid::from_raw(self.id().try_into().unwrap());
        rustix::process::prlimit(id, resource, limit).unwrap();
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The end of the pipe that it was started into.
    pub(crate) fn take_stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// Kills it without a warning, and gives its folder back.
    pub(crate) fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        mem::replace(&mut self.folder, folder())
    }

    /// Runs the program to its end, and searches its output for secrets.
    pub(crate) fn output(arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> Output {
        let output = run_within(2 * PATIENCE, command(arguments, folder).envs(variables.iter().copied()));
        assert_no_secrets("standard output", &String::from_utf8_lossy(&output.stdout));
        assert_no_secrets("standard error", &String::from_utf8_lossy(&output.stderr));
        output
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(self.path("stdout")).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap()
    }

    /// Waits until a question has an answer.
    pub(crate) fn wait_for<T>(&mut self, what: &str, mut question: impl FnMut(&Self) -> Option<T>) -> T {
        let started = Instant::now();
        eventually_blocking(what, 2 * PATIENCE, || {
            // Before the question: what an ended process has written is all there is.
            let ended = self.child.try_wait().unwrap();
            let answer = question(self);
            let late = started.elapsed() > PATIENCE;
            assert!(
                answer.is_some() || ended.is_none() && !late,
                "no {what} ({ended:?}):\n{}{}",
                self.stdout(),
                self.stderr()
            );
            answer
        })
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        run(Command::new("kill").args(["-s", name, &self.child.id().to_string()]));
    }

    /// Waits for the end, and searches the log for secrets.
    pub(crate) fn exit(&mut self) -> ExitStatus {
        let log = self.path("stderr");
        let status = end_within(PATIENCE, &mut self.child, || fs::read_to_string(&log).unwrap());
        assert_no_secrets("the log", &self.stderr());
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Most processes have ended by then.
        let _already_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
