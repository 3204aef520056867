//! Tiers of one prefix, which are told apart by `include`.

use std::collections::HashMap;

use super::include::MAX_INCLUDE_BYTES;
use super::tier::TierSpecification;
use access_broker_base::document::{Document, Location};

/// Reports tiers of one prefix that certainly include the same keys, and more globs than a decision should compare.
pub(super) fn report(document: &Document<'_>, tiers: &[TierSpecification]) {
    let mut by_prefix: HashMap<_, Vec<&TierSpecification>> = HashMap::new();
    for tier in tiers {
        by_prefix.entry((&tier.bucket.value, &tier.prefix)).or_default().push(tier);
    }
    for tiers in by_prefix.into_values().filter(|tiers| tiers.len() > 1) {
        report_equal_globs(document, &tiers);
        report_too_many_globs(document, &tiers);
    }
}

fn report_equal_globs(document: &Document<'_>, tiers: &[&TierSpecification]) {
    let mut first_with: HashMap<&str, &TierSpecification> = HashMap::new();
    for tier in tiers {
        for glob in tier.include.iter().flat_map(|include| &include.globs) {
            let first = *first_with.entry(&glob.value).or_insert(tier);
            // A tier can have a glob twice.
            if !std::ptr::eq(first, *tier) {
                let rule = format!(
                    "has {:?} like tier \"{}\": two tiers include the same keys",
                    glob.value,
                    first.tier.name()
                );
                report_at(document, tier, &glob.location, &rule);
            }
        }
    }
}

/// Each glob of the prefix is compared with the key, so the bound of one tier is that of all.
fn report_too_many_globs(document: &Document<'_>, tiers: &[&TierSpecification]) {
    let mut bytes = 0;
    for tier in tiers {
        let Some(include) = &tier.include else { continue };
        bytes += include.len();
        if bytes > MAX_INCLUDE_BYTES {
            let location = include.globs.first().map_or(&tier.prefix_text.location, |glob| &glob.location);
            report_at(document, tier, location, "must not have more than 32 KiB of globs in all tiers of the prefix");
            return;
        }
    }
}

/// Reports the `include` of a tier. One of the defaults is reported at the tier.
fn report_at(document: &Document<'_>, tier: &TierSpecification, location: &Location, rule: &str) {
    let setting = format!("{}.include", tier.path);
    match &tier.include_from {
        None => document.report(location, setting, rule),
        Some(path) => {
            document.report(&tier.prefix_text.location, setting, format!("{rule}; include is from {path}"));
        }
    }
}
