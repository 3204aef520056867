//! Every log line of every test is kept and searched for secrets.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, OnceLock};

use access_broker::telemetry::{LogFormat, LogSettings, subscriber};
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// What no output may hold, whatever the test: the beginning of every JWT in this suite, and the parts of a presigned
/// URL that make it work.
const FORBIDDEN: [&str; 5] = ["eyJ", "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "Bearer "];

/// Keeps the logs of this process, down to TRACE, for [`assert_log_has_no_secrets`].
pub(crate) fn capture_logs() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let settings = LogSettings { format: LogFormat::Json, level: Level::TRACE };
        tracing::subscriber::set_global_default(subscriber(settings, CapturedLog)).unwrap();
    });
}

/// Fails if a text holds a token, a signature or a credential.
pub(crate) fn assert_no_secrets(source: &str, text: &str) {
    for line in text.lines() {
        for forbidden in FORBIDDEN {
            assert!(!line.contains(forbidden), "{source} shows {forbidden:?}: {line}");
        }
    }
}

/// Fails if anything logged so far by this process is secret. What was found good before is not read again.
pub(crate) fn assert_log_has_no_secrets() {
    static GOOD: Mutex<usize> = Mutex::new(0);
    let mut good = GOOD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let new = {
        let log = locked();
        let whole = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        String::from_utf8_lossy(&log[*good..whole.max(*good)]).into_owned()
    };
    assert_no_secrets("the log", &new);
    *good += new.len();
}

/// Everything logged so far by this process.
pub(crate) fn log() -> String {
    String::from_utf8_lossy(&locked()).into_owned()
}

/// The access line with this decision id. It is written after the client has its answer, so it is waited for.
pub(crate) async fn access_line(decision_id: &str) -> serde_json::Value {
    let is_wanted = |line: &serde_json::Value| line["target"] == "access" && line["decision_id"] == decision_id;
    // The log of all tests of a process has hundreds of megabytes: it is not copied, and only lines with the id are read.
    let find = || {
        let log = locked();
        let text = str::from_utf8(&log).unwrap();
        let mut line_of = text.match_indices(decision_id).map(|(place, _)| {
            let start = text[..place].rfind('\n').map_or(0, |end| end + 1);
            text[start..].lines().next().unwrap_or_default()
        });
        line_of.find_map(|line| serde_json::from_str(line).ok().filter(is_wanted))
    };
    super::eventually("an access line of the decision", super::PATIENCE, async || find()).await
}

fn locked() -> MutexGuard<'static, Vec<u8>> {
    LOG.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

struct CapturedLog;

impl Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        locked().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for CapturedLog {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
