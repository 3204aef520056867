//! Grants and denials.

use std::fmt;
use std::sync::Arc;

use super::compile::PolicyContext;
use super::condition::Condition;
use crate::document::{Located, Place, Table};
use crate::identity::Caller;

/// What can be done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Read it and its headers.
    Download,
    /// Write it.
    Upload,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 2] = [Self::Download, Self::Upload];

    /// The name used in policy files and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A grant or a denial, apart from the tiers that hold it.
#[derive(Debug)]
pub(super) struct Rule {
    name: Arc<str>,
    operations: Vec<Operation>,
    to: Condition,
}

/// A rule with the tiers that it names.
#[derive(Debug)]
pub(super) struct RuleWithTiers {
    pub(super) rule: Arc<Rule>,
    /// `None`: every tier.
    pub(super) tiers: Option<Vec<Located<String>>>,
    pub(super) operations_place: Place,
}

impl Rule {
    /// The name for logs: given in the file, or the rule's kind and index.
    pub(super) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    pub(super) fn applies(&self, operation: Operation, caller: &Caller) -> bool {
        self.operations.contains(&operation) && self.to.holds(caller)
    }
}

/// Reads one `[[grant]]`. Both `tiers` and `operations` are required: nothing is granted by leaving something out.
pub(super) fn read_grant(mut table: Table<'_>, index: usize, context: &PolicyContext<'_>) -> RuleWithTiers {
    for (key, present) in [("tiers", table.strings("tiers")), ("operations", table.strings("operations"))] {
        if present.is_none_or(|values| values.is_empty()) {
            table.report(key, table.place(), "is required and must not be empty");
        }
    }
    read_rule(table, "grant", index, context)
}

/// Reads one `[[denial]]`. Without `tiers` it denies in all of them, without `operations` all of these.
pub(super) fn read_denial(table: Table<'_>, index: usize, context: &PolicyContext<'_>) -> RuleWithTiers {
    read_rule(table, "denial", index, context)
}

fn read_rule(mut table: Table<'_>, kind: &str, index: usize, context: &PolicyContext<'_>) -> RuleWithTiers {
    let name = table.string("name").map_or_else(|| format!("{kind}[{index}]"), |name| name.value);
    let tiers = table.strings("tiers");
    let (operations, operations_place) = read_operations(&mut table);
    let to = Condition::read(table.table("to"), context);
    table.finish();
    RuleWithTiers { rule: Arc::new(Rule { name: name.into(), operations, to }), tiers, operations_place }
}

fn read_operations(table: &mut Table<'_>) -> (Vec<Operation>, Place) {
    let Some(names) = table.strings("operations") else {
        return (Operation::ALL.to_vec(), table.place().clone());
    };
    let place = names.first().map_or_else(|| table.place().clone(), |name| name.place.clone());
    let mut operations = Vec::new();
    for Located { value, place } in names {
        match Operation::ALL.into_iter().find(|operation| operation.name() == value) {
            Some(operation) => operations.push(operation),
            None => {
                let rule = format!("holds {value:?}; there are \"download\" and \"upload\"");
                table.report("operations", &place, rule);
            }
        }
    }
    (operations, place)
}
