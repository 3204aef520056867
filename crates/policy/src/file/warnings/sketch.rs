//! The tiers and rules of a policy as written, with locations, before they are checked or compiled.

use std::collections::HashMap;
use std::rc::Rc;

use crate::decide::{ClaimPattern, Operation, Template, TierPrefix};
use crate::file::reach::{Reaching, reaching};
use crate::file::rule::{STAR_OPERATIONS, is_star};
use access_broker_base::document::{Document, Located, Table};
use access_broker_identity::ClaimPath;

/// The settings of rules and conditions that comparisons know.
const RULE_SETTINGS: [&str; 5] = ["name", "tiers", "operations", "to", "endpoints"];
const CONDITION_SETTINGS: [&str; 8] =
    ["authenticated", "issuers", "groups", "scopes", "members_of", "claims", "workloads", "trust_domains"];

/// The tiers and rules of a policy, in the order of the file.
pub(super) struct PolicySketch<'d> {
    pub(super) tiers: Vec<TierSketch<'d>>,
    pub(super) grants: Vec<RuleSketch<'d>>,
    pub(super) denials: Vec<RuleSketch<'d>>,
    /// The tier that each tier inherits from.
    parents: Vec<Option<usize>>,
}

/// One `[[tier]]`.
pub(super) struct TierSketch<'d> {
    pub(super) table: Table<'d>,
    pub(super) name: String,
    pub(super) bucket: String,
    /// `None` if it is not valid, which the compiler has reported.
    pub(super) prefix: Option<Located<TierPrefix>>,
    /// Its own globs, or those of the defaults.
    pub(super) include: Vec<Located<String>>,
    download: Table<'d>,
    upload: Table<'d>,
    defaults: Option<Rc<DefaultsSketch<'d>>>,
}

/// One `[[defaults]]`.
struct DefaultsSketch<'d> {
    table: Table<'d>,
    download: Table<'d>,
    upload: Table<'d>,
}

/// One `[[grant]]` or `[[denial]]`.
pub(super) struct RuleSketch<'d> {
    pub(super) table: Table<'d>,
    pub(super) name: String,
    /// The indexes of the tiers that it names. `None`: every tier.
    pub(super) tiers: Option<Vec<usize>>,
    pub(super) operations: Vec<Operation>,
    pub(super) endpoints: Option<Vec<String>>,
    pub(super) to: ToSketch<'d>,
    /// Whether comparisons know all its settings.
    pub(super) is_plain: bool,
}

pub(super) struct ToSketch<'d> {
    pub(super) table: Table<'d>,
    pub(super) lists: [Option<Vec<Located<String>>>; 6],
    pub(super) claims_table: Table<'d>,
    pub(super) claims: Vec<ClaimSketch>,
}

/// The condition on one claim.
pub(super) struct ClaimSketch {
    /// As the file has it.
    pub(super) name: String,
    pub(super) path: ClaimPath,
    pub(super) values: Vec<Located<String>>,
    patterns: Vec<ClaimPattern>,
}

/// The conditions that are lists, in the order of [`ToSketch::lists`].
pub(super) const LISTS: [&str; 6] = ["issuers", "groups", "scopes", "members_of", "workloads", "trust_domains"];

impl<'d> PolicySketch<'d> {
    pub(super) fn read(document: &'d Document<'d>) -> Self {
        let mut root = document.root();
        let defaults: HashMap<String, Rc<DefaultsSketch<'d>>> =
            root.tables("defaults").into_iter().filter_map(DefaultsSketch::read).collect();
        let tables = root.tables("tier").into_iter();
        let tiers: Vec<_> = tables.map(|table| TierSketch::read(table, &defaults)).collect();
        let by_name: HashMap<&str, usize> =
            tiers.iter().enumerate().map(|(index, tier)| (tier.name.as_str(), index)).collect();
        let parent = |tier: &TierSketch<'_>| by_name.get(tier.table.peek_string("inherit")?.value.as_str()).copied();
        let parents = tiers.iter().map(parent).collect();
        let mut rules = |kind: &'static str| -> Vec<RuleSketch<'d>> {
            let tables = root.tables(kind).into_iter().enumerate();
            tables.map(|(index, table)| RuleSketch::read(table, kind, index, &by_name)).collect()
        };
        let (grants, denials) = (rules("grant"), rules("denial"));
        Self { tiers, grants, denials, parents }
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &RuleSketch<'d>> {
        self.grants.iter().chain(&self.denials)
    }

