//! `[audit]`: where decisions are recorded, and what becomes of answers without a record.

use std::path::Path;
use std::time::Duration;

use crate::audit::{AuditFileSettings, KeyForm, OnFailure};
use access_broker_base::document::{Located, Table};

/// Large enough for some 150,000 records, small enough to be moved around.
const DEFAULT_ROTATE_SIZE: u64 = 100 * 1_024 * 1_024;

/// The smallest size: less would be a file for every few calls.
const MIN_ROTATE_SIZE: u64 = 64 * 1_024;

const MAX_ROTATE_SIZE: u64 = 1_024 * 1_024 * 1_024 * 1_024;

/// A gibibyte at the default size.
const DEFAULT_ROTATE_KEEP: u64 = 10;

/// The most files, because each rotation looks at all of them.
const MAX_ROTATE_KEEP: u64 = 10_000;

/// Longer than any healthy disk takes, shorter than callers wait.
const DEFAULT_FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest wait for a record.
const MAX_FLUSH_TIMEOUT: Duration = Duration::from_mins(1);

/// `[audit]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSettings {
    /// Where records go.
    pub output: AuditOutput,
    /// How they name objects.
    pub(crate) key: KeyForm,
    /// What becomes of answers whose decisions cannot be recorded.
    pub(crate) on_failure: OnFailure,
    /// How long an answer waits for its record, and the end of the process for the last one.
    pub flush_timeout: Duration,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditOutput {
    /// Nowhere.
    None,
    /// To standard output.
    Stdout,
    /// Appended to, and rotated by size where that is set.
    File(AuditFileSettings),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Stdout,
    File,
}

/// Reads the section. Left out, it records to standard output and denies without.
pub(super) fn read(mut table: Table<'_>, folder: &Path) -> AuditSettings {
    let kinds = [("none", Kind::None), ("stdout", Kind::Stdout), ("file", Kind::File)];
    let kind = table.one_of("output", &kinds).unwrap_or(Kind::Stdout);
    let file = read_file(&mut table, folder, kind);
    let key = table.one_of("key", &[("plain", KeyForm::Plain), ("sha256", KeyForm::Sha256)]);
    let on_failure = table.one_of("on_failure", &[("deny", OnFailure::Deny), ("allow", OnFailure::Allow)]);
    let flush_timeout = table.duration("flush_timeout");
    if let Some(Located { value, location }) = &flush_timeout
        && !(Duration::from_secs(1)..=MAX_FLUSH_TIMEOUT).contains(value)
    {
        table.report("flush_timeout", location, "must be between 1s and 1m");
    }
    table.finish();
    AuditSettings {
        output: match (kind, file) {
            (Kind::None, _) => AuditOutput::None,
            (Kind::File, Some(file)) => AuditOutput::File(file),
            // Without its file, `file` was reported.
            (Kind::Stdout | Kind::File, _) => AuditOutput::Stdout,
        },
        key: key.unwrap_or_default(),
        on_failure: on_failure.unwrap_or_default(),
        flush_timeout: flush_timeout.map_or(DEFAULT_FLUSH_TIMEOUT, |timeout| timeout.value),
    }
}

fn read_file(table: &mut Table<'_>, folder: &Path, kind: Kind) -> Option<AuditFileSettings> {
    let path = table.path_in(folder, "file");
    let rotate_size = table.byte_size("rotate_size");
    let rotate_keep = table.integer("rotate_keep");
    if kind != Kind::File {
        let locations = [
            ("file", path.map(|path| path.location)),
            ("rotate_size", rotate_size.map(|size| size.location)),
            ("rotate_keep", rotate_keep.map(|keep| keep.location)),
        ];
        for (key, location) in locations {
            if let Some(location) = location {
                table.report(key, &location, "is for output = \"file\" only");
            }
        }
        return None;
    }
    if path.is_none() && !table.holds("file") {
        table.report("file", &table.location_of("output"), "is required with output = \"file\"");
    }
    if let Some(Located { value, location }) = &rotate_size
        && !(MIN_ROTATE_SIZE..=MAX_ROTATE_SIZE).contains(value)
    {
        table.report("rotate_size", location, "must be between 64KiB and 1TiB");
    }
    if let Some(Located { value, location }) = &rotate_keep
        && !(1..=MAX_ROTATE_KEEP).contains(value)
    {
        table.report("rotate_keep", location, "must be between 1 and 10000");
    }
    let rotate_keep = rotate_keep.map_or(DEFAULT_ROTATE_KEEP, |keep| keep.value);
    Some(AuditFileSettings {
        path: path?.value,
        rotate_size: rotate_size.map_or(DEFAULT_ROTATE_SIZE, |size| size.value),
        rotate_keep: usize::try_from(rotate_keep).unwrap_or(usize::MAX),
    })
}
