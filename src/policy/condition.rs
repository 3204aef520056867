//! Whom a grant or denial means: the `to` table of a rule.

use std::collections::BTreeSet;

use serde_json::Value;

use super::compile::PolicyContext;
use crate::document::{Located, Table};
use crate::identity::{Caller, ClaimValue, TokenIdentity, WorkloadId};

/// Conditions on a caller, all of which must hold; each holds if any of its values does.
#[derive(Debug, Default)]
pub(super) struct Condition {
    issuers: Option<Vec<String>>,
    groups: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    claims: Vec<(String, Vec<String>)>,
    workloads: Option<Vec<String>>,
    trust_domains: Option<Vec<String>>,
}

impl Condition {
    /// Reads a `to` table.
    pub(super) fn read(mut table: Table<'_>, context: &PolicyContext<'_>) -> Self {
        if !table.is_present() {
            table.report_here("is required; { authenticated = true } means every caller whose proof was accepted");
            return Self::default();
        }
        let authenticated = table.boolean("authenticated");
        if let Some(Located { value: false, place }) = &authenticated {
            table.report("authenticated", place, "must be true where it is given");
        }
        let condition = Self {
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
        if condition.claims.iter().any(|(name, _)| name == "sub") && condition.issuers.is_none() {
            table
                .report_here("must name issuers beside claims.sub, because a subject is unique only within its issuer");
        }
        table.finish();
        condition
    }

    /// Whether the caller is meant.
    pub(super) fn holds(&self, caller: &Caller) -> bool {
        self.holds_for_workload(caller.workload()) && self.holds_for_token(caller.token().map(AsRef::as_ref))
    }

    fn holds_for_workload(&self, workload: Option<&WorkloadId>) -> bool {
        let Some(workload) = workload else { return self.workloads.is_none() && self.trust_domains.is_none() };
        let workload_fits = self.workloads.as_ref().is_none_or(|any| any.iter().any(|id| id == workload.as_str()));
        let is_domain = |name: &String| name == workload.trust_domain();
        workload_fits && self.trust_domains.as_ref().is_none_or(|any| any.iter().any(is_domain))
    }

    fn holds_for_token(&self, token: Option<&TokenIdentity>) -> bool {
        let Some(token) = token else { return !self.asks_for_a_token() };
        let issuer_fits = self.issuers.as_ref().is_none_or(|any| any.iter().any(|issuer| **issuer == *token.issuer));
        let has_one_of =
            |held: &[Box<str>], any: &[String]| any.iter().any(|wanted| held.iter().any(|one| **one == **wanted));
        let groups_fit = self.groups.as_ref().is_none_or(|any| has_one_of(&token.groups, any));
        let scopes_fit = self.scopes.as_ref().is_none_or(|any| has_one_of(&token.scopes, any));
        issuer_fits && groups_fit && scopes_fit && self.claims.iter().all(|(name, any)| claim_fits(token, name, any))
    }

    /// Whether callers of named issuers only are meant.
    pub(super) const fn names_issuers(&self) -> bool {
        self.issuers.is_some()
    }

    fn asks_for_a_token(&self) -> bool {
        self.issuers.is_some() || self.groups.is_some() || self.scopes.is_some() || !self.claims.is_empty()
    }

    fn is_empty(&self) -> bool {
        !self.asks_for_a_token() && self.workloads.is_none() && self.trust_domains.is_none()
    }
}

fn read_issuers(table: &mut Table<'_>, context: &PolicyContext<'_>) -> Option<Vec<String>> {
    let issuers = table.strings("issuers")?;
    for Located { value, place } in &issuers {
        if !context.issuers.contains(value.as_str()) {
            table.report("issuers", place, format!("names {value:?}, which the server's configuration does not trust"));
        }
    }
    Some(non_empty(table, "issuers", issuers))
}

fn read_workloads(table: &mut Table<'_>, context: &PolicyContext<'_>) -> Option<Vec<String>> {
    let workloads = table.strings("workloads")?;
    for Located { value, place } in workloads.iter().filter(|workload| !workload.value.is_empty()) {
        match WorkloadId::parse(value) {
            None => table.report(
                "workloads",
                place,
                format!("holds {value:?}, which is no SPIFFE id and no Linkerd identity"),
            ),
            Some(id) if !context.trust_domains.contains(id.trust_domain()) => {
                table.report("workloads", place, unprovable(id.trust_domain()));
            }
            Some(_) => {}
        }
    }
    Some(non_empty(table, "workloads", workloads))
}

fn read_trust_domains(table: &mut Table<'_>, context: &PolicyContext<'_>) -> Option<Vec<String>> {
    let domains = table.strings("trust_domains")?;
    for Located { value, place } in domains.iter().filter(|domain| !domain.value.is_empty()) {
        if !context.trust_domains.contains(value) {
            table.report("trust_domains", place, unprovable(value));
        }
    }
    Some(non_empty(table, "trust_domains", domains))
}

/// A denial that nobody can meet would look like a safeguard and be none.
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
        table.report(key, &table.place_of(key), "must not be an empty list");
    }
    for Located { place, .. } in values.iter().filter(|located| located.value.is_empty()) {
        table.report(key, place, "must not hold an empty value");
    }
    values.into_iter().map(|located| located.value).collect()
}

fn claim_fits(token: &TokenIdentity, name: &str, any: &[String]) -> bool {
    // An address that its issuer did not verify is whatever the caller typed.
    if name == "email" && !token.email_verified {
        return false;
    }
    match token.claims.get(name) {
        Some(ClaimValue::Text(text)) => any.iter().any(|wanted| wanted == text),
        Some(ClaimValue::Other(Value::Array(values))) => values.iter().any(|value| value_fits(value, any)),
        Some(ClaimValue::Other(value)) => value_fits(&value, any),
        None => false,
    }
}

fn value_fits(value: &Value, any: &[String]) -> bool {
    match value {
        Value::String(text) => any.iter().any(|wanted| wanted == text),
        Value::Bool(flag) => any.iter().any(|wanted| *wanted == flag.to_string()),
        Value::Number(number) => any.iter().any(|wanted| *wanted == number.to_string()),
        _ => false,
    }
}
