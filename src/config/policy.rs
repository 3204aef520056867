//! `[policy]`: where the policy is, and when a changed file becomes active.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use minisign_verify::PublicKey;

use access_broker_base::document::{Table, Variables, is_variable_name, read_environment};
use access_broker_base::files::DEFAULT_SETTLE;

/// Short enough for an operator who waits for a change.
const DEFAULT_RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// The bounds of `settle`.
const SETTLE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(10);

/// `[policy]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicySettings {
    pub(crate) file: PathBuf,
    /// The groups that the policy can name in `members_of`.
    pub(crate) members_file: Option<PathBuf>,
    /// How often the file is checked for changes. Longer than zero.
    pub(crate) reload_interval: Duration,
    /// How long a file that was changed in place must stay unchanged before it is used: the policy, and every other
    /// file that is read again.
    pub(crate) settle: Duration,
    /// The key that every policy must be signed with.
    pub(crate) minisign_public_key: Option<PublicKey>,
    /// The variables that the policy can use.
    pub(crate) variables: Variables,
}

pub(super) fn read(mut table: Table<'_>, directory: &Path) -> Option<PolicySettings> {
    table.describe("Where the policy is, and when a changed file becomes active.", "");
    let file = table
        .setting("file", "The [policy](POLICY.md): what callers may do.")
        .path(directory)
        .limits("at most 16 MiB")
        .required();
    let members_file = table
        .setting(
            "members_file",
            "The [members file](MEMBERS.md): the groups for `members_of` in the policy. It is checked for changes with \
             the policy, and both become active together.",
        )
        .path(directory)
        .limits("at most 16 MiB and 1,000,000 members")
        .optional();
    let reload_interval = table
        .setting(
            "reload_interval",
            "How often the policy file is checked for changes. A changed and valid policy becomes active; otherwise \
             the last valid one stays active.",
        )
        .duration()
        .at_least(Duration::from_secs(1))
        .or(DEFAULT_RELOAD_INTERVAL);
    let settle = table
        .setting(
            "settle",
            "How long a file that was changed in place must stay unchanged before it is used: the policy, and every \
             other [file that is read again](#files-that-are-read-again).",
        )
        .duration()
        .within(SETTLE)
        .or(DEFAULT_SETTLE);
    let minisign_public_key = table
        .setting(
            "minisign_public_key",
            "The policy and the members file must be [signed](#signed-policies) with this key, also at start.",
        )
        .parsed("string", |text| {
            PublicKey::from_base64(text)
                .map_err(|_| "must be the second line of a minisign public key file: 56 characters of base64")
        })
        .limits("the second line of a minisign public key file: 56 characters of base64")
        .optional();
    let variables = read_variables(&mut table);
    table.finish();
    Some(PolicySettings {
        file: file?.value,
        members_file: members_file.map(|path| path.value),
        reload_interval,
        settle,
        minisign_public_key: minisign_public_key.map(|key| key.value),
        variables,
    })
}

fn read_variables(table: &mut Table<'_>) -> Variables {
    let variables = table
        .setting(
            "variables",
            "The environment variables that the policy can use as `${NAME}`. See [variables](#variables).",
        )
        .list("string")
        .limits("names of letters, digits and `_`; not a digit first")
        .each(|name| {
            if !is_variable_name(name) {
                return Err("must be names of variables: A-Z, a-z, 0-9 and _, without a digit first".to_owned());
            }
            Ok((name.to_owned(), read_environment(name)?))
        });
    let variables = variables.unwrap_or_default().into_iter().map(|variable| variable.value).collect();
    Variables::Listed { setting: "policy.variables", variables }
}
