//! `[audit]`: where decisions are recorded, and what happens to answers without a record.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use crate::audit::{AuditFileSettings, KeyForm, OnFailure};
use access_broker_base::document::Table;

/// Large enough for some 150,000 records, small enough to copy.
const DEFAULT_ROTATE_SIZE: u64 = 100 * 1_024 * 1_024;

/// A smaller file would hold a few calls only.
const ROTATE_SIZES: RangeInclusive<u64> = 64 * 1_024..=1_024 * 1_024 * 1_024 * 1_024;

/// A gibibyte at the default size.
const DEFAULT_ROTATE_KEEP: usize = 10;

/// Each rotation lists all files.
const ROTATE_KEEPS: RangeInclusive<usize> = 1..=10_000;

/// Longer than any healthy disk takes, shorter than callers wait.
const DEFAULT_FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

const FLUSH_TIMEOUTS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(1);

/// `[audit]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSettings {
    /// Where records go.
    pub output: AuditOutput,
    /// How they name objects.
    pub(crate) key: KeyForm,
    /// What happens to answers whose decisions cannot be recorded.
    pub(crate) on_failure: OnFailure,
    /// How long an answer waits for its record, and how long the process waits for the last record when it stops.
    pub flush_timeout: Duration,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditOutput {
    /// Decisions are not recorded.
    None,
    /// To standard output.
    Stdout,
    /// A file that records are appended to, rotated by size.
    File(AuditFileSettings),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Stdout,
    File,
}

/// Reads the section. The default records to standard output and denies what cannot be recorded.
pub(super) fn read(mut table: Table<'_>, directory: &Path) -> AuditSettings {
    table.describe(
        "A [record of every decision](AUDIT.md), permitted or denied, as one line of JSON.",
        "records go to standard output, and no answer is given without its record",
    );
    let kind = table
        .setting("output", "Where records go. Logs go to standard error, so standard output has nothing but records.")
        .choice(&[("none", Kind::None), ("stdout", Kind::Stdout), ("file", Kind::File)])
        .or(Kind::Stdout);
    let file = read_file(&mut table, directory, kind);
    let key = table
        .setting("key", "How records name objects: by their keys, or by the SHA-256 of the keys.")
        .choice(&[("plain", KeyForm::Plain), ("sha256", KeyForm::Sha256)])
        .or(KeyForm::default());
    let on_failure = table
        .setting("on_failure", "What happens to an answer whose record [cannot be kept](#answers-without-a-record).")
        .choice(&[("deny", OnFailure::Deny), ("allow", OnFailure::Allow)])
        .or(OnFailure::default());
    let flush_timeout = table
        .setting(
            "flush_timeout",
            "How long an answer waits for its record, and how long the process waits for the last record when it \
             stops.",
        )
        .duration()
        .within(FLUSH_TIMEOUTS)
        .or(DEFAULT_FLUSH_TIMEOUT);
    table.finish();
    AuditSettings {
        output: match (kind, file) {
            (Kind::None, _) => AuditOutput::None,
            (Kind::File, Some(file)) => AuditOutput::File(file),
            // Without its file, `file` was reported.
            (Kind::Stdout | Kind::File, _) => AuditOutput::Stdout,
        },
        key,
        on_failure,
        flush_timeout,
    }
}

fn read_file(table: &mut Table<'_>, directory: &Path, kind: Kind) -> Option<AuditFileSettings> {
    let path = table
        .setting(
            "file",
            "The file for records, created with mode 0600. No other process may write to it, and the broker must be \
             able to create and rename files in its directory.",
        )
        .path(directory)
        .limits("a regular file; required with, and only with, `output = \"file\"`")
        .optional();
    let rotate_size = table
        .setting(
            "rotate_size",
            "The largest size of the file. Before a record would exceed it, the broker renames the file, with the \
             current time in its name.",
        )
        .size()
        .within(ROTATE_SIZES)
        .limits("only with `output = \"file\"`")
        .or(DEFAULT_ROTATE_SIZE);
    let rotate_keep = table
        .setting("rotate_keep", "How many renamed files are kept. The oldest are removed.")
        .count()
        .within(ROTATE_KEEPS)
        .limits("only with `output = \"file\"`")
        .or(DEFAULT_ROTATE_KEEP);
    if kind != Kind::File {
        for key in ["file", "rotate_size", "rotate_keep"] {
            if table.holds(key) {
                table.report(key, &table.location_of(key), "applies only when output = \"file\"");
            }
        }
        return None;
    }
    if !table.holds("file") {
        table.report("file", &table.location_of("output"), "is required with output = \"file\"");
    }
    Some(AuditFileSettings { path: path?.value, rotate_size, rotate_keep })
}
