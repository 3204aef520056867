//! Reads grants and denials.

use std::sync::Arc;

use super::context::PolicyContext;
use super::lists::{NO_EMPTY_VALUE, NOT_EMPTY, parse_entries, values};
use super::{condition, endpoints};
use crate::decide::{Condition, Operation, Rule};
use crate::object::EndpointName;
use access_broker_base::document::{Located, Location, Table};
use access_broker_base::invisible::is_invisible;
use access_broker_identity::ClaimPath;

#[derive(Debug)]
pub(super) struct RuleWithTiers {
    pub(super) rule: Arc<Rule>,
    /// `None`: every tier.
    pub(super) tiers: Option<Vec<Located<String>>>,
    pub(super) operations_location: Location,
    pub(super) endpoints: Vec<Located<EndpointName>>,
    /// The rule's dotted path in the file.
    pub(super) path: String,
    pub(super) location: Location,
}

/// The two kinds of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleKind {
    Grant,
    Denial,
}

/// Alone in `tiers`: every tier of the policy. Alone in `operations`: [`STAR_OPERATIONS`].
const STAR: &str = "*";

/// What `operations = "*"` means, for ever: an operation that is added later must be named, so that no written rule grants
/// it.
pub(super) const STAR_OPERATIONS: [Operation; 2] = [Operation::Download, Operation::Upload];

/// The settings in which grants and denials differ.
struct Scope {
    kind: RuleKind,
    tiers: Option<Vec<Located<String>>>,
    operations: Option<Vec<Located<String>>>,
    endpoints: Option<Vec<Located<EndpointName>>>,
}

const TIERS: &str =
    "The tiers that the rule applies to. `\"*\"` means every tier of the policy, and those added later.";
const TIERS_LIMITS: &str = "tiers of the policy, or `\"*\"` alone";
const OPERATIONS: &str = "The operations that the rule applies to. `\"*\"` means `download` and `upload`, for ever: operations \
                          that come later are always named.";
const OPERATIONS_LIMITS: &str = "`download`, `upload`, or `\"*\"` alone";

/// Reads one `[[grant]]`. Both `tiers` and `operations` are required: leaving something out grants nothing.
pub(super) fn read_grant(mut table: Table<'_>, index: usize, context: &PolicyContext<'_>) -> RuleWithTiers {
    table.describe("Permits operations in tiers to the callers that `to` describes.", "none: nothing is permitted");
    let name = read_name(&mut table, "`grant[0]`, `grant[1]` …");
    let scope = Scope {
        kind: RuleKind::Grant,
        tiers: table.setting("tiers", TIERS).list("names of tiers").limits(TIERS_LIMITS).required(),
        operations: table.setting("operations", OPERATIONS).list("operations").limits(OPERATIONS_LIMITS).required(),
        endpoints: endpoints::read(
            &mut table,
            "The bucket's endpoints that the URLs of these callers use. The first is used if the request has none.",
            "those of the tier",
        ),
    };
    let rule = read_rule(&mut table, name.unwrap_or_else(|| format!("grant[{index}]")), scope, context);
    report_names_of_several_issuers(&table, &rule.rule.to, &rule.rule.required_claims, context);
    table.finish();
    rule
}

/// Reads one `[[denial]]`. Without `tiers` it applies to all tiers, without `operations` to all operations.
pub(super) fn read_denial(mut table: Table<'_>, index: usize, context: &PolicyContext<'_>) -> RuleWithTiers {
    table.describe("Denies operations to the callers that `to` describes. A denial wins over every grant.", "none");
    let name = read_name(&mut table, "`denial[0]`, `denial[1]` …");
    let scope = Scope {
        kind: RuleKind::Denial,
        tiers: table
            .setting("tiers", TIERS)
            .list("names of tiers")
            .limits(TIERS_LIMITS)
            .absent("every tier")
            .optional(),
        operations: table
            .setting("operations", OPERATIONS)
            .list("operations")
            .limits(OPERATIONS_LIMITS)
            .absent("`download` and `upload`")
            .optional(),
        endpoints: None,
    };
    let rule = read_rule(&mut table, name.unwrap_or_else(|| format!("denial[{index}]")), scope, context);
    table.finish();
    rule
}

