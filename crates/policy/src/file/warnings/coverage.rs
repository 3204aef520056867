//! Tiers without grants, and grants without effect because of other rules.

use super::sketch::{PolicySketch, RuleSketch};
use crate::decide::{Operation, TierPrefix};
use access_broker_base::document::WarningCode;

/// How many comparisons of rules and of their values are made. A policy that needs more is not searched to the end.
const MAX_COMPARISONS: usize = 10_000_000;

/// For how many tiers without grants a tier above is searched: more warnings of one kind are not kept.
const MAX_SEARCHES: usize = 1_000;

/// The most names in one message.
const MAX_NAMES: usize = 3;

pub(super) fn find(policy: &PolicySketch<'_>) {
    let reach: Vec<Vec<usize>> =
        policy.reaching(&policy.grants).iter().map(|reaching| reaching.in_order_of_tiers().collect()).collect();
    find_not_granted(policy, &reach);
    let places = places(policy.grants.len(), &reach);
    let mut budget = MAX_COMPARISONS;
    find_shadowed(policy, &reach, &places, &mut budget);
    find_denied(policy, &places, &mut budget);
}

fn find_not_granted(policy: &PolicySketch<'_>, reach: &[Vec<usize>]) {
    let mut searches = 0;
    for (index, (tier, grants)) in policy.tiers.iter().zip(reach).enumerate() {
        let grants = || grants.iter().filter_map(|grant| policy.grants.get(*grant));
        let is_granted = |operation| grants().any(|grant| grant.operations.contains(&operation));
        let missing: Vec<Operation> =
            Operation::ALL.into_iter().filter(|operation| tier.offers(*operation) && !is_granted(*operation)).collect();
        if missing.is_empty() {
            continue;
        }
        let is_unreached = Operation::ALL.into_iter().all(|op| !tier.offers(op) || missing.contains(&op));
        if is_unreached {
            let location = tier.table.location_of("name");
            searches += 1;
            let above = if searches <= MAX_SEARCHES { granted_above(policy, reach, index) } else { None };
            let advice = match above {
                Some(above) => format!("add a [[grant]], write inherit = {above:?} for the rules of that tier, or"),
                None => "add a [[grant]] or".to_owned(),
            };
            let message = format!("is in no grant, so every call in it is refused; {advice} remove the tier");
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

/// The nearest tier with grants whose prefix is the beginning of this tier's, unless this tier inherits.
fn granted_above<'s>(policy: &'s PolicySketch<'_>, reach: &[Vec<usize>], index: usize) -> Option<&'s str> {
    let tier = policy.tiers.get(index)?;
    let prefix = &tier.prefix.as_ref()?.value;
    if tier.table.holds("inherit") {
        return None;
    }
    let tiers = policy.tiers.iter().zip(reach);
    let is_above = |other: &TierPrefix| other != prefix && other.is_beginning_of(prefix);
    let above = tiers.filter_map(|(other, grants)| {
        let others = &other.prefix.as_ref()?.value;
        let is_granted = other.bucket == tier.bucket && !grants.is_empty();
        (is_granted && is_above(others)).then_some((others.parts().len(), other.name.as_str()))
    });
    above.max_by_key(|(length, _)| *length).map(|(_, name)| name)
}

/// The first grant that fits decides, so a grant has no effect if earlier grants permit every part of it.
fn find_shadowed(policy: &PolicySketch<'_>, reach: &[Vec<usize>], places: &[Vec<Place>], budget: &mut usize) {
    let in_tiers: Vec<Vec<&RuleSketch<'_>>> =
        reach.iter().map(|grants| grants.iter().filter_map(|grant| policy.grants.get(*grant)).collect()).collect();
    for (grant, places) in policy.grants.iter().zip(places) {
        let before = |place: &Place| [in_tiers[place.tier].get(..place.position).unwrap_or_default(), &[]];
        let same_endpoints = |other: &RuleSketch<'_>| other.endpoints == grant.endpoints;
        if let Some(names) = coverers(policy, grant, places, before, same_endpoints, budget) {
            let message = format!("has no effect: earlier grants permit the same: {names}; remove it");
            grant.table.warn_here(WarningCode::GrantShadowed, message);
        }
    }
}

fn find_denied(policy: &PolicySketch<'_>, places: &[Vec<Place>], budget: &mut usize) {
    let (everywhere, somewhere): (Vec<&RuleSketch<'_>>, Vec<_>) =
        policy.denials.iter().partition(|denial| denial.tiers.is_none());
    let reach = policy.reaching(somewhere.iter().copied());
    let denials: Vec<Vec<&RuleSketch<'_>>> = reach
        .iter()
        .map(|reaching| {
            reaching.in_order_of_file().into_iter().filter_map(|index| somewhere.get(index).copied()).collect()
        })
        .collect();
    for (grant, places) in policy.grants.iter().zip(places) {
        let in_tier = |place: &Place| [everywhere.as_slice(), denials[place.tier].as_slice()];
        if let Some(names) = coverers(policy, grant, places, in_tier, |_| true, budget) {
            let message = format!("has no effect: everything in it is denied by {names}; remove one of them");
            grant.table.warn_here(WarningCode::GrantDenied, message);
        }
    }
}

/// A tier that a grant reaches, and how many grants come before it there.
struct Place {
    tier: usize,
    position: usize,
}

/// Where each grant is.
fn places(grant_count: usize, reach: &[Vec<usize>]) -> Vec<Vec<Place>> {
    let mut places: Vec<Vec<Place>> = std::iter::repeat_with(Vec::new).take(grant_count).collect();
    for (tier, grants) in reach.iter().enumerate() {
        for (position, grant) in grants.iter().enumerate() {
            if let Some(places) = places.get_mut(*grant) {
                places.push(Place { tier, position });
            }
        }
    }
    places
}

/// The names of the rules that together cover a grant in each of its tiers and operations. `None` if they do not. Each
/// compared pair of rules, and of their values, takes one from the budget; with none left, no rule covers another.
fn coverers<'s, 'd: 's>(
    policy: &PolicySketch<'d>,
    grant: &RuleSketch<'d>,
    places: &[Place],
    rules_of: impl Fn(&Place) -> [&'s [&'s RuleSketch<'d>]; 2],
    is_comparable: impl Fn(&RuleSketch<'d>) -> bool,
    budget: &mut usize,
) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    if !grant.is_plain {
        return None;
    }
    for (place, tier) in places.iter().filter_map(|place| Some((place, policy.tiers.get(place.tier)?))) {
        for operation in grant.operations.iter().filter(|operation| tier.offers(**operation)) {
            let rules = rules_of(place);
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
