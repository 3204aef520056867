//! Runs the program of a `credential_process`
//! ([AWS: process credential provider](https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html)).

use std::fmt;
use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Deserializer};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::failure::printable;

/// The time limit of a program. It leaves time to read the profile files first.
pub(super) const PROCESS_TIMEOUT: Duration = Duration::from_secs(8);
/// The largest output of a program, in bytes.
const MAX_ANSWER: usize = 64 * 1_024;
/// How long standard error is read after the program has ended: a child process may keep it open.
const STDERR_GRACE: Duration = Duration::from_millis(200);
/// The longest part of a program's standard error in an error, in bytes.
const MAX_STDERR: usize = 300;

/// The output of a program.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ProgramOutput {
    version: Option<u64>,
    #[serde(default, deserialize_with = "secret")]
    access_key_id: Option<Zeroizing<String>>,
    #[serde(default, deserialize_with = "secret")]
    secret_access_key: Option<Zeroizing<String>>,
    #[serde(default, deserialize_with = "secret")]
    session_token: Option<Zeroizing<String>>,
    expiration: Option<String>,
}

/// Why a program gave no credentials. The text has no part of its output.
#[derive(Debug, Error)]
pub(super) enum ProcessError {
    #[error("starting the shell failed: {0}")]
    Start(#[source] io::Error),
    #[error("reading the program's output failed: {0}")]
    Read(#[source] io::Error),
    #[error("the program timed out after {} seconds and was killed", .0.as_secs())]
    TimedOut(Duration),
    #[error("the program failed ({status}); standard error: {stderr_text}")]
    Failed { status: ExitStatus, stderr_text: String },
    #[error("the program's output is larger than 64 KiB")]
    TooLong,
    #[error("the program's output is invalid: not the JSON that AWS defines (line {line}, column {column})")]
    Malformed { line: usize, column: usize },
    #[error("the program's output lacks {0}")]
    Lacks(&'static str),
    #[error("the program's output must have Version 1")]
    Version,
    #[error("the program's output has an invalid Expiration: it must be a time such as 2026-01-31T12:00:00Z")]
    Expiration,
    #[error("the program's output has {0} that is invalid: it must be visible ASCII")]
    NotVisible(&'static str),
}

/// Runs a command line by the shell, and reads its standard output.
///
/// The program has a separate process group, which is killed when it times out or when the future is dropped.
pub(super) async fn run(command: &str, limit: Duration) -> Result<ProgramOutput, ProcessError> {
    timeout(limit, run_to_end(command)).await.unwrap_or(Err(ProcessError::TimedOut(limit)))
}

async fn run_to_end(command: &str) -> Result<ProgramOutput, ProcessError> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(ProcessError::Start)?;
    let mut group = Group(child.id());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let stderr_text = Mutex::new(Vec::new());
    let mut reading_stderr = pin!(read_all_keep_first(stderr, &stderr_text));
    let ending = async {
        let answer = read_up_to(stdout, MAX_ANSWER).await?;
        if answer.len() > MAX_ANSWER {
            return Err(ProcessError::TooLong);
        }
        let status = child.wait().await.map_err(ProcessError::Read)?;
        Ok((answer, status))
    };
    let mut ending = pin!(ending);
    let (answer, status) = tokio::select! {
        ended = &mut ending => {
            // A child process may keep its standard error open for long.
            let _all_or_what_came = timeout(STDERR_GRACE, reading_stderr).await;
            ended?
        }
        () = &mut reading_stderr => ending.await?,
    };
    group.0 = None;
    if status.success() {
        ProgramOutput::parse(&answer)
    } else {
        let stderr_text = stderr_text.lock().unwrap_or_else(PoisonError::into_inner);
        let stderr_text = printable(&String::from_utf8_lossy(&stderr_text), MAX_STDERR);
        let stderr_text = if stderr_text.is_empty() { "empty".to_owned() } else { stderr_text };
        Err(ProcessError::Failed { status, stderr_text })
    }
}

/// Up to one byte more than `limit`.
async fn read_up_to(from: Option<impl AsyncRead + Unpin>, limit: usize) -> Result<Zeroizing<Vec<u8>>, ProcessError> {
    // Allocated in full: a buffer that grows leaves copies of the secret in memory.
    let mut answer = Zeroizing::new(Vec::with_capacity(limit + 1));
    if let Some(from) = from {
        let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        from.take(bound).read_to_end(&mut answer).await.map_err(ProcessError::Read)?;
    }
    Ok(answer)
}

/// Reads to the end, so that the program does not block, and keeps the beginning.
async fn read_all_keep_first(from: Option<impl AsyncRead + Unpin>, kept: &Mutex<Vec<u8>>) {
    let mut part = [0; 1_024];
    let Some(mut from) = from else { return };
    // A read error ends the text.
    while let Ok(length @ 1..) = from.read(&mut part).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = (4 * MAX_STDERR).saturating_sub(kept.len());
        kept.extend(part.iter().take(length.min(room)));
    }
}

/// A process group, killed on drop unless its id was removed.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let id = self.0.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            // Its processes may have ended.
            let _already_ended = kill_process_group(id, Signal::KILL);
        }
    }
}

