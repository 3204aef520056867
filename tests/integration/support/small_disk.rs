//! A small file system for one process.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use super::wait::{PATIENCE, try_run_within};

/// Whether this machine permits that.
pub(crate) fn is_permitted() -> bool {
    let folder = super::folder();
    try_run_within(PATIENCE, &mut command(("small", 4_096), folder.path(), "true"))
        .is_ok_and(|output| output.status.success())
}

/// A shell that runs a script, with a file system of so many bytes in a new directory below a folder.
pub(super) fn command((below, bytes): (&str, u32), folder: &Path, script: &str) -> Command {
    fs::create_dir(folder.join(below)).unwrap();
    let mut shell = Command::new("unshare");
    shell.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    shell.arg(format!("mount -t tmpfs -o size={bytes} small {below} && {script}"));
    shell.current_dir(folder).env_clear().env("PATH", env::var_os("PATH").unwrap());
    shell
}
