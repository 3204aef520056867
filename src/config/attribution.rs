//! `[attribution]`: pseudonyms of callers in signed URLs and in the log.

use std::path::{Path, PathBuf};

use access_broker_base::document::Table;

/// `[attribution]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AttributionSettings {
    /// The file with the key that makes callers' pseudonyms. `None`: a random key for each process.
    pub(crate) caller_key_file: Option<PathBuf>,
}

pub(super) fn read(mut table: Table<'_>, directory: &Path) -> AttributionSettings {
    table.describe("How signed URLs, S3's access logs and the broker's log name callers.", "");
    let caller_key_file = table
        .setting(
            "caller_key_file",
            "The key that makes pseudonyms of callers. Brokers with the same key give a caller the same pseudonym. \
             Read once, at start.",
        )
        .path(directory)
        .limits("32 bytes to 4 KiB")
        .absent("a random key for each process")
        .optional();
    table.finish();
    AttributionSettings { caller_key_file: caller_key_file.map(|file| file.value) }
}
