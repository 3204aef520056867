//! `[policy]`: where the policy is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::document::Table;

/// Soon enough for an operator who waits for a change to take effect.
const DEFAULT_RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// `[policy]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySettings {
    /// The policy file.
    pub file: PathBuf,
    /// How often the file is looked at for changes.
    pub reload_interval: Duration,
}

pub(super) fn read(mut table: Table<'_>, folder: &Path) -> Option<PolicySettings> {
    let file = table.path_in(folder, "file").map(|file| file.value);
    if file.is_none() && !table.holds("file") {
        table.report("file", table.place(), "is required");
    }
    let reload_interval = table.duration("reload_interval").map_or(DEFAULT_RELOAD_INTERVAL, |interval| interval.value);
    if reload_interval.is_zero() {
        table.report("reload_interval", &table.place_of("reload_interval"), "must be at least 1s");
    }
    table.finish();
    Some(PolicySettings { file: file?, reload_interval })
}
