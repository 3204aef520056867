//! Waiting, always with a deadline.

use std::fmt::Debug;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::time;

/// How long anything may take unless a test says otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

/// An answer to a question that is asked until it has one: `true`, `Some` or `Ok`.
pub(crate) trait Answer {
    type Value;

    /// The value, or what the last attempt found instead.
    fn into_value(self) -> Result<Self::Value, String>;
}

impl Answer for bool {
    type Value = ();

    fn into_value(self) -> Result<(), String> {
        self.then_some(()).into_value()
    }
}

impl<T> Answer for Option<T> {
    type Value = T;

    fn into_value(self) -> Result<T, String> {
        self.ok_or_else(String::new)
    }
}

impl<T, E: Debug> Answer for Result<T, E> {
    type Value = T;

    fn into_value(self) -> Result<T, String> {
        self.map_err(|error| format!(": {error:?}"))
    }
}

/// Asks until there is an answer, and panics if there is none within a time.
pub(crate) async fn eventually<A: Answer, F: Future<Output = A>>(
    what: &str,
    within: Duration,
    mut question: impl FnMut() -> F,
) -> A::Value {
    let mut last = String::new();
    let asking = async {
        loop {
            match question().await.into_value() {
                Ok(value) => return value,
                Err(problem) => last = problem,
            }
            time::sleep(PAUSE).await;
        }
    };
    let answer = time::timeout(within, asking).await;
    answer.unwrap_or_else(|_| panic!("not within {within:?}: {what}{last}"))
}

/// The same for a thread that may block.
pub(crate) fn eventually_blocking<A: Answer>(
    what: &str,
    within: Duration,
    mut question: impl FnMut() -> A,
) -> A::Value {
    let started = Instant::now();
    loop {
        match question().into_value() {
            Ok(value) => return value,
            Err(last) => assert!(started.elapsed() < within, "not within {within:?}: {what}{last}"),
        }
        thread::sleep(PAUSE);
    }
}

/// Runs a command to its end, which must come within a time, and gives what it printed. Fails if it cannot be started.
pub(crate) fn run_within(within: Duration, command: &mut Command) -> Output {
    try_run_within(within, command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// The same for a command that may not be installed.
pub(crate) fn try_run_within(within: Duration, command: &mut Command) -> std::io::Result<Output> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let outputs = [read_all(child.stdout.take().unwrap()), read_all(child.stderr.take().unwrap())];
    let status = end_within(within, &mut child, || format!("{command:?}"));
    // A process that the command left running may hold the pipes.
    let [stdout, stderr] =
        outputs.map(|output| output.recv_timeout(within).unwrap_or_else(|_| panic!("{command:?} left a process")));
    Ok(Output { status, stdout, stderr })
}

/// Runs a command to its end, and fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> String {
    let output = run_within(PATIENCE, command);
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The exit status of a child that must end within a time. A late one is killed.
pub(crate) fn end_within(within: Duration, child: &mut Child, what: impl Fn() -> String) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > within {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("does not end within {within:?}: {}", what());
        }
        thread::sleep(PAUSE);
    }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        // The receiver is gone if its test has failed.
        let _gone = sender.send(bytes);
    });
    receiver
}
