//! `[policy]`: where the policy is, and when a changed file takes effect.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use minisign_verify::PublicKey;

use access_broker_base::document::{Located, Table};
use access_broker_base::files::DEFAULT_SETTLE;

/// Soon enough for an operator who waits for a change to take effect.
const DEFAULT_RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// The bounds of `settle`.
const SETTLE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(10);

/// `[policy]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicySettings {
    pub(crate) file: PathBuf,
    /// How often the file is looked at for changes. Longer than zero.
    pub(crate) reload_interval: Duration,
    /// How long a file that was changed in place must be unchanged before it counts: the policy, and every other file
    /// that is read again. 1 second to 10 minutes.
    pub(crate) settle: Duration,
    /// The key that every policy must be signed with.
    pub(crate) minisign_public_key: Option<PublicKey>,
}

pub(super) fn read(mut table: Table<'_>, folder: &Path) -> Option<PolicySettings> {
    let file = table.path_in(folder, "file").map(|file| file.value);
    if file.is_none() && !table.holds("file") {
        table.report("file", table.location(), "is required");
    }
    let reload_interval = table.duration("reload_interval").map_or(DEFAULT_RELOAD_INTERVAL, |interval| interval.value);
    if reload_interval.is_zero() {
        table.report("reload_interval", &table.location_of("reload_interval"), "must be at least 1s");
    }
    let settle = table.duration("settle").map_or(DEFAULT_SETTLE, |settle| settle.value);
    if !SETTLE.contains(&settle) {
        table.report("settle", &table.location_of("settle"), "must be between 1s and 10m");
    }
    let minisign_public_key = table.string("minisign_public_key").and_then(|Located { value, location }| {
        let key = PublicKey::from_base64(&value).ok();
        if key.is_none() {
            let rule = "must be the second line of a minisign public key file: 56 characters of base64";
            table.report("minisign_public_key", &location, rule);
        }
        key
    });
    table.finish();
    Some(PolicySettings { file: file?, reload_interval, settle, minisign_public_key })
}
