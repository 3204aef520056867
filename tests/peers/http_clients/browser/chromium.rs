//! A headless Chromium, driven by a script in Node.

use std::process::Stdio;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::super::node_modules;
use crate::requirement::{CHROMIUM, is_installed};
use crate::support::{PATIENCE, folder};

/// A name that no machine has. The browser takes it for this machine, as after DNS rebinding.
pub(super) const FOREIGN_NAME: &str = "foreign.example";

/// What a script in a page returned, and what the browser says of it.
#[derive(Debug, Deserialize)]
pub(super) struct Evaluated {
    pub(super) value: Value,
    /// On the console.
    pub(super) messages: Vec<String>,
    /// The answers to preflights.
    pub(super) preflights: Vec<Preflight>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Preflight {
    /// Of the server.
    pub(super) origin: String,
    pub(super) status: u16,
}

impl Evaluated {
    /// The number of preflights that this server answered with this status.
    pub(super) fn preflights(&self, origin: &str, status: u16) -> usize {
        let answers = self.preflights.iter();
        answers.filter(|answer| answer.origin == origin && answer.status == status).count()
    }
}

/// A running browser, killed in the end.
pub(super) struct Chromium {
    child: Child,
    tasks: ChildStdin,
    results: Lines<BufReader<ChildStdout>>,
    /// The port of the server of pages.
    port: u64,
    _profile: TempDir,
}

impl Chromium {
    pub(super) async fn start() -> Self {
        let profile = folder();
        let program = CHROMIUM.iter().find(|program| is_installed(program)).unwrap();
        let mut child = Command::new("node")
            .args(["chromium.mjs", program])
            .arg(profile.path())
            .arg(format!("MAP {FOREIGN_NAME} 127.0.0.1"))
            .current_dir(node_modules::directory())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let tasks = child.stdin.take().unwrap();
        let results = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut chromium = Self { child, tasks, results, port: 0, _profile: profile };
        let ready = chromium.line().await;
        println!("{}", ready["product"]);
        chromium.port = ready["port"].as_u64().unwrap();
        chromium
    }

    /// The origin of the page under a name below localhost.
    pub(super) fn origin(&self, name: &str) -> String {
        format!("http://{name}.localhost:{}", self.port)
    }

    /// Opens a URL and evaluates an expression there.
    pub(super) async fn evaluate(&mut self, url: &str, expression: &str) -> Evaluated {
        let task = json!({ "url": url, "expression": expression });
        self.tasks.write_all(format!("{task}\n").as_bytes()).await.unwrap();
        let result = self.line().await;
        assert_eq!(result["failure"], Value::Null, "{url}: {result}");
        serde_json::from_value(result).unwrap()
    }

    async fn line(&mut self) -> Value {
        let line = timeout(2 * PATIENCE, self.results.next_line()).await.expect("the browser answers in time");
        serde_json::from_str(&line.unwrap().expect("the browser has ended")).unwrap()
    }

    pub(super) async fn finish(self) {
        let Self { mut child, tasks, results, .. } = self;
        drop(tasks);
        let ended = timeout(PATIENCE, child.wait()).await.expect("the browser ends in time").unwrap();
        drop(results);
        assert!(ended.success(), "{ended}");
    }
}
