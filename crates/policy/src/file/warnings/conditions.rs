//! Conditions that no caller of this server can meet.

use std::collections::BTreeSet;

use super::callers::{CallerKind, CallerOutlook, Giver, TokenKind};
use super::sketch::{ClaimSketch, PolicySketch, RuleSketch, ToSketch};
use crate::decide::Operation;
use crate::file::condition::ANY_ISSUER;
use access_broker_base::document::{Located, Location, WarningCode};
use access_broker_identity::{ClaimPath, WorkloadId};

/// The group of all service accounts of Kubernetes.
const KUBERNETES_GROUPS: &str = "system:serviceaccounts";

pub(super) fn find(policy: &PolicySketch<'_>, outlook: &CallerOutlook) {
    let Some(kinds) = outlook.kinds() else { return };
    for rule in policy.rules() {
        find_in_rule(rule, kinds);
    }
    for grant in &policy.grants {
        find_in_prefixes(policy, grant, kinds);
    }
    if kinds.iter().all(|kind| kind.token.is_none()) {
        find_token_ends(policy);
    }
}

/// One condition of a `to`, or one claim of a prefix.
enum Condition<'s> {
    List(&'static str, &'s [Located<String>]),
    Claim(&'s ClaimSketch),
}

fn conditions<'s>(to: &'s ToSketch<'_>) -> Vec<Condition<'s>> {
    let lists = super::sketch::LISTS.iter().zip(&to.lists);
    let lists = lists.filter_map(|(key, values)| Some(Condition::List(key, values.as_ref()?)));
    lists.chain(to.claims.iter().map(Condition::Claim)).collect()
}

impl Condition<'_> {
    fn is_possible(&self, kind: &CallerKind) -> bool {
        match self {
            Self::List("workloads", values) => values.iter().any(|value| {
                let id = WorkloadId::parse(&value.value);
                id.is_some_and(|id| kind.trust_domain.as_deref() == Some(id.trust_domain()))
            }),
            Self::List("trust_domains", values) => {
                values.iter().any(|value| kind.trust_domain.as_ref() == Some(&value.value))
            }
            Self::List(key, values) => kind.token.as_ref().is_some_and(|token| token_can_meet(token, key, values)),
            Self::Claim(claim) => kind.token.as_ref().is_some_and(|token| token.giver.can_have(&claim.path)),
        }
    }

    fn location(&self, to: &ToSketch<'_>) -> Location {
        let values = match self {
            Self::List(_, values) => *values,
            Self::Claim(claim) => &claim.values,
        };
        values.first().map_or_else(|| to.table.location().clone(), |value| value.location.clone())
    }

    /// Why none of these callers, some of which have tokens, can meet it.
    fn obstacle(&self, kinds: &[&CallerKind]) -> String {
        let tokens = kinds.iter().filter_map(|kind| kind.token.as_ref());
        let claim_of = |token: &TokenKind| match self {
            Self::List("groups", _) => Some(names(&token.groups_claims)),
            Self::List("scopes", _) => Some(names(&token.scopes_claims)),
            Self::List(..) => None,
            Self::Claim(claim) => Some(format!("\"{}\"", claim.path)),
        };
        let mut lacks = BTreeSet::new();
        let mut advice = "";
        for token in tokens {
            if let Some(claim) = claim_of(token) {
                let of_kubernetes = token.giver == Giver::Kubernetes && matches!(self, Self::List("groups", _));
                if of_kubernetes {
                    lacks.insert(format!(
                        "service accounts of Kubernetes are in \"{KUBERNETES_GROUPS}\" and \
                         \"{KUBERNETES_GROUPS}:NAMESPACE\" only"
                    ));
                } else {
                    lacks.insert(format!("{} have no claim {claim}", token.giver.plural()));
                    advice = if advice.is_empty() { token.giver.advice() } else { advice };
                }
            }
        }
        if lacks.is_empty() {
            return "no listener accepts a proof of it together with the other conditions".to_owned();
        }
        let lacks: Vec<String> = lacks.into_iter().collect();
        lacks.join(" and ") + advice
    }
}

/// These claims, for messages.
fn names(claims: &[ClaimPath]) -> String {
    claims.iter().map(|claim| format!("\"{claim}\"")).collect::<Vec<_>>().join(" or ")
}

fn token_can_meet(token: &TokenKind, key: &str, values: &[Located<String>]) -> bool {
    match key {
        "issuers" => values.iter().any(|value| value.value == token.issuer || value.value == ANY_ISSUER),
        "groups" => {
            let of_kubernetes = |value: &str| {
                let rest = value.strip_prefix(KUBERNETES_GROUPS);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
            };
            let is_given =
                token.giver == Giver::Kubernetes && values.iter().any(|value| of_kubernetes(value.value.as_str()));
            is_given || token.giver.can_have_any(&token.groups_claims)
        }
        "scopes" => token.giver.can_have_any(&token.scopes_claims),
        _ => true,
    }
}

