//! Reads `members_of`: the groups of the members file that a rule means.

use std::sync::Arc;

use super::context::PolicyContext;
use super::lists::NOT_EMPTY;
use crate::decide::{MemberGroup, Members};
use access_broker_base::document::{Located, Table, nearest};

/// The most groups whose names are compared with one that does not exist.
const MAX_COMPARED: usize = 100;

pub(super) fn read(table: &mut Table<'_>, context: &PolicyContext<'_>) -> Option<Vec<Arc<MemberGroup>>> {
    let names = table
        .setting("members_of", "The caller is in one of these groups of the [members file](MEMBERS.md).")
        .list("names of groups")
        .limits("groups of `policy.members_file`")
        .optional()?;
    if names.is_empty() {
        table.report("members_of", &table.location_of("members_of"), NOT_EMPTY);
    }
    let Some(members) = context.members else {
        let rule = "requires policy.members_file in the configuration: the file with the members of the groups";
        table.report("members_of", &table.location_of("members_of"), rule);
        return Some(Vec::new());
    };
    let mut groups = Vec::with_capacity(names.len());
    for Located { value, location } in names {
        match members.group(&value) {
            Some(group) => groups.push(Arc::clone(group)),
            None => table.report("members_of", &location, undefined(&value, members)),
        }
    }
    Some(groups)
}

fn undefined(name: &str, members: &Members) -> String {
    let names = members.names();
    let known = if names.len() <= MAX_COMPARED { nearest(name, names) } else { None };
    let hint = known.map_or_else(String::new, |known| format!("; did you mean {known:?}?"));
    format!("refers to undefined group {name:?}{hint}")
}
