//! The end of servers that outlive the test which started them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

use crate::support::folder;

/// Reads ids of processes until its input ends, then kills them and removes what they leave behind.
const SCRIPT: &str = r#"
trap '' INT HUP TERM
pids=
while read -r pid; do pids="$pids $pid"; done
kill -KILL $pids
rm -rf "$@" || { sleep 1; rm -rf "$@"; }
"#;

/// A shell that waits for the end of this process. Statics are not dropped, and a process that is killed runs nothing: but
/// however it ends, the system closes its end of a pipe, and the shell has the other.
pub(super) struct Guardian {
    folder: PathBuf,
    input: Mutex<ChildStdin>,
}

impl Guardian {
    /// One that will remove a folder of its own, and these files.
    pub(super) fn start(files: &[PathBuf]) -> Self {
        let folder = folder().keep();
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "guardian"]).arg(&folder).args(files);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let input = shell.spawn().unwrap().stdin.take().unwrap();
        Self { folder, input: Mutex::new(input) }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a server, whose output goes to a file of this name in the folder.
    pub(super) fn spawn(&self, name: &str, mut command: Command) -> Child {
        let log = std::fs::File::create(self.folder.join(name)).unwrap();
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let mut input = self.input.lock().unwrap();
        writeln!(input, "{}", child.id()).unwrap();
        child
    }
}
