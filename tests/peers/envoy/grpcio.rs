//! grpcio, as a process: a client library that is not ours.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time;

/// How long it may take to say something.
const PATIENCE: Duration = Duration::from_mins(3);

/// A running `channels.py`, killed in the end.
pub(crate) struct Grpcio {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Grpcio {
    /// Starts one that does what the task says.
    pub(crate) async fn start(task: Value) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", include_str!("channels.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(format!("{task}\n").as_bytes()).await.unwrap();
        stdin.flush().await.unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin: Some(stdin), stdout }
    }

    /// Starts one that makes trouble, and returns once it has begun.
    pub(crate) async fn start_attack(task: Value) -> Self {
        let mut attack = Self::start(task).await;
        assert_eq!(attack.says().await, json!({ "begun": true }));
        attack
    }

    /// The next thing that it says.
    pub(crate) async fn says(&mut self) -> Value {
        let mut line = String::new();
        let read = time::timeout(PATIENCE, self.stdout.read_line(&mut line)).await;
        read.expect("grpcio says something in time").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Ends one that has said what it had to say, and gives its exit code.
    pub(crate) async fn end_of_task(mut self) -> i32 {
        drop(self.stdin.take());
        let ended = time::timeout(PATIENCE, self.child.wait()).await.expect("grpcio ends in time").unwrap();
        ended.code().expect("grpcio ends by itself")
    }

    /// Ends an attack, and gives the counts of its calls by code.
    pub(crate) async fn end(mut self) -> Value {
        drop(self.stdin.take());
        let codes = self.says().await;
        assert!(time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().success());
        codes["codes"].clone()
    }
}