impl ProgramOutput {
    fn parse(answer: &[u8]) -> Result<Self, ProcessError> {
        // The parser's error text can quote a secret.
        let malformed =
            |error: serde_json::Error| ProcessError::Malformed { line: error.line(), column: error.column() };
        #[expect(clippy::disallowed_methods, reason = "into known members, whose names have no other meaning")]
        let mut given: Self = serde_json::from_slice(answer).map_err(malformed)?;
        given.session_token = given.session_token.filter(|token| !token.is_empty());
        match given.version {
            Some(1) => {}
            Some(_) => return Err(ProcessError::Version),
            None => return Err(ProcessError::Lacks("Version")),
        }
        visible("an AccessKeyId", given.access_key_id.as_deref().ok_or(ProcessError::Lacks("AccessKeyId"))?)?;
        visible(
            "a SecretAccessKey",
            given.secret_access_key.as_deref().ok_or(ProcessError::Lacks("SecretAccessKey"))?,
        )?;
        visible("a SessionToken", given.session_token.as_deref().map_or("none", String::as_str))?;
        given.expiry()?;
        Ok(given)
    }

    fn expiry(&self) -> Result<Option<SystemTime>, ProcessError> {
        let parse = |text| OffsetDateTime::parse(text, &Rfc3339).map_err(|_| ProcessError::Expiration);
        Ok(self.expiration.as_deref().map(parse).transpose()?.map(SystemTime::from))
    }

    /// The credentials as a profile of a credentials file.
    pub(super) fn as_profile(&self, name: &str) -> String {
        let line = |key: &str, value: &Option<Zeroizing<String>>| {
            value.as_ref().map(|value| format!("{key} = {}\n", value.as_str())).unwrap_or_default()
        };
        let [id, secret, token] = [
            line("aws_access_key_id", &self.access_key_id),
            line("aws_secret_access_key", &self.secret_access_key),
            line("aws_session_token", &self.session_token),
        ];
        format!("[{name}]\n{id}{secret}{token}")
    }
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Zeroizing<String>>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Zeroizing::new))
}

fn visible(what: &'static str, value: &str) -> Result<(), ProcessError> {
    let is_visible = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible { Ok(()) } else { Err(ProcessError::NotVisible(what)) }
}

impl From<ProgramOutput> for Credentials {
    fn from(given: ProgramOutput) -> Self {
        let text = |value: &Option<Zeroizing<String>>| value.as_ref().map(|value| value.to_string());
        let expiry = given.expiry().ok().flatten();
        let (id, secret) = (text(&given.access_key_id), text(&given.secret_access_key));
        let token = text(&given.session_token);
        Self::new(id.unwrap_or_default(), secret.unwrap_or_default(), token, expiry, "CredentialProcess")
    }
}

