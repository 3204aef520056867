//! Foreign clients of the HTTP interface: programs that write query strings, Connect's libraries, and a browser.

mod browser;
mod connect;
mod keys;
mod node_modules;
mod presigned_url;

use std::path::Path;
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::registry::Registry;
use crate::support::PATIENCE;

pub(crate) fn register(registry: &mut Registry<'_>) {
    browser::register(registry);
    connect::register(registry);
    keys::register(registry);
    presigned_url::register(registry);
}

/// Runs a command with this input, and returns what it prints. The broker inside the test serves meanwhile.
async fn run(command: &mut Command, input: &str) -> String {
    let output = output(command, input).await;
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{command:?}: {stdout}{stderr}");
    stdout
}

async fn output(command: &mut Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let ended = timeout(2 * PATIENCE, child.wait_with_output()).await;
    ended.unwrap_or_else(|_| panic!("{command:?} timed out")).unwrap()
}

/// A shell in this directory.
fn bash(script: &str, directory: &Path) -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script]).current_dir(directory);
    bash
}
