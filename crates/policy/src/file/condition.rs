//! Reads whom a grant or denial means: the `to` table of a rule.

use std::collections::BTreeSet;

use super::context::PolicyContext;
use crate::decide::{Condition, Issuers};
use access_broker_base::document::{Located, Table};
use access_broker_identity::WorkloadId;

/// Stands for every issuer where a rule must name some.
pub(super) const ANY_ISSUER: &str = "any";

/// Reads a `to` table.
pub(super) fn read(mut table: Table<'_>, context: &PolicyContext<'_>) -> Condition {
    if !table.is_present() {
        table.report_here("is required; { authenticated = true } means every caller whose proof was accepted");
        return Condition::default();
    }
    let authenticated = table.boolean("authenticated");
    if let Some(Located { value: false, location }) = &authenticated {
        table.report("authenticated", location, "must be true where it is given");
    }
    let condition = Condition {
        issuers: read_issuers(&mut table, context),
        groups: read_values(&mut table, "groups"),
        scopes: read_values(&mut table, "scopes"),
        claims: read_claims(&mut table),
        workloads: read_workloads(&mut table, context),
        trust_domains: read_trust_domains(&mut table, context),
    };
    if condition.is_empty() && authenticated.is_none() {
        table.report_here(
            "must hold a condition: authenticated, issuers, groups, scopes, claims, workloads or trust_domains",
        );
    }
    if condition.claims.iter().any(|(name, _)| name == "sub") && condition.issuers == Issuers::NotNamed {
        table.report_here("must name issuers beside claims.sub, because a subject is unique only within its issuer");
    }
    table.finish();
    condition
}

fn read_issuers(table: &mut Table<'_>, context: &PolicyContext<'_>) -> Issuers {
    let Some(issuers) = table.strings("issuers") else { return Issuers::NotNamed };
    if issuers.iter().any(|issuer| issuer.value == ANY_ISSUER) {
        if issuers.len() > 1 {
            table.report("issuers", &table.location_of("issuers"), "must not hold \"any\" beside an issuer");
        }
        return Issuers::Any;
    }
    for Located { value, location } in &issuers {
        if !context.issuers.contains(value.as_str()) {
            let rule = format!(
                "names {value:?}, which is no [[issuer]] of the configuration; there are {}",
                context.list_issuers()
            );
            table.report("issuers", location, rule);
        }
    }
    Issuers::Named(non_empty(table, "issuers", issuers))
}

fn read_workloads(table: &mut Table<'_>, context: &PolicyContext<'_>) -> Option<Vec<String>> {
    let workloads = table.strings("workloads")?;
    for Located { value, location } in workloads.iter().filter(|workload| !workload.value.is_empty()) {
        match WorkloadId::parse(value) {
            None => table.report(
                "workloads",
                location,
                format!("holds {value:?}, which is no SPIFFE id and no Linkerd identity"),
            ),
            Some(id) if !context.trust_domains.contains(id.trust_domain()) => {
                table.report("workloads", location, unprovable(id.trust_domain()));
            }
            Some(_) => {}
        }
    }
    Some(non_empty(table, "workloads", workloads))
}

fn read_trust_domains(table: &mut Table<'_>, context: &PolicyContext<'_>) -> Option<Vec<String>> {
    let domains = table.strings("trust_domains")?;
    for Located { value, location } in domains.iter().filter(|domain| !domain.value.is_empty()) {
        if !context.trust_domains.contains(value) {
            table.report("trust_domains", location, unprovable(value));
        }
    }
    Some(non_empty(table, "trust_domains", domains))
}

/// A denial that no caller can match would look like protection and protect nothing.
fn unprovable(trust_domain: &str) -> String {
    format!("names the trust domain {trust_domain:?}, which no listener and no issuer of the configuration proves")
}

fn read_values(table: &mut Table<'_>, key: &'static str) -> Option<Vec<String>> {
    let values = table.strings(key)?;
    Some(non_empty(table, key, values))
}

fn read_claims(table: &mut Table<'_>) -> Vec<(String, Vec<String>)> {
    let claims = table.table("claims");
    if !claims.is_present() {
        return Vec::new();
    }
    // A set, because the keys of a table come in no particular order and messages should.
    let names: BTreeSet<&str> = claims.keys().collect();
    if names.is_empty() {
        claims.report_here("must name at least one claim");
    }
    names
        .into_iter()
        .filter_map(|name| {
            let values = claims.scalars_as_text(name)?;
            Some((name.to_owned(), non_empty(&claims, name, values)))
        })
        .collect()
}

/// The values, after a report of an empty list or an empty value: neither could ever hold.
fn non_empty(table: &Table<'_>, key: &str, values: Vec<Located<String>>) -> Vec<String> {
    if values.is_empty() {
        table.report(key, &table.location_of(key), "must not be an empty list");
    }
    for Located { location, .. } in values.iter().filter(|located| located.value.is_empty()) {
        table.report(key, location, "must not hold an empty value");
    }
    values.into_iter().map(|located| located.value).collect()
}
