//! From the text of a policy file to a policy, or to everything that is wrong with it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::object_key::BucketName;
use super::rule::{self, Operation, RuleWithTiers};
use super::tier::{Tier, TierSpecification};
use super::tier_tree::TierTree;
use crate::document::{Document, Located, Overrides, Problems};

/// What a policy may refer to: the server's configuration as far as it concerns policies.
#[derive(Debug, Clone, Copy)]
pub struct PolicyContext<'c> {
    /// The logical buckets.
    pub buckets: &'c BTreeSet<BucketName>,
    /// The trusted issuers.
    pub issuers: &'c BTreeSet<String>,
}

/// A compiled policy. It decides; see [`decide_download`](Self::decide_download) and
/// [`decide_upload`](Self::decide_upload).
#[derive(Debug)]
pub struct Policy {
    pub(super) trees: HashMap<BucketName, TierTree>,
    outline: Vec<TierOutline>,
}

/// One tier as `access-broker check` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierOutline {
    /// The tier's name.
    pub name: Arc<str>,
    /// Its logical bucket.
    pub bucket: BucketName,
    /// Its prefix as written.
    pub prefix: String,
    /// What it offers.
    pub operations: Vec<Operation>,
    /// The names of the grants that reach it.
    pub grants: Vec<Arc<str>>,
    /// The names of the denials that reach it.
    pub denials: Vec<Arc<str>>,
}

impl Policy {
    /// Compiles the text of a policy file. `origin` is its name in messages.
    ///
    /// # Errors
    ///
    /// Every broken rule with its line. Nothing of such a policy is used.
    pub fn parse(origin: &str, text: &str, context: &PolicyContext<'_>) -> Result<Self, Problems> {
        let document = Document::parse(origin, text, Overrides::new())?;
        let compiled = compile(&document, context);
        document.into_result(Some(compiled))
    }

    /// The tiers in the order of the file.
    #[must_use]
    pub fn outline(&self) -> &[TierOutline] {
        &self.outline
    }
}

fn compile(document: &Document<'_>, context: &PolicyContext<'_>) -> Policy {
    let mut root = document.root();
    let mut tiers: Vec<TierSpecification> = root.tables("tier").into_iter().filter_map(Tier::read).collect();
    let grants = read_rules(root.tables("grant"), context, rule::read_grant);
    let denials = read_rules(root.tables("denial"), context, rule::read_denial);
    if !root.keys().any(|key| key == "tier") {
        root.report_here("must hold at least one [[tier]]");
    }
    root.finish();

    let by_name = index_by_name(document, &tiers);
    for tier in &tiers {
        if !context.buckets.contains(&tier.bucket.value) {
            document.report(&tier.bucket.place, "tier.bucket", "is not a bucket of the server's configuration");
        }
    }
    for grant in grants {
        report_unreachable(document, &grant, &tiers, &by_name);
        for index in named_tiers(document, "grant.tiers", &grant, &by_name, tiers.len()) {
            if let Some(specification) = tiers.get_mut(index) {
                specification.tier.grants.push(Arc::clone(&grant.rule));
            }
        }
    }
    for denial in denials {
        for index in named_tiers(document, "denial.tiers", &denial, &by_name, tiers.len()) {
            if let Some(specification) = tiers.get_mut(index) {
                specification.tier.denials.push(Arc::clone(&denial.rule));
            }
        }
    }
    build(document, tiers)
}

fn read_rules<'d>(
    tables: Vec<crate::document::Table<'d>>,
    context: &PolicyContext<'_>,
    read: impl Fn(crate::document::Table<'d>, usize, &PolicyContext<'_>) -> RuleWithTiers,
) -> Vec<RuleWithTiers> {
    tables.into_iter().enumerate().map(|(index, table)| read(table, index, context)).collect()
}

fn index_by_name(document: &Document<'_>, tiers: &[TierSpecification]) -> HashMap<String, usize> {
    let mut by_name = HashMap::new();
    for (index, TierSpecification { name: Located { value, place }, .. }) in tiers.iter().enumerate() {
        if by_name.insert(value.clone(), index).is_some() {
            document.report(place, "tier.name", "is the name of another tier already");
        }
    }
    by_name
}

/// The tiers that a rule names; unknown names are reported.
fn named_tiers(
    document: &Document<'_>,
    setting: &str,
    rule: &RuleWithTiers,
    by_name: &HashMap<String, usize>,
    tier_count: usize,
) -> Vec<usize> {
    let Some(names) = &rule.tiers else {
        return (0..tier_count).collect();
    };
    let mut indexes = Vec::new();
    for Located { value, place } in names {
        match by_name.get(value) {
            Some(index) => indexes.push(*index),
            None => document.report(place, setting, format!("names {value:?}, which is no tier of this file")),
        }
    }
    indexes
}

/// A grant of an operation that none of its tiers offers would look like a permission and be none.
fn report_unreachable(
    document: &Document<'_>,
    grant: &RuleWithTiers,
    tiers: &[TierSpecification],
    by_name: &HashMap<String, usize>,
) {
    let named: Vec<&TierSpecification> = grant
        .tiers
        .iter()
        .flatten()
        .filter_map(|name| by_name.get(&name.value).and_then(|index| tiers.get(*index)))
        .collect();
    if named.is_empty() {
        return;
    }
    for operation in grant.rule.operations() {
        if !named.iter().any(|specification| specification.tier.offers(*operation)) {
            let rule = format!("grants {operation}, but none of its tiers has {operation}s");
            document.report(&grant.operations_place, "grant.operations", rule);
        }
    }
}

fn build(document: &Document<'_>, tiers: Vec<TierSpecification>) -> Policy {
    let mut trees: HashMap<BucketName, TierTree> = HashMap::new();
    let mut outline = Vec::with_capacity(tiers.len());
    for TierSpecification { tier, bucket, prefix_text, prefix, .. } in tiers {
        let rule_names = |rules: &[Arc<rule::Rule>]| rules.iter().map(|rule| Arc::clone(rule.name())).collect();
        outline.push(TierOutline {
            name: Arc::clone(tier.name()),
            bucket: bucket.value.clone(),
            prefix: prefix_text.value,
            operations: Operation::ALL.into_iter().filter(|operation| tier.offers(*operation)).collect(),
            grants: rule_names(&tier.grants),
            denials: rule_names(&tier.denials),
        });
        let tree = trees.entry(bucket.value).or_default();
        if let Err(conflict) = tree.insert(&prefix, Arc::new(tier)) {
            document.report(&prefix_text.place, "tier.prefix", conflict);
        }
    }
    Policy { trees, outline }
}
