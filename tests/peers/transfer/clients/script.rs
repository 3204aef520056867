//! Clients in other languages: a request per line of JSON, an answer per line.

use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::{HttpAnswer, HttpRequest};
use crate::support::PATIENCE;

/// A running script, killed in the end.
pub(crate) struct Script {
    _child: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Script {
    /// Starts a script, which says `ready` first.
    pub(crate) async fn start(program: &str, script: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let requests = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = timeout(PATIENCE, answers.next_line()).await.expect("a first line").unwrap();
        assert_eq!(first.as_deref(), Some("ready"), "{program}");
        Self { _child: child, requests, answers }
    }

    pub(crate) async fn send(&mut self, request: &HttpRequest) -> HttpAnswer {
        let HttpRequest { method, url, headers, body } = request;
        let body = body.as_ref().map(|body| STANDARD.encode(body));
        let line = json!({ "method": method, "url": url, "headers": headers, "body": body });
        self.requests.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let line = self.answers.next_line().await.unwrap().expect("the script has ended");
        let answer: Value = serde_json::from_str(&line).unwrap();
        HttpAnswer {
            status: serde_json::from_value(answer["status"].clone()).unwrap(),
            headers: serde_json::from_value(answer["headers"].clone()).unwrap(),
            body: STANDARD.decode(answer["body"].as_str().unwrap()).unwrap(),
        }
    }
}
