//! The program itself, as an operator runs it.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use tempfile::TempDir;

use super::assert_no_secrets;

/// How long anything of a process may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

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
        let child = command(arguments, folder.path())
            .envs(variables.iter().copied())
            .stdout(File::create(folder.path().join("stdout")).unwrap())
            .stderr(File::create(folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    /// Runs the program to its end, and searches its output for secrets.
    pub(crate) fn output(arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> Output {
        let output = command(arguments, folder).envs(variables.iter().copied()).output().unwrap();
        assert_no_secrets("standard output", &String::from_utf8_lossy(&output.stdout));
        assert_no_secrets("standard error", &String::from_utf8_lossy(&output.stderr));
        output
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
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
        loop {
            if let Some(answer) = question(self) {
                return answer;
            }
            let ended = self.child.try_wait().unwrap();
            let late = started.elapsed() > PATIENCE;
            assert!(ended.is_none() && !late, "no {what} ({ended:?}):\n{}{}", self.stdout(), self.stderr());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end, and searches the log for secrets.
    pub(crate) fn exit(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_no_secrets("the log", &self.stderr());
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "the process does not end:\n{}", self.stderr());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Most processes have ended by then.
        let _already_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
