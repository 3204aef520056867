//! Whom a grant or denial means: the `to` table of a rule.

use std::collections::BTreeSet;

use super::fit::{Fit, InDoubt};
use crate::file::PolicyContext;
use access_broker_base::document::{Located, Table};
use access_broker_identity::{Caller, Claim, ClaimItem, Names, TokenIdentity, WorkloadId};

/// Conditions on a caller, all of which must hold; each holds if any of its values does.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    issuers: Issuers,
    groups: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    claims: Vec<(String, Vec<String>)>,
    workloads: Option<Vec<String>>,
    trust_domains: Option<Vec<String>>,
}

/// Whose tokens are meant.
#[derive(Debug, Default, PartialEq, Eq)]
enum Issuers {
    /// The rule does not say.
    #[default]
    NotNamed,
    /// `"any"`: those of every issuer, deliberately.
    Any,
    /// Those of these issuers.
    Named(Vec<String>),
}

/// Stands for every issuer where a rule must name some.
pub(crate) const ANY_ISSUER: &str = "any";

impl Condition {
    /// Reads a `to` table.
    pub(crate) fn read(mut table: Table<'_>, context: &PolicyContext<'_>) -> Self {
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
        if condition.claims.iter().any(|(name, _)| name == "sub") && condition.issuers == Issuers::NotNamed {
            table
                .report_here("must name issuers beside claims.sub, because a subject is unique only within its issuer");
        }
        table.finish();
        condition
    }

    /// Whether the caller is meant.
    pub(crate) fn fits(&self, caller: &Caller, in_doubt: InDoubt) -> Fit {
        if !self.concerns(caller) {
            return Fit::No;
        }
        caller.token().map_or(Fit::Yes, |token| self.fits_names(token, in_doubt))
    }

    /// Whether the caller is of a workload and of an issuer that are meant, and has a token where the condition is on
    /// tokens. That can always be told.
    pub(crate) fn concerns(&self, caller: &Caller) -> bool {
        let token_fits = match (caller.token(), &self.issuers) {
            (None, _) => !self.asks_for_a_token(),
            (Some(token), Issuers::Named(issuers)) => issuers.iter().any(|issuer| **issuer == *token.issuer),
            (Some(_), Issuers::NotNamed | Issuers::Any) => true,
        };
        token_fits && self.fits_workload(caller.workload())
    }

    fn fits_workload(&self, workload: Option<&WorkloadId>) -> bool {
        let Some(workload) = workload else { return self.workloads.is_none() && self.trust_domains.is_none() };
        let workload_fits = self.workloads.as_ref().is_none_or(|any| any.iter().any(|id| id == workload.as_str()));
        let is_domain = |name: &String| name == workload.trust_domain();
        workload_fits && self.trust_domains.as_ref().is_none_or(|any| any.iter().any(is_domain))
    }

    fn fits_names(&self, token: &TokenIdentity, in_doubt: InDoubt) -> Fit {
        let named = |any: &Option<Vec<String>>, held: &Names| any.as_ref().map_or(Fit::Yes, |any| names_fit(held, any));
        let claims = self.claims.iter().map(|(name, any)| claim_fits(token.claims.get(name), any, in_doubt));
        claims.fold(named(&self.groups, &token.groups).and(named(&self.scopes, &token.scopes)), Fit::and)
    }

    /// Whether the rule says whose tokens it means, be it those of every issuer.
    pub(crate) fn names_issuers(&self) -> bool {
        self.issuers != Issuers::NotNamed
    }

    /// The conditions whose values mean something within one issuer only, as a policy file calls them.
    pub(crate) fn names_within_an_issuer(&self) -> Vec<String> {
        let lists = [("groups", &self.groups), ("scopes", &self.scopes)];
        let lists = lists.into_iter().filter(|(_, list)| list.is_some()).map(|(name, _)| name.to_owned());
        lists.chain(self.claims.iter().map(|(name, _)| format!("claims.{name}"))).collect()
    }

    fn asks_for_a_token(&self) -> bool {
        self.names_issuers() || self.groups.is_some() || self.scopes.is_some() || !self.claims.is_empty()
    }

    fn is_empty(&self) -> bool {
        !self.asks_for_a_token() && self.workloads.is_none() && self.trust_domains.is_none()
    }
}

fn read_issuers(table: &mut Table<'_>, context: &PolicyContext<'_>) -> Issuers {
    let Some(issuers) = table.strings("issuers") else { return Issuers::NotNamed };
    if issuers.iter().any(|issuer| issuer.value == ANY_ISSUER) {
        if issuers.len() > 1 {
            table.report("issuers", &table.place_of("issuers"), "must not hold \"any\" beside an issuer");
        }
        return Issuers::Any;
    }
    for Located { value, place } in &issuers {
        if !context.issuers.contains(value.as_str()) {
            let rule = format!(
                "names {value:?}, which is no [[issuer]] of the configuration; there are {}",
                context.list_issuers()
            );
            table.report("issuers", place, rule);
        }
    }
    Issuers::Named(non_empty(table, "issuers", issuers))
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

fn names_fit(held: &Names, any: &[String]) -> Fit {
    let is_listed = any.iter().any(|wanted| held.listed.iter().any(|one| **one == **wanted));
    Fit::from(is_listed).or(if held.elsewhere { Fit::Elsewhere } else { Fit::No })
}

fn claim_fits(claim: Option<Claim<'_>>, any: &[String], in_doubt: InDoubt) -> Fit {
    let Some(claim) = claim else { return Fit::No };
    // An address that its issuer did not verify is whatever the caller typed.
    let of_equal = if claim.is_verified() { Fit::Yes } else { in_doubt.into() };
    let item_fits = |item: ClaimItem<'_>| match item {
        ClaimItem::Text(text) | ClaimItem::Boolean(text) | ClaimItem::Number(text) => {
            if any.iter().any(|wanted| wanted == text) { of_equal } else { Fit::No }
        }
        ClaimItem::Unreadable => in_doubt.into(),
        ClaimItem::Elsewhere => Fit::Elsewhere,
    };
    claim.items().map(item_fits).fold(Fit::No, Fit::or)
}