    /// The tiers that a rule names. With `*` there are none: such a rule need not be of use in each tier.
    pub(super) fn named_tiers_of<'s>(&'s self, rule: &'s RuleSketch<'d>) -> impl Iterator<Item = &'s TierSketch<'d>> {
        rule.tiers.iter().flatten().filter_map(|index| self.tiers.get(*index))
    }

    /// The rules of a list that reach each tier, by their positions in the list.
    pub(super) fn reaching<'s>(&self, rules: impl IntoIterator<Item = &'s RuleSketch<'d>>) -> Vec<Reaching>
    where
        'd: 's,
    {
        let tiers_of = |rule: &RuleSketch<'d>| match &rule.tiers {
            None => (0..self.tiers.len()).collect(),
            Some(indexes) => indexes.clone(),
        };
        reaching(rules.into_iter().map(tiers_of), &self.parents)
    }
}

impl<'d> DefaultsSketch<'d> {
    /// With the bucket.
    fn read(mut table: Table<'d>) -> Option<(String, Rc<Self>)> {
        let bucket = table.peek_string("bucket")?.value;
        let (download, upload) = (table.table("download"), table.table("upload"));
        Some((bucket, Rc::new(Self { table, download, upload })))
    }

    const fn table_of(&self, operation: Operation) -> &Table<'d> {
        match operation {
            Operation::Download => &self.download,
            Operation::Upload => &self.upload,
        }
    }
}

impl<'d> TierSketch<'d> {
    fn read(mut table: Table<'d>, defaults: &HashMap<String, Rc<DefaultsSketch<'d>>>) -> Self {
        let [name, bucket] =
            ["name", "bucket"].map(|key| table.peek_string(key).map(|name| name.value).unwrap_or_default());
        let defaults = defaults.get(&bucket).cloned();
        let include = match &defaults {
            Some(defaults) if !table.holds("include") => defaults.table.peek_strings("include"),
            _ => table.peek_strings("include"),
        };
        let prefix = table
            .peek_string("prefix")
            .and_then(|text| Some(Located { value: TierPrefix::parse(&text.value).ok()?, location: text.location }));
        let (download, upload) = (table.table("download"), table.table("upload"));
        Self { table, name, bucket, prefix, include, download, upload, defaults }
    }

    pub(super) fn offers(&self, operation: Operation) -> bool {
        self.table_of(operation).is_present()
    }

    pub(super) const fn table_of(&self, operation: Operation) -> &Table<'d> {
        match operation {
            Operation::Download => &self.download,
            Operation::Upload => &self.upload,
        }
    }

    /// The table that has a setting of an operation: the tier's, or that of the defaults. `None`: neither has it.
    pub(super) fn table_with(&self, operation: Operation, key: &str) -> Option<&Table<'d>> {
        let own = self.table_of(operation);
        if own.holds(key) {
            return Some(own);
        }
        self.defaults.as_ref().map(|defaults| defaults.table_of(operation)).filter(|table| table.holds(key))
    }

    /// The templates in the prefix.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.prefix.iter().flat_map(|prefix| prefix.value.templates())
    }
}

