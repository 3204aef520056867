//! Tiers of one prefix that include the same keys.

use std::collections::HashMap;

use super::sketch::{PolicySketch, TierSketch};
use crate::decide::Glob;
use crate::object::ObjectKey;
use access_broker_base::document::{Located, WarningCode};

/// How many pairs of globs are compared. A policy that needs more is not searched to the end.
const MAX_COMPARISONS: usize = 100_000;

/// A glob of a tier, with a key below the prefix that it matches.
struct Example<'s, 'd> {
    tier: &'s TierSketch<'d>,
    glob: &'s Located<String>,
    parsed: Glob,
    key: Option<String>,
}

/// Warns of a glob whose example another tier includes too. Globs that overlap only in other keys get no warning: their
/// author may know that there are no such keys.
pub(super) fn find(policy: &PolicySketch<'_>) {
    let mut by_prefix: HashMap<_, Vec<Example<'_, '_>>> = HashMap::new();
    for tier in &policy.tiers {
        let Some(prefix) = &tier.prefix else { continue };
        let examples = tier.include.iter().filter_map(|glob| Example::new(tier, glob));
        by_prefix.entry((&tier.bucket, &prefix.value)).or_default().extend(examples);
    }
    let mut budget = MAX_COMPARISONS;
    for examples in by_prefix.into_values() {
        find_in_prefix(&examples, &mut budget);
    }
}

fn find_in_prefix(examples: &[Example<'_, '_>], budget: &mut usize) {
    for one in examples {
        let Some(key) = &one.key else { continue };
        for other in examples.iter().filter(|other| !std::ptr::eq(one.tier, other.tier)) {
            let Some(left) = budget.checked_sub(1) else { return };
            *budget = left;
            if other.parsed.matches(key) {
                let (glob, name) = (&one.glob.value, &other.tier.name);
                let message = format!(
                    "has {glob:?}, and tier {name:?} with the same prefix also includes such keys: {key:?} is in neither \
                     tier; change one of the patterns"
                );
                one.tier.table.warn(WarningCode::TiersOverlap, "include", &one.glob.location, message);
                break;
            }
        }
    }
}

impl<'s, 'd> Example<'s, 'd> {
    fn new(tier: &'s TierSketch<'d>, glob: &'s Located<String>) -> Option<Self> {
        let parsed = Glob::parse(&glob.value).ok()?;
        let key = parsed.example().filter(|key| ObjectKey::parse(key).is_ok() && parsed.matches(key));
        Some(Self { tier, glob, parsed, key })
    }
}
