//! Tokens of issuers that others wrote: moto's Cognito, and the npm package oidc-provider. The program fetches their keys
//! and reads what they sign.

mod cognito;
mod oidc_provider;

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::registry::Registry;
use crate::support::{Client, PATIENCE, Program, error_info, eventually, folder};

pub(crate) fn register(registry: &mut Registry<'_>) {
    cognito::register(registry);
    oidc_provider::register(registry);
}

/// A file of this directory.
fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/issuers").join(name)
}

/// A running issuer, killed when it is dropped.
struct Issuer {
    child: RefCell<Child>,
    folder: TempDir,
}

impl Issuer {
    /// Starts a program whose output goes to a file.
    fn start(command: &mut Command) -> Self {
        let folder = folder();
        let log = File::create(folder.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
        let child = RefCell::new(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
        Self { child, folder }
    }

    /// Waits until a line of the output has an answer.
    async fn wait_for<T>(&self, what: &str, answer: impl Fn(&str) -> Option<T>) -> T {
        eventually(what, 2 * PATIENCE, async || {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
            let ended = self.child.borrow_mut().try_wait().unwrap();
            assert!(ended.is_none(), "no {what} ({ended:?}): {log}");
            log.lines().find_map(&answer).ok_or(log)
        })
        .await
    }
}

/// Asks for a download with a token: `OK`, or the reason of the error.
async fn download(program: &Program, token: &str, key: &str) -> String {
    let client = Client::connect(program.addresses[0], &[&format!("Bearer {token}")]).await;
    let answer = client.download("media", key).await;
    answer.map_or_else(|status| error_info(&status).reason, |_| "OK".to_owned())
}

/// The same token with another signature.
fn with_invalid_signature(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (first, rest) = signature.split_at(1);
    format!("{signed}.{}{rest}", if first == "A" { "B" } else { "A" })
}
