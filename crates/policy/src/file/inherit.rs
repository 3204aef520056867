//! What `inherit` of a tier can name, and which grants it can bring.

use std::collections::{HashMap, HashSet};

use super::context::PolicyContext;
use super::reach::{Reaching, ancestors};
use super::rule::RuleWithTiers;
use super::tier::TierSpecification;
use super::{compile, endpoints};
use access_broker_base::document::{Document, Located};

/// The tier that each tier inherits from, by number. Reports names that are no such tier.
pub(super) fn parents(
    document: &Document<'_>,
    tiers: &[TierSpecification],
    by_name: &HashMap<String, usize>,
    declared: &HashSet<String>,
) -> Vec<Option<usize>> {
    let parent = |index: usize, tier: &TierSpecification| {
        let Located { value, location } = tier.inherit.as_ref()?;
        let setting = format!("{}.inherit", tier.path);
        if !declared.contains(value) {
            document.report(location, setting, compile::undefined_tier(value, declared));
            return None;
        }
        // A tier that is declared and invalid has been reported.
        let parent = *by_name.get(value)?;
        let broken = match tiers.get(parent)? {
            _ if parent == index => "must name another tier".to_owned(),
            other if other.bucket.value != tier.bucket.value => {
                format!("must name a tier of the same bucket, and tier {value:?} is in \"{}\"", other.bucket.value)
            }
            other if !other.prefix.is_beginning_of(&tier.prefix) => {
                let (theirs, own) = (&other.prefix_text.value, &tier.prefix_text.value);
                format!(
                    "must name a tier whose prefix is the beginning of this tier's: {theirs:?} is not that of {own:?}"
                )
            }
            _ => return Some(parent),
        };
        document.report(location, setting, broken);
        None
    };
    let parents: Vec<Option<usize>> = tiers.iter().enumerate().map(|(index, tier)| parent(index, tier)).collect();
    for (index, tier) in tiers.iter().enumerate() {
        // Only tiers of one prefix can do this.
        if let Some(Located { location, .. }) = &tier.inherit
            && ancestors(index, &parents).any(|ancestor| ancestor == index)
        {
            document.report(
                location,
                format!("{}.inherit", tier.path),
                "makes a circle: the tier inherits from itself",
            );
        }
    }
    parents
}

/// Reports inherited grants that the tier itself must not have: the rules are those for grants that name the tier.
pub(super) fn report_inherited(
    document: &Document<'_>,
    tier: &TierSpecification,
    reaching: &Reaching,
    grants: &[RuleWithTiers],
    context: &PolicyContext<'_>,
) {
    let Some(Located { location, .. }) = &tier.inherit else { return };
    let inherited: Vec<&RuleWithTiers> = reaching.inherited.iter().filter_map(|index| grants.get(*index)).collect();
    let report = |grant: &RuleWithTiers, broken: &str| {
        let rule = format!("inherits grant \"{}\", {broken}", grant.rule.name());
        document.report(location, format!("{}.inherit", tier.path), rule);
    };
    for grant in &inherited {
        if !grant.endpoints.is_empty() {
            let usable = endpoints::usable(&tier.bucket.value, tier.tier.endpoints.as_deref(), context);
            if !grant.endpoints.iter().any(|name| usable.contains(&name.value)) {
                report(grant, "which leaves the tier without an endpoint");
            }
        }
        if compile::must_name_issuers(&grant.rule, tier, context) {
            report(
                grant,
                "which must have issuers, because several are configured and the prefix of this tier comes from claims",
            );
        }
    }
    let is_of_use =
        |grant: &&RuleWithTiers| grant.rule.operations().iter().any(|operation| tier.tier.offers(*operation));
    if let Some(first) = inherited.first()
        && !inherited.iter().any(is_of_use)
    {
        let operations: Vec<&str> = first.rule.operations().iter().map(|operation| operation.name()).collect();
        let names = operations.join(" and ");
        report(
            first,
            &format!("which grants {names}, but no inherited grant is for an operation that the tier has a table for"),
        );
    }
}