fn read_name(table: &mut Table<'_>, absent: &'static str) -> Option<String> {
    let parse = |text: &str| {
        if text.contains(is_invisible) {
            return Err("must not have control characters or other invisible characters");
        }
        Ok(text.to_owned())
    };
    let meaning = "The name of the rule in the log. Without it the name changes with the order of the file.";
    table.setting("name", meaning).parsed("string", parse).absent(absent).optional().map(|name| name.value)
}

fn read_rule(table: &mut Table<'_>, name: String, scope: Scope, context: &PolicyContext<'_>) -> RuleWithTiers {
    let Scope { kind, tiers, operations, endpoints } = scope;
    // An empty list reaches nothing: such a denial would look like a safeguard and have no effect.
    if tiers.as_ref().is_some_and(Vec::is_empty) {
        table.report("tiers", &table.location_of("tiers"), NOT_EMPTY);
    }
    let first = operations.as_ref().and_then(|operations| operations.first());
    let operations_location = first.map_or_else(|| table.location().clone(), |operation| operation.location.clone());
    let operations = match operations {
        None => Operation::ALL.to_vec(),
        Some(names) if takes_star(table, "operations", "an operation", &names) => STAR_OPERATIONS.to_vec(),
        Some(names) => values(parse_entries(table, "operations", names, NOT_EMPTY, parse_operation)),
    };
    let tiers = tiers.filter(|names| !takes_star(table, "tiers", "the name of a tier", names));
    let required_claims = table
        .setting(
            "required_claims",
            "Claims, or paths to claims, that the caller's token must have, with any value. See \
             [missing claims](#claims-that-are-missing-or-elsewhere).",
        )
        .list("names of claims")
        .optional();
    let parse = |claims| values(parse_entries(table, "required_claims", claims, NOT_EMPTY, parse_claim));
    let required_claims = required_claims.map(parse).unwrap_or_default();
    let to = condition::read(table.table("to"), kind, context);
    let rule =
        Rule { name: name.into(), operations, to, required_claims, endpoints: endpoints::names(endpoints.as_ref()) };
    RuleWithTiers {
        rule: Arc::new(rule),
        tiers,
        operations_location,
        endpoints: endpoints.unwrap_or_default(),
        path: table.path().to_owned(),
        location: table.location().clone(),
    }
}

/// Whether a list has `*`. It is reported if there is more in the list.
fn takes_star(table: &Table<'_>, key: &str, other: &str, names: &[Located<String>]) -> bool {
    let Some(star) = names.iter().find(|name| is_star(&name.value)) else { return false };
    if names.len() > 1 {
        table.report(key, &star.location, format!("cannot combine {STAR:?} with {other}"));
    }
    true
}

/// Whether a value of `tiers` or `operations` is `*`.
pub(super) fn is_star(value: &str) -> bool {
    value == STAR
}

fn parse_operation(name: &str) -> Result<Operation, String> {
    let found = Operation::ALL.into_iter().find(|operation| operation.name() == name);
    found.ok_or_else(|| format!("has the unknown operation {name:?}; the operations are download and upload"))
}

fn parse_claim(text: &str) -> Result<ClaimPath, String> {
    if text.is_empty() {
        return Err(NO_EMPTY_VALUE.to_owned());
    }
    ClaimPath::parse(text).map_err(|error| format!("has the claim {text:?}, which {error}"))
}

/// Two issuers can give the same name to different people. A denial for too many callers does no harm.
fn report_names_of_several_issuers(
    table: &Table<'_>,
    to: &Condition,
    required_claims: &[ClaimPath],
    context: &PolicyContext<'_>,
) {
    let mut names = to.names_within_an_issuer();
    names.extend((!required_claims.is_empty()).then(|| "required_claims".to_owned()));
    if context.issuers.len() < 2 || names.is_empty() || to.names_issuers() {
        return;
    }
    let rule = format!(
        "must have issuers together with {}, because several issuers are configured and each can give these names to \
         other callers: list the intended issuers of [{}], or set issuers = \"any\" to accept these names from every \
         issuer",
        names.join(", "),
        context.list_issuers(),
    );
    table.report("to", &table.location_of("to"), rule);
}
