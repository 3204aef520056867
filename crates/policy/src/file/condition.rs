//! Reads which callers a grant or denial means: the `to` table of a rule.

use std::collections::BTreeSet;

use super::context::PolicyContext;
use super::lists::{NO_EMPTY_VALUE, NOT_EMPTY, beginning, not_empty, parse_entries, values};
use super::members_of;
use super::rule::RuleKind;
use crate::decide::{ClaimPattern, Condition, Issuers};
use access_broker_base::document::{Located, Table};
use access_broker_identity::{ClaimPath, WorkloadId};

/// Every issuer, as a value of `issuers`.
pub(super) const ANY_ISSUER: &str = "any";

/// Reads a `to` table.
pub(super) fn read(mut table: Table<'_>, kind: RuleKind, context: &PolicyContext<'_>) -> Condition {
    if !table.is_present() {
        table.report_here("is required; { authenticated = true } means every authenticated caller");
        return Condition::default();
    }
    table.describe(
        "The callers that the rule applies to. Every condition must match; in a list, one value is enough.",
        "required",
    );
    let authenticated = table
        .setting("authenticated", "Matches every caller, because every call needs an accepted proof.")
        .flag()
        .limits("`true`")
        .optional();
    if let Some(Located { value: false, location }) = &authenticated {
        table.report("authenticated", location, "must be true or left out");
    }
    let condition = Condition {
        issuers: read_issuers(&mut table, context),
        groups: read_values(&mut table, "groups", "The caller is in one of these groups.", "names of groups"),
        scopes: read_values(&mut table, "scopes", "The token has one of these scopes.", "scopes"),
        members_of: members_of::read(&mut table, context),
        claims: read_claims(&mut table, kind),
        workloads: read_workloads(&mut table, context),
        trust_domains: read_trust_domains(&mut table, context),
    };
    // A claim that is not valid has been reported.
    if condition.is_empty() && authenticated.is_none() && !table.holds("claims") {
        table.report_here(
            "must have a condition: authenticated, issuers, groups, scopes, members_of, claims, workloads or \
             trust_domains",
        );
    }
    if condition.claims.iter().any(|(path, _)| path.is_top_level("sub")) && condition.issuers == Issuers::NotNamed {
        table.report_here("must have issuers together with claims.sub, because a subject is unique only in its issuer");
    }
    table.finish();
    condition
}

fn read_issuers(table: &mut Table<'_>, context: &PolicyContext<'_>) -> Issuers {
    let issuers = table
        .setting(
            "issuers",
            "The token is from one of these issuers. `\"any\"` means every issuer of the configuration, and those added \
             later.",
        )
        .list("issuers")
        .limits("issuers of the configuration, or `\"any\"` alone")
        .optional();
    let Some(issuers) = issuers else { return Issuers::NotNamed };
    if issuers.iter().any(|issuer| issuer.value == ANY_ISSUER) {
        if issuers.len() > 1 {
            table.report("issuers", &table.location_of("issuers"), "cannot combine \"any\" with an issuer");
        }
        return Issuers::Any;
    }
    for Located { value, location } in &issuers {
        if !context.issuers.contains(value.as_str()) {
            let rule =
                format!("refers to undefined issuer {value:?}; the configuration has {}", context.list_issuers());
            table.report("issuers", location, rule);
        }
    }
    Issuers::Named(not_empty(table, "issuers", issuers))
}

fn read_workloads(table: &mut Table<'_>, context: &PolicyContext<'_>) -> Option<Vec<String>> {
    let workloads = table
        .setting("workloads", "The caller is one of these workloads.")
        .list("SPIFFE IDs or Linkerd identities")
        .limits("whole identities, in trust domains of the configuration")
        .optional()?;
    for Located { value, location } in workloads.iter().filter(|workload| !workload.value.is_empty()) {
        match WorkloadId::parse(value) {
            None => {
                let rule = format!("has {value:?}, which is neither a SPIFFE ID nor a Linkerd identity");
                table.report("workloads", location, rule);
            }
            Some(id) if !context.trust_domains.contains(id.trust_domain()) => {
                table.report("workloads", location, not_accepted(id.trust_domain()));
            }
            Some(_) => {}
        }
    }
    Some(not_empty(table, "workloads", workloads))
}

fn read_trust_domains(table: &mut Table<'_>, context: &PolicyContext<'_>) -> Option<Vec<String>> {
    let domains = table
        .setting("trust_domains", "The caller is a workload of one of these trust domains.")
        .list("trust domains")
        .limits("trust domains of the configuration")
        .optional()?;
    for Located { value, location } in domains.iter().filter(|domain| !domain.value.is_empty()) {
        if !context.trust_domains.contains(value) {
            table.report("trust_domains", location, not_accepted(value));
        }
    }
    Some(not_empty(table, "trust_domains", domains))
}

/// A denial that no caller can match would look like a safeguard and have no effect.
fn not_accepted(trust_domain: &str) -> String {
    format!("has the trust domain {trust_domain:?}, which no listener and no issuer of the configuration accepts")
}

fn read_values(
    table: &mut Table<'_>,
    key: &'static str,
    meaning: &'static str,
    name: &'static str,
) -> Option<Vec<String>> {
    let values = table.setting(key, meaning).list(name).optional()?;
    Some(not_empty(table, key, values))
}

fn read_claims(table: &mut Table<'_>, kind: RuleKind) -> Vec<(ClaimPath, Vec<ClaimPattern>)> {
    let claims = table.table("claims");
    if !claims.is_present() {
        return Vec::new();
    }
    claims.describe(
        "For each claim in this table, the token's claim matches one of its values: a string, a boolean, an integer, or \
         a list of these. See [patterns](#patterns).",
        "none",
    );
    claims.describe_free_keys(
        "A string, a boolean, an integer, or a list of these: the token's claim matches one of them.",
    );
    // A set, because the keys of a table have no order and messages need one.
    let names: BTreeSet<&str> = claims.keys().collect();
    if names.is_empty() {
        claims.report_here("must have at least one claim");
    }
    let mut conditions: Vec<(ClaimPath, Vec<ClaimPattern>)> = Vec::with_capacity(names.len());
    for name in names {
        let Some(patterns) = claims.scalars_as_text(name) else { continue };
        let patterns = parse_entries(&claims, name, patterns, NOT_EMPTY, |text| read_pattern(text, kind));
        match ClaimPath::parse(name) {
            Ok(path) if conditions.iter().any(|(other, _)| *other == path) => {
                claims.report(
                    name,
                    &claims.location_of(name),
                    "repeats the claim of another key; use one list of values",
                );
            }
            Ok(path) => conditions.push((path, values(patterns))),
            Err(rule) => claims.report(name, &claims.location_of(name), rule),
        }
    }
    conditions
}

fn read_pattern(text: &str, kind: RuleKind) -> Result<ClaimPattern, String> {
    if text.is_empty() {
        return Err(NO_EMPTY_VALUE.to_owned());
    }
    let invalid = |error| format!("has an invalid pattern: \"{}\" {error}", beginning(text));
    let pattern = ClaimPattern::parse(text).map_err(invalid)?;
    if kind == RuleKind::Grant {
        return Ok(pattern);
    }
    pattern.in_denial().ok_or_else(|| {
        format!(
            "has an invalid pattern: \"{}\" must have no '*' in a denial, or only '**' at the end: a caller can avoid any \
             other pattern by a value with another number of segments",
            beginning(text)
        )
    })
}
