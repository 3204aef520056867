//! Reads grants and denials.

use std::sync::Arc;

use super::context::PolicyContext;
use super::{condition, endpoints};
use crate::decide::{Condition, Operation, Rule};
use crate::object::EndpointName;
use access_broker_base::document::{Located, Location, Table};
use access_broker_base::invisible::is_invisible;

#[derive(Debug)]
pub(super) struct RuleWithTiers {
    pub(super) rule: Arc<Rule>,
    /// `None`: every tier.
    pub(super) tiers: Option<Vec<Located<String>>>,
    pub(super) operations_place: Location,
    pub(super) endpoints: Vec<Located<EndpointName>>,
    /// The rule's dotted path in the file, and where it begins.
    pub(super) path: String,
    pub(super) location: Location,
}

/// An empty list reaches nothing, and a denial that reaches nothing looks like a safeguard and is none.
const EMPTY_LIST: &str = "must not be an empty list";

/// Reads one `[[grant]]`. Both `tiers` and `operations` are required: nothing is granted by leaving something out.
pub(super) fn read_grant(mut table: Table<'_>, index: usize, context: &PolicyContext<'_>) -> RuleWithTiers {
    for key in ["tiers", "operations"] {
        if !table.holds(key) {
            table.report(key, &table.location_of(key), "is required");
        }
    }
    let endpoints = endpoints::read(&mut table);
    read_rule(table, Kind::Grant, index, endpoints, context)
}

/// Reads one `[[denial]]`. Without `tiers` it denies in all of them, without `operations` all of these.
pub(super) fn read_denial(table: Table<'_>, index: usize, context: &PolicyContext<'_>) -> RuleWithTiers {
    read_rule(table, Kind::Denial, index, None, context)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Grant,
    Denial,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Denial => "denial",
        }
    }
}

fn read_rule(
    mut table: Table<'_>,
    kind: Kind,
    index: usize,
    endpoints: Option<Vec<Located<EndpointName>>>,
    context: &PolicyContext<'_>,
) -> RuleWithTiers {
    let name = table.string("name");
    if let Some(Located { location, .. }) = name.as_ref().filter(|name| name.value.contains(is_invisible)) {
        table.report("name", location, "must not hold control characters or others that cannot be seen");
    }
    let name = name.map_or_else(|| format!("{}[{index}]", kind.name()), |name| name.value);
    let tiers = table.strings("tiers");
    if tiers.as_ref().is_some_and(Vec::is_empty) {
        table.report("tiers", &table.location_of("tiers"), EMPTY_LIST);
    }
    let (operations, operations_place) = read_operations(&mut table);
    let required_claims = read_required_claims(&mut table);
    let to = condition::read(table.table("to"), context);
    if kind == Kind::Grant {
        report_names_of_several_issuers(&table, &to, &required_claims, context);
    }
    let (path, location) = (table.path().to_owned(), table.location().clone());
    table.finish();
    let names = endpoints.as_ref().map(|names| names.iter().map(|name| name.value.clone()).collect());
    let rule = Arc::new(Rule { name: name.into(), operations, to, required_claims, endpoints: names });
    RuleWithTiers { rule, tiers, operations_place, endpoints: endpoints.unwrap_or_default(), path, location }
}

fn read_required_claims(table: &mut Table<'_>) -> Vec<String> {
    let Some(names) = table.strings("required_claims") else { return Vec::new() };
    if names.is_empty() {
        table.report("required_claims", &table.location_of("required_claims"), EMPTY_LIST);
    }
    for Located { location, .. } in names.iter().filter(|name| name.value.is_empty()) {
        table.report("required_claims", location, "must not hold an empty name");
    }
    names.into_iter().map(|name| name.value).collect()
}

/// Two issuers may give the same name to different people. A denial for too many does no harm.
fn report_names_of_several_issuers(
    table: &Table<'_>,
    to: &Condition,
    required_claims: &[String],
    context: &PolicyContext<'_>,
) {
    let mut names = to.names_within_an_issuer();
    names.extend((!required_claims.is_empty()).then(|| "required_claims".to_owned()));
    if context.issuers.len() < 2 || names.is_empty() || to.names_issuers() {
        return;
    }
    let rule = format!(
        "must name issuers beside {}, because several issuers are configured and each may give these names to other \
         callers: write issuers with those that are meant of [{}], or issuers = \"any\" to accept these names from every \
         issuer",
        names.join(", "),
        context.list_issuers(),
    );
    table.report("to", &table.location_of("to"), rule);
}

fn read_operations(table: &mut Table<'_>) -> (Vec<Operation>, Location) {
    let Some(names) = table.strings("operations") else {
        return (Operation::ALL.to_vec(), table.location().clone());
    };
    if names.is_empty() {
        table.report("operations", &table.location_of("operations"), EMPTY_LIST);
    }
    let location = names.first().map_or_else(|| table.location().clone(), |name| name.location.clone());
    let mut operations = Vec::new();
    for Located { value, location } in names {
        match Operation::ALL.into_iter().find(|operation| operation.name() == value) {
            Some(operation) => operations.push(operation),
            None => {
                let rule = format!("holds {value:?}; there are \"download\" and \"upload\"");
                table.report("operations", &location, rule);
            }
        }
    }
    (operations, location)
}
