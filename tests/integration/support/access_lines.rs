//! The access log of a process, a line per call.

use serde_json::Value;

use super::Process;

/// Reads the access lines of one process, in the order in which its calls ended. Whoever makes one call at a time has
/// the line of each.
#[derive(Debug, Default)]
pub(crate) struct AccessLines {
    /// The bytes of the log that were read.
    read: usize,
}

impl AccessLines {
    /// Waits for the line of the next call.
    pub(crate) fn next(&mut self, process: &mut Process) -> Value {
        process.wait_for("access line", |process| self.next_written(&process.stderr()))
    }

    /// The next line, if it is written already. Lines that are no access lines are passed over.
    pub(crate) fn next_written(&mut self, log: &str) -> Option<Value> {
        while let Some((line, _)) = log.get(self.read..)?.split_once('\n') {
            self.read += line.len() + 1;
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            if line["target"] == "access" {
                return Some(line);
            }
        }
        None
    }
}
