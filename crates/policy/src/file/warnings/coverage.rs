//! Tiers without grants, and grants without effect because of other rules.

use super::sketch::{PolicySketch, RuleSketch};
use crate::decide::Operation;
use access_broker_base::document::WarningCode;

/// How many comparisons of rules and of their values are made. A policy that needs more is not searched to the end.
const MAX_COMPARISONS: usize = 10_000_000;

/// The most names in one message.
const MAX_NAMES: usize = 3;

pub(super) fn find(policy: &PolicySketch<'_>) {
    find_not_granted(policy);
    let mut budget = MAX_COMPARISONS;
    find_shadowed(policy, &mut budget);
    find_denied(policy, &mut budget);
}

fn find_not_granted(policy: &PolicySketch<'_>) {
    let mut granted = vec![[false; Operation::ALL.len()]; policy.tiers.len()];
    for grant in &policy.grants {
        for (index, _) in policy.tiers_of(grant) {
            for (operation, flag) in Operation::ALL.iter().zip(&mut granted[index]) {
                *flag |= grant.operations.contains(operation);
            }
        }
    }
    for (tier, granted) in policy.tiers.iter().zip(granted) {
        let missing: Vec<Operation> = Operation::ALL
            .into_iter()
            .zip(granted)
            .filter_map(|(operation, granted)| (tier.offers(operation) && !granted).then_some(operation))
            .collect();
        if missing.is_empty() {
            continue;
        }
        let is_unreached = Operation::ALL.into_iter().all(|op| !tier.offers(op) || missing.contains(&op));
        if is_unreached {
            let location = tier.table.location_of("name");
            let message = "is in no grant, so every call in it is refused; add a [[grant]] or remove the tier";
            tier.table.warn(WarningCode::TierWithoutGrants, "name", &location, message);
            continue;
        }
        for operation in missing {
            let key = operation.name();
            let message = format!("is in no grant, so every {key} is refused; grant it or remove it");
            tier.table.warn(WarningCode::OperationWithoutGrants, key, tier.table_of(operation).location(), message);
        }
    }
}

/// The first grant that fits decides, so a grant has no effect if earlier grants permit every part of it.
fn find_shadowed(policy: &PolicySketch<'_>, budget: &mut usize) {
    let mut earlier: Vec<Vec<&RuleSketch<'_>>> = vec![Vec::new(); policy.tiers.len()];
    for grant in &policy.grants {
        let before = |tier: usize| [earlier[tier].as_slice(), &[]];
        let same_endpoints = |other: &RuleSketch<'_>| other.endpoints == grant.endpoints;
        if let Some(names) = coverers(policy, grant, before, same_endpoints, budget) {
            let message = format!("has no effect: earlier grants permit the same: {names}; remove it");
            grant.table.warn_here(WarningCode::GrantShadowed, message);
        }
        for (index, _) in policy.tiers_of(grant) {
            earlier[index].push(grant);
        }
    }
}

fn find_denied(policy: &PolicySketch<'_>, budget: &mut usize) {
    let mut denials: Vec<Vec<&RuleSketch<'_>>> = vec![Vec::new(); policy.tiers.len()];
    let (everywhere, somewhere): (Vec<&RuleSketch<'_>>, Vec<_>) =
        policy.denials.iter().partition(|denial| denial.tiers.is_none());
    for denial in somewhere {
        for (index, _) in policy.tiers_of(denial) {
            denials[index].push(denial);
        }
    }
    for grant in &policy.grants {
        let in_tier = |tier: usize| [everywhere.as_slice(), denials[tier].as_slice()];
        if let Some(names) = coverers(policy, grant, in_tier, |_| true, budget) {
            let message = format!("has no effect: everything in it is denied by {names}; remove one of them");
            grant.table.warn_here(WarningCode::GrantDenied, message);
        }
    }
}

/// The names of the rules that together cover a grant in each of its tiers and operations. `None` if they do not. Each
/// compared pair of rules, and of their values, takes one from the budget; with none left, no rule covers another.
fn coverers<'s, 'd: 's>(
    policy: &PolicySketch<'d>,
    grant: &RuleSketch<'d>,
    rules_of: impl Fn(usize) -> [&'s [&'s RuleSketch<'d>]; 2],
    is_comparable: impl Fn(&RuleSketch<'d>) -> bool,
    budget: &mut usize,
) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    if !grant.is_plain {
        return None;
    }
    for (index, tier) in policy.tiers_of(grant) {
        for operation in grant.operations.iter().filter(|operation| tier.offers(**operation)) {
            let rules = rules_of(index);
            let mut covering = None;
            for rule in rules.into_iter().flatten() {
                *budget = budget.checked_sub(1)?;
                if !rule.is_plain || !rule.operations.contains(operation) || !is_comparable(rule) {
                    continue;
                }
                *budget = budget.checked_sub(rule.to.comparisons_with(&grant.to))?;
                if rule.to.covers(&grant.to) {
                    covering = Some(rule.name.as_str());
                    break;
                }
            }
            let name = covering?;
            if !names.contains(&name) && names.len() <= MAX_NAMES {
                names.push(name);
            }
        }
    }
    if names.is_empty() {
        return None;
    }
    let quoted: Vec<String> = names.iter().take(MAX_NAMES).map(|name| format!("\"{name}\"")).collect();
    let more = if names.len() > MAX_NAMES { " and others" } else { "" };
    Some(quoted.join(", ") + more)
}
