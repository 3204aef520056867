//! Puts tiers and rules together, and reports contradictions between them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::context::PolicyContext;
use super::lists::values;
use super::reach::reaching;
use super::rule::{self, RuleWithTiers};
use super::tier::{self, TierSpecification};
use super::{defaults, endpoints, inherit, same_prefix};
use crate::decide::{BucketTiers, Members, Operation, Policy, PolicyHash, Rule, TierOutline};
use crate::object::BucketName;
use access_broker_base::document::{Document, Located, Table, nearest};

pub(super) fn compile(document: &Document<'_>, context: &PolicyContext<'_>, hash: PolicyHash) -> Policy {
    let mut root = document.root();
    root.describe("A policy: which callers can read and write which objects.", "");
    // Names of invalid tiers count: a rule that refers to one is not invalid for that.
    let declared: HashSet<String> =
        root.tables("tier").iter_mut().filter_map(|table| Some(table.peek_string("name")?.value)).collect();
    let defaults = defaults::read_all(document, root.tables("defaults"), context);
    let tables = root.tables("tier");
    let tier_count = tables.len();
    let mut tiers: Vec<TierSpecification> =
        tables.into_iter().filter_map(|table| tier::read(table, context, &defaults)).collect();
    let grants = read_rules(root.tables("grant"), context, rule::read_grant);
    let denials = read_rules(root.tables("denial"), context, rule::read_denial);
    if !root.holds("tier") {
        root.report_here("must have at least one [[tier]]");
    }
    root.finish();

    let by_name = index_by_name(document, &tiers);
    for TierSpecification { bucket, path, endpoints, prefix_text, .. } in &tiers {
        match context.buckets.get(&bucket.value) {
            Some(known) => {
                endpoints::report_unknown(document, path, endpoints, &bucket.value, &known.endpoints);
                if known.takes_backslash_for_slash && prefix_text.value.contains('\\') {
                    let rule = "must not have \"\\\", because the bucket has backslash_in_keys = false";
                    document.report(&prefix_text.location, format!("{path}.prefix"), rule);
                }
            }
            None => document.report(&bucket.location, format!("{path}.bucket"), tier::undefined_bucket(&bucket.value)),
        }
    }
    for rule in grants.iter().chain(&denials) {
        report_unknown_tiers(document, rule, &declared);
    }
    same_prefix::report(document, &tiers);
    let parents = inherit::parents(document, &tiers, &by_name, &declared);
    for grant in &grants {
        report_unreachable(document, grant, &tiers, &by_name, tier_count);
        report_shared_templates(document, grant, &tiers, &by_name, context);
        report_endpoints_of_grant(document, grant, &tiers, &by_name, context);
    }
    let reach = |rules: &[RuleWithTiers]| {
        reaching(rules.iter().map(|rule| reached_tiers(rule, &by_name, parents.len())), &parents)
    };
    for ((tier, of_grants), of_denials) in tiers.iter_mut().zip(reach(&grants)).zip(reach(&denials)) {
        inherit::report_inherited(document, tier, &of_grants, &grants, context);
        let rules = |of: &[RuleWithTiers], index: usize| of.get(index).map(|rule| Arc::clone(&rule.rule));
        tier.tier.grants = of_grants.in_order_of_tiers().filter_map(|index| rules(&grants, index)).collect();
        let denials_in_order = of_denials.in_order_of_file();
        tier.tier.denials = denials_in_order.into_iter().filter_map(|index| rules(&denials, index)).collect();
    }
    build(document, tiers, context, hash)
}

fn read_rules<'d>(
    tables: Vec<Table<'d>>,
    context: &PolicyContext<'_>,
    read: impl Fn(Table<'d>, usize, &PolicyContext<'_>) -> RuleWithTiers,
) -> Vec<RuleWithTiers> {
    tables.into_iter().enumerate().map(|(index, table)| read(table, index, context)).collect()
}

fn index_by_name(document: &Document<'_>, tiers: &[TierSpecification]) -> HashMap<String, usize> {
    let mut by_name = HashMap::new();
    for (index, TierSpecification { name: Located { value, location }, path, .. }) in tiers.iter().enumerate() {
        if by_name.insert(value.as_str().to_owned(), index).is_some() {
            document.report(location, format!("{path}.name"), "repeats the name of another tier");
        }
    }
    by_name
}

/// The most tiers whose names are compared with one that does not exist.
const MAX_COMPARED: usize = 100;

fn report_unknown_tiers(document: &Document<'_>, rule: &RuleWithTiers, declared: &HashSet<String>) {
    for Located { value, location } in rule.tiers.iter().flatten() {
        if !declared.contains(value) {
            document.report(location, format!("{}.tiers", rule.path), undefined_tier(value, declared));
        }
    }
}

/// The rule that the name of a tier breaks.
pub(super) fn undefined_tier(name: &str, declared: &HashSet<String>) -> String {
    // A policy with many tiers and many slips would take long to compare.
    let known = if declared.len() <= MAX_COMPARED { nearest(name, declared.iter().map(String::as_str)) } else { None };
    let hint = known.map_or_else(String::new, |known| format!("; did you mean {known:?}?"));
    format!("refers to undefined tier {name:?}{hint}")
}

