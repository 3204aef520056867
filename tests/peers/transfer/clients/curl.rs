//! The command-line client.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use tempfile::TempDir;

use super::{HttpAnswer, HttpRequest};

/// A folder for what curl reads and writes.
pub(crate) struct Curl(TempDir);

impl Curl {
    pub(crate) const fn new(folder: TempDir) -> Self {
        Self(folder)
    }

    /// Without `--globoff` curl takes brackets and braces of a URL for patterns. `--upload-file` sends a file as it is and
    /// adds no Content-Type, as `--data-binary` would.
    pub(crate) async fn send(&self, request: &HttpRequest) -> HttpAnswer {
        let file = |name: &str| self.0.path().join(name);
        fs::write(file("answer"), "").unwrap();
        let mut command = tokio::process::Command::new("curl");
        command.args(["--globoff", "--silent", "--show-error", "--max-time", "20"]);
        command.arg("--dump-header").arg(file("headers")).arg("--output").arg(file("answer"));
        for (name, value) in &request.headers {
            command.arg("--header").arg(format!("{name}: {value}"));
        }
        if let Some(body) = &request.body {
            fs::write(file("body"), body).unwrap();
            command.arg("--upload-file").arg(file("body"));
        }
        match request.method.as_str() {
            "HEAD" => command.arg("--head"),
            method => command.args(["--request", method]),
        };
        let output = command.arg(&request.url).stdin(Stdio::null()).output().await.unwrap();
        assert!(output.status.success(), "curl: {}", String::from_utf8_lossy(&output.stderr));
        let head = fs::read(file("headers")).unwrap();
        let body = if request.method == "HEAD" { Vec::new() } else { fs::read(file("answer")).unwrap() };
        answer(&String::from_utf8_lossy(&head), body)
    }
}

/// Reads the last of the heads: those before it say that the client may go on.
fn answer(heads: &str, body: Vec<u8>) -> HttpAnswer {
    let head = heads.trim_end().rsplit("\r\n\r\n").next().unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    HttpAnswer { status, headers, body }
}