impl fmt::Debug for ProgramOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgramOutput").field("expiration", &self.expiration).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn credentials_with_their_end_are_taken() {
        let command = r#"echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t","More":[1],
                         "Expiration":"2030-01-01T02:00:00+02:00"}'; echo noise >&2"#;
        let given = Credentials::from(run(command, PATIENCE).await.unwrap());
        assert_eq!((given.access_key_id(), given.secret_access_key(), given.session_token()), ("A", "s", Some("t")));
        assert_eq!(given.expiry(), Some(humantime::parse_rfc3339("2030-01-01T00:00:00Z").unwrap()));
    }

    #[tokio::test]
    async fn keys_without_an_end_are_taken_and_can_be_a_profile() {
        let command = r#"echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":null}'"#;
        let given = run(command, PATIENCE).await.unwrap();
        assert_eq!(given.as_profile("work"), "[work]\naws_access_key_id = A\naws_secret_access_key = s\n");
        assert_eq!(Credentials::from(given).expiry(), None);
    }

    #[tokio::test]
    async fn child_that_holds_only_standard_error_does_not_hold_up_the_answer() {
        let command =
            r#"sleep 60 >/dev/null & echo $! >&2; echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s"}'"#;
        assert!(run(command, PATIENCE).await.is_ok());
        let failed = run("sleep 60 >/dev/null & echo 'log in first' >&2; exit 3", PATIENCE).await.unwrap_err();
        assert!(failed.to_string().ends_with("standard error: log in first"), "{failed}");
    }

    #[tokio::test]
    async fn empty_session_token_is_none() {
        let command = r#"echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":""}'"#;
        assert_eq!(Credentials::from(run(command, PATIENCE).await.unwrap()).session_token(), None);
    }

    #[tokio::test]
    async fn errors_name_the_problem_and_never_the_answer() {
        for (command, expected) in [
            ("echo hunter2", "not the JSON that AWS defines (line 1, column 1)"),
            (r#"echo '{"Version":"hunter2"}'"#, "not the JSON that AWS defines"),
            (r#"echo '{"AccessKeyId":"hunter2"}'"#, "lacks Version"),
            (r#"echo '{"Version":2,"AccessKeyId":"hunter2"}'"#, "must have Version 1"),
            (r#"echo '{"Version":1,"SecretAccessKey":"hunter2"}'"#, "lacks AccessKeyId"),
            (r#"echo '{"Version":1,"AccessKeyId":"hunter2"}'"#, "lacks SecretAccessKey"),
            (
                r#"echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"hunter2 x"}'"#,
                "a SecretAccessKey that is invalid: it must be visible ASCII",
            ),
            (
                r#"echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"hunter2","Expiration":"hunter2"}'"#,
                "it must be a time such as",
            ),
            ("head -c 70000 /dev/zero", "larger than 64 KiB"),
            ("echo hunter2; echo 'log in first' >&2; exit 3", "exit status: 3); standard error: log in first"),
            ("exit 4", "standard error: empty"),
        ] {
            let error = run(command, PATIENCE).await.unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{command}: {error}");
        }
    }

    #[tokio::test]
    async fn long_complaint_is_cut_and_does_not_hold_the_program_up() {
        let error = run("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1", PATIENCE).await.unwrap_err().to_string();
        assert!(error.len() < 500 && error.ends_with("... (cut)"), "{error}");
    }

    #[tokio::test]
    async fn program_that_hangs_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pids");
        let command = format!("sleep 600 & echo $! >> {0}; echo $$ >> {0}; wait", file.display());
        let error = run(&command, Duration::from_secs(2)).await.unwrap_err();
        assert!(matches!(error, ProcessError::TimedOut(_)), "{error}");
        let pids = std::fs::read_to_string(&file).unwrap();
        assert_eq!(pids.lines().count(), 2);
        for pid in pids.lines() {
            let runs = || {
                let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                !status.is_empty() && !status.contains(") Z ")
            };
            for _ in 0..3_000 {
                if !runs() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert!(!runs(), "{pid} still runs");
        }
    }
}