impl<'d> RuleSketch<'d> {
    fn read(mut table: Table<'d>, kind: &str, index: usize, by_name: &HashMap<&str, usize>) -> Self {
        let is_plain = |table: &Table<'d>, known: &[&str]| table.keys().all(|key| known.contains(&key));
        let rule_is_plain = is_plain(&table, &RULE_SETTINGS);
        let name = table.peek_string("name").map_or_else(|| format!("{kind}[{index}]"), |name| name.value);
        let names = table.strings("tiers").filter(|names| !names.iter().any(|name| is_star(&name.value)));
        let tiers = names
            .map(|names| names.iter().filter_map(|name| by_name.get(name.value.as_str()).copied()).collect::<Vec<_>>());
        let operations = match table.strings("operations") {
            None => Operation::ALL.to_vec(),
            Some(names) if names.iter().any(|name| is_star(&name.value)) => STAR_OPERATIONS.to_vec(),
            Some(names) => {
                let is_named = |operation: &Operation| names.iter().any(|name| name.value == operation.name());
                Operation::ALL.into_iter().filter(is_named).collect()
            }
        };
        let endpoints = table.strings("endpoints").map(|names| names.into_iter().map(|name| name.value).collect());
        let to = ToSketch::read(table.table("to"));
        let is_plain = rule_is_plain && is_plain(&to.table, &CONDITION_SETTINGS);
        Self { table, name, tiers, operations, endpoints, to, is_plain }
    }
}

impl<'d> ToSketch<'d> {
    fn read(mut table: Table<'d>) -> Self {
        let lists = LISTS.map(|key| table.strings(key));
        let claims_table = table.table("claims");
        // Compiling the policy reported values that are not scalars.
        let mut names: Vec<&str> = claims_table.keys().collect();
        names.sort_unstable();
        let claim = |name: &str| ClaimSketch::new(name, claims_table.scalars_as_text(name)?);
        let claims = names.into_iter().filter_map(claim).collect();
        Self { table, lists, claims_table, claims }
    }

    /// The values of `issuers`.
    pub(super) fn issuers(&self) -> Option<&[Located<String>]> {
        let [issuers, ..] = &self.lists;
        issuers.as_deref()
    }

    /// The most comparisons of values that [`covers`](Self::covers) makes.
    pub(super) fn comparisons_with(&self, narrow: &Self) -> usize {
        let lists = self.lists.iter().zip(&narrow.lists);
        let lists = lists.map(|(wide, narrow)| wide.as_ref().map_or(0, Vec::len) * narrow.as_ref().map_or(0, Vec::len));
        let values = |claims: &[ClaimSketch]| claims.iter().map(|claim| 1 + claim.values.len()).sum::<usize>();
        lists.sum::<usize>() + values(&self.claims) * values(&narrow.claims)
    }

    /// Whether this means every caller that `narrow` means. `false` if that is not certain.
    pub(super) fn covers(&self, narrow: &Self) -> bool {
        let is_subset = |narrow: &[Located<String>], wide: &[Located<String>]| {
            narrow.iter().all(|value| wide.iter().any(|other| other.value == value.value))
        };
        let lists_cover = self.lists.iter().zip(&narrow.lists).all(|(wide, narrow)| match (wide, narrow) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wide), Some(narrow)) => is_subset(narrow, wide),
        });
        lists_cover && self.claims.iter().all(|wide| narrow.claims.iter().any(|narrow| wide.covers(narrow)))
    }
}

impl ClaimSketch {
    fn new(name: &str, values: Vec<Located<String>>) -> Option<Self> {
        let patterns = values.iter().filter_map(|value| ClaimPattern::parse(&value.value).ok()).collect();
        Some(Self { name: name.to_owned(), path: ClaimPath::parse(name).ok()?, values, patterns })
    }

    pub(super) fn values_with_patterns(&self) -> impl Iterator<Item = (&Located<String>, &ClaimPattern)> {
        self.values.iter().zip(&self.patterns)
    }

    /// Whether every value of the claim that `narrow` means is one that this means. `false` if that is not certain.
    fn covers(&self, narrow: &Self) -> bool {
        let is_covered = |narrow: &ClaimPattern| self.patterns.iter().any(|wide| wide.covers(narrow));
        self.path == narrow.path && narrow.patterns.iter().all(is_covered)
    }
}