fn reached_tiers(rule: &RuleWithTiers, by_name: &HashMap<String, usize>, tier_count: usize) -> Vec<usize> {
    match &rule.tiers {
        None => (0..tier_count).collect(),
        Some(names) => names.iter().filter_map(|name| by_name.get(&name.value).copied()).collect(),
    }
}

/// A grant that lists endpoints must leave each of its tiers at least one, and each endpoint must be usable in a tier.
fn report_endpoints_of_grant(
    document: &Document<'_>,
    grant: &RuleWithTiers,
    tiers: &[TierSpecification],
    by_name: &HashMap<String, usize>,
    context: &PolicyContext<'_>,
) {
    if grant.endpoints.is_empty() {
        return;
    }
    let setting = format!("{}.endpoints", grant.path);
    let mut known = BTreeSet::new();
    for TierSpecification { tier, bucket, .. } in
        reached_tiers(grant, by_name, tiers.len()).iter().filter_map(|index| tiers.get(*index))
    {
        let usable = endpoints::usable(&bucket.value, tier.endpoints.as_deref(), context);
        if !grant.endpoints.iter().any(|name| usable.contains(&name.value)) {
            let rule = format!("leaves tier \"{}\" without an endpoint", tier.name());
            document.report(&grant.location, setting.clone(), rule);
        }
        known.extend(usable);
    }
    for Located { value, location } in &grant.endpoints {
        if !known.contains(value) {
            document.report(
                location,
                setting.clone(),
                format!("lists endpoint \"{value}\", which none of its tiers allows"),
            );
        }
    }
}

/// A grant of an operation that none of its tiers offers would look like a permission and have no effect.
fn report_unreachable(
    document: &Document<'_>,
    grant: &RuleWithTiers,
    tiers: &[TierSpecification],
    by_name: &HashMap<String, usize>,
    tier_count: usize,
) {
    let reached = reached_tiers(grant, by_name, tiers.len());
    let some_are_invalid = grant.tiers.as_ref().map_or(tier_count, Vec::len) != reached.len();
    let offered =
        |operation| reached.iter().filter_map(|index| tiers.get(*index)).any(|reached| reached.tier.offers(operation));
    for operation in grant.rule.operations() {
        if !some_are_invalid && !offered(*operation) {
            let rule = format!("grants {operation}, but none of its tiers has the table {operation}");
            document.report(&grant.operations_location, format!("{}.operations", grant.path), rule);
        }
    }
}

/// Whether a grant must have issuers in this tier: two issuers can give the same value of a claim to different people, who
/// would then share a prefix.
pub(super) fn must_name_issuers(grant: &Rule, tier: &TierSpecification, context: &PolicyContext<'_>) -> bool {
    context.issuers.len() > 1 && !grant.names_issuers() && tier.prefix.templates().next().is_some()
}

fn report_shared_templates(
    document: &Document<'_>,
    grant: &RuleWithTiers,
    tiers: &[TierSpecification],
    by_name: &HashMap<String, usize>,
    context: &PolicyContext<'_>,
) {
    let reached = reached_tiers(grant, by_name, tiers.len());
    let template = reached
        .iter()
        .filter_map(|index| tiers.get(*index))
        .find(|reached| must_name_issuers(&grant.rule, reached, context));
    if let Some(TierSpecification { tier, .. }) = template {
        let rule = format!(
            "must have issuers, because several are configured and the prefix of tier \"{}\" comes from claims: list the \
             intended issuers of [{}], or set issuers = \"any\" to accept these claims from every issuer",
            tier.name(),
            context.list_issuers()
        );
        document.report(&grant.location, format!("{}.to", grant.path), rule);
    }
}

fn build(
    document: &Document<'_>,
    tiers: Vec<TierSpecification>,
    context: &PolicyContext<'_>,
    hash: PolicyHash,
) -> Policy {
    let mut buckets: HashMap<BucketName, BucketTiers> = HashMap::new();
    let mut outline = Vec::with_capacity(tiers.len());
    for TierSpecification { tier, path, bucket, prefix_text, prefix, include, inherit, .. } in tiers {
        let rule_names = |rules: &[Arc<Rule>]| rules.iter().map(|rule| Arc::clone(rule.name())).collect();
        outline.push(TierOutline {
            name: Arc::clone(tier.name()),
            bucket: bucket.value.clone(),
            prefix: prefix_text.value,
            include: include.map(|include| values(include.globs)).unwrap_or_default(),
            inherit: inherit.map(|name| name.value.into()),
            operations: Operation::ALL.into_iter().filter(|operation| tier.offers(*operation)).collect(),
            grants: rule_names(&tier.grants),
            denials: rule_names(&tier.denials),
        });
        let profile = context.buckets.get(&bucket.value).cloned().unwrap_or_default();
        let bucket = buckets.entry(bucket.value).or_insert_with(|| BucketTiers { profile, ..BucketTiers::default() });
        if let Err(conflict) = bucket.tree.insert(&prefix, Arc::new(tier)) {
            document.report(&prefix_text.location, format!("{path}.prefix"), conflict);
        }
    }
    Policy { buckets, outline, hash, members: context.members.map(Members::outline) }
}
