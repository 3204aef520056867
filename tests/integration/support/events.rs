//! Events of the log, identified by their level and the names of their fields: messages may be reworded.

use serde_json::Value;

/// One kind of event.
pub(crate) struct Event {
    level: &'static str,
    /// In the order of the alphabet.
    fields: &'static [&'static str],
    /// A field that some of these events have.
    optional: &'static str,
}

/// What every line has.
const COMMON: [&str; 4] = ["timestamp", "level", "message", "target"];

impl Event {
    const fn new(level: &'static str, fields: &'static [&'static str]) -> Self {
        Self { level, fields, optional: "" }
    }

    /// Whether a line is of this kind.
    pub(crate) fn is(&self, line: &Value) -> bool {
        let Some(line_fields) = line.as_object() else { return false };
        let mut names: Vec<&str> = line_fields.keys().map(String::as_str).collect();
        names.retain(|name| !COMMON.contains(name) && *name != self.optional);
        names.sort_unstable();
        line["level"] == self.level && names == self.fields
    }

    /// How many of these lines are of this kind.
    pub(crate) fn count(&self, lines: &[Value]) -> usize {
        lines.iter().filter(|line| self.is(line)).count()
    }
}

/// A gRPC listener takes connections.
pub(crate) const SERVING_GRPC: Event = Event::new("INFO", &["address", "http", "proof", "tls"]);

/// The admin port takes connections.
pub(crate) const SERVING_ADMIN: Event = Event::new("INFO", &["address"]);

/// A policy became active.
pub(crate) const POLICY_ACTIVE: Event =
    Event { level: "INFO", fields: &["file", "hash", "tiers"], optional: "written" };

/// The signing keys of an issuer were read.
pub(crate) const KEYS_REFRESHED: Event = Event::new("INFO", &["issuer", "keys"]);

/// The same, and some of them were left out.
pub(crate) const KEYS_REFRESHED_IN_PART: Event = Event::new("WARN", &["issuer", "keys", "skipped"]);

/// Traces are off, because the environment's settings for them are invalid.
pub(crate) const TRACES_OFF: Event = Event::new("WARN", &["cause"]);

/// Warnings of a policy or configuration that are not in the log.
pub(crate) const WARNINGS_LEFT_OUT: Event = Event::new("WARN", &["document", "left_out"]);

/// Connections could not be accepted.
pub(crate) const ACCEPT_FAILED: Event = Event::new("WARN", &["error"]);

/// The stop has begun.
pub(crate) const STOPPING: Event = Event::new("INFO", &["delay", "grace"]);

/// Lines were lost.
pub(crate) const LINES_LOST: Event = Event::new("WARN", &["queue_full", "write_failed"]);

/// A reload has changed the level of the log.
pub(crate) const LOG_LEVEL_CHANGED: Event = Event::new("INFO", &["from", "to"]);

/// A changed configuration takes effect with a restart.
pub(crate) const RESTART_NEEDED: Event = Event::new("WARN", &["sections"]);

/// A problem of a changed configuration.
pub(crate) const CONFIGURATION_INVALID: Event = Event::new("ERROR", &["cause", "of", "problem"]);

/// Records could not be written.
pub(crate) const RECORDS_FAILED: Event = Event::new("ERROR", &["cause", "error"]);

/// Records were not written within the time limit.
pub(crate) const RECORDS_LATE: Event = Event::new("ERROR", &["cause"]);

/// Records were not written before the stop.
pub(crate) const RECORDS_LEFT: Event = Event::new("ERROR", &["left"]);

/// A mesh header came from another address than the trusted hop's.
pub(crate) const HOP_NOT_TRUSTED: Event = Event::new("DEBUG", &["own_ip", "peer_ip"]);

/// The HTTP/2 library has refused a call.
pub(crate) const MALFORMED_HEADERS: Event = Event::new("WARN", &["cause", "peer"]);

/// Changed TLS files were refused.
pub(crate) const TLS_FILES_REFUSED: Event = Event::new("ERROR", &["error"]);