fn find_in_rule(rule: &RuleSketch<'_>, kinds: &BTreeSet<CallerKind>) {
    let to = &rule.to;
    let conditions = conditions(to);
    if kinds.iter().any(|kind| conditions.iter().all(|condition| condition.is_possible(kind))) {
        return;
    }
    // Only the rule's issuers matter for the reason.
    let issuers = conditions.iter().find(|condition| matches!(condition, Condition::List("issuers", _)));
    let meant: Vec<&CallerKind> =
        kinds.iter().filter(|kind| issuers.is_none_or(|issuers| issuers.is_possible(kind))).collect();
    let mut is_explained = false;
    for condition in &conditions {
        let location = condition.location(to);
        let (table, key) = match condition {
            Condition::List(key, _) => (&to.table, *key),
            Condition::Claim(claim) => (&to.claims_table, claim.name.as_str()),
        };
        let needs_a_token = !matches!(condition, Condition::List("workloads" | "trust_domains", _));
        let reason = if needs_a_token && kinds.iter().all(|kind| kind.token.is_none()) {
            "no listener accepts tokens, and callers without one have no issuer, groups, scopes or claims; use workloads \
             or trust_domains, or add a [[listener]] that accepts tokens"
                .to_owned()
        } else if meant.iter().any(|kind| condition.is_possible(kind)) {
            continue;
        } else {
            condition.obstacle(&meant)
        };
        table.warn(WarningCode::ConditionNeverHolds, key, &location, format!("cannot be met by any caller: {reason}"));
        is_explained = true;
    }
    if !is_explained {
        let message = "cannot be met by any caller: each condition can be met, but no kind of caller meets all of them; \
                       make a rule for each kind";
        to.table.warn_here(WarningCode::ConditionNeverHolds, message);
    }
}

/// Finds tiers of a grant whose prefix comes from claims that no caller of the grant has.
fn find_in_prefixes(policy: &PolicySketch<'_>, grant: &RuleSketch<'_>, kinds: &BTreeSet<CallerKind>) {
    let templated = policy.named_tiers_of(grant).filter(|tier| tier.templates().next().is_some());
    let mut meant: Option<Vec<&TokenKind>> = None;
    for tier in templated {
        let meant = meant.get_or_insert_with(|| {
            let conditions = conditions(&grant.to);
            let fits = |kind: &&CallerKind| conditions.iter().all(|condition| condition.is_possible(kind));
            kinds.iter().filter(fits).filter_map(|kind| kind.token.as_ref()).collect()
        });
        for template in tier.templates() {
            let obstacles: Vec<Option<&str>> = meant.iter().map(|token| token.obstacle_to(template)).collect();
            if obstacles.contains(&None) || (meant.is_empty() && !only_workloads(grant, kinds)) {
                continue;
            }
            let reasons: BTreeSet<&str> = obstacles.into_iter().flatten().collect();
            let reason = if meant.is_empty() {
                "these callers have no token".to_owned()
            } else {
                reasons.into_iter().collect::<Vec<_>>().join(", or ")
            };
            let message = format!(
                "permits nothing in tier \"{}\": its prefix comes from the claim \"{}\", and {reason}",
                tier.name,
                template.claim()
            );
            grant.table.warn(WarningCode::PrefixNeverMatches, "tiers", &grant.table.location_of("tiers"), message);
        }
    }
}

/// Whether the grant means some callers; the caller of this function knows that none of them has a token.
fn only_workloads(grant: &RuleSketch<'_>, kinds: &BTreeSet<CallerKind>) -> bool {
    let conditions = conditions(&grant.to);
    kinds.iter().any(|kind| conditions.iter().all(|condition| condition.is_possible(kind)))
}

fn find_token_ends(policy: &PolicySketch<'_>) {
    for tier in &policy.tiers {
        for operation in Operation::ALL.into_iter().filter(|operation| tier.offers(*operation)) {
            let table = tier.table_of(operation);
            if tier.table_with(operation, "end_with_token").is_some_and(|table| table.peek_flag("end_with_token")) {
                let message = "refuses every caller: no listener accepts tokens; remove it, or add a [[listener]] that \
                               accepts tokens";
                let location = table.location_of("end_with_token");
                table.warn(WarningCode::EndWithTokenWithoutTokens, "end_with_token", &location, message);
            }
        }
    }
}
