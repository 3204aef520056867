//! `[attribution]`: what S3's access log tells of callers.

use std::path::{Path, PathBuf};

use access_broker_base::document::Table;

/// `[attribution]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AttributionSettings {
    /// The file with the key that makes callers' pseudonyms. `None`: a random key for the life of the process.
    pub(crate) caller_key_file: Option<PathBuf>,
}

pub(super) fn read(mut table: Table<'_>, folder: &Path) -> AttributionSettings {
    let caller_key_file = table.path_in(folder, "caller_key_file").map(|path| path.value);
    table.finish();
    AttributionSettings { caller_key_file }
}
