//! The tiers and rules of a policy as written, with locations, before they are checked or compiled.

use std::collections::HashMap;

use crate::decide::Operation;
use access_broker_base::document::{Document, Located, Location, Table};

/// The settings of rules and conditions that comparisons know.
const RULE_SETTINGS: [&str; 5] = ["name", "tiers", "operations", "to", "endpoints"];
const CONDITION_SETTINGS: [&str; 7] =
    ["authenticated", "issuers", "groups", "scopes", "claims", "workloads", "trust_domains"];

/// The tiers and rules of a policy, in the order of the file.
pub(super) struct PolicySketch<'d> {
    pub(super) tiers: Vec<TierSketch<'d>>,
    pub(super) grants: Vec<RuleSketch<'d>>,
    pub(super) denials: Vec<RuleSketch<'d>>,
}

/// One `[[tier]]`.
pub(super) struct TierSketch<'d> {
    pub(super) table: Table<'d>,
    pub(super) name: String,
    pub(super) prefix: Located<String>,
    pub(super) download: Table<'d>,
    pub(super) upload: Table<'d>,
}

/// One `[[grant]]` or `[[denial]]`.
pub(super) struct RuleSketch<'d> {
    pub(super) table: Table<'d>,
    pub(super) name: String,
    /// The indexes of its tiers. `None`: every tier.
    pub(super) tiers: Option<Vec<usize>>,
    pub(super) operations: Vec<Operation>,
    pub(super) endpoints: Option<Vec<String>>,
    pub(super) to: ToSketch<'d>,
    /// Whether comparisons know all its settings.
    pub(super) is_plain: bool,
}

pub(super) struct ToSketch<'d> {
    pub(super) table: Table<'d>,
    pub(super) lists: [Option<Vec<Located<String>>>; 5],
    pub(super) claims_table: Table<'d>,
    pub(super) claims: Vec<(String, Vec<Located<String>>)>,
}

/// The conditions that are lists, in the order of [`ToSketch::lists`].
pub(super) const LISTS: [&str; 5] = ["issuers", "groups", "scopes", "workloads", "trust_domains"];

impl<'d> PolicySketch<'d> {
    pub(super) fn read(document: &'d Document<'d>) -> Self {
        let mut root = document.root();
        let tiers: Vec<_> = root.tables("tier").into_iter().map(TierSketch::read).collect();
        let by_name: HashMap<&str, usize> =
            tiers.iter().enumerate().map(|(index, tier)| (tier.name.as_str(), index)).collect();
        let mut rules = |kind: &'static str| -> Vec<RuleSketch<'d>> {
            let tables = root.tables(kind).into_iter().enumerate();
            tables.map(|(index, table)| RuleSketch::read(table, kind, index, &by_name)).collect()
        };
        let (grants, denials) = (rules("grant"), rules("denial"));
        Self { tiers, grants, denials }
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &RuleSketch<'d>> {
        self.grants.iter().chain(&self.denials)
    }

    /// The tiers of a rule, with their indexes.
    pub(super) fn tiers_of<'s>(
        &'s self,
        rule: &'s RuleSketch<'d>,
    ) -> Box<dyn Iterator<Item = (usize, &'s TierSketch<'d>)> + 's> {
        match &rule.tiers {
            None => Box::new(self.tiers.iter().enumerate()),
            Some(indexes) => {
                Box::new(indexes.iter().filter_map(|index| self.tiers.get(*index).map(|tier| (*index, tier))))
            }
        }
    }
}

impl<'d> TierSketch<'d> {
    fn read(mut table: Table<'d>) -> Self {
        let name = table.peek_string("name").map(|name| name.value).unwrap_or_default();
        let prefix =
            table.peek_string("prefix").unwrap_or(Located { value: String::new(), location: Location::Document });
        let (download, upload) = (table.table("download"), table.table("upload"));
        Self { table, name, prefix, download, upload }
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

    /// The claims in the prefix.
    pub(super) fn prefix_claims(&self) -> Vec<&str> {
        let templates = self.prefix.value.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let names = templates.map(|template| template.strip_prefix("claims.").unwrap_or(template));
        names.collect()
    }
}

impl<'d> RuleSketch<'d> {
    fn read(mut table: Table<'d>, kind: &str, index: usize, by_name: &HashMap<&str, usize>) -> Self {
        let is_plain = |table: &Table<'d>, known: &[&str]| table.keys().all(|key| known.contains(&key));
        let rule_is_plain = is_plain(&table, &RULE_SETTINGS);
        let name = table.peek_string("name").map_or_else(|| format!("{kind}[{index}]"), |name| name.value);
        let names = table.strings("tiers");
        let tiers = names
            .map(|names| names.iter().filter_map(|name| by_name.get(name.value.as_str()).copied()).collect::<Vec<_>>());
        let operations = match table.strings("operations") {
            None => Operation::ALL.to_vec(),
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
        let values = |name: &str| Some((name.to_owned(), claims_table.scalars_as_text(name)?));
        let claims = names.into_iter().filter_map(values).collect();
        Self { table, lists, claims_table, claims }
    }

    /// The most comparisons of values that [`covers`](Self::covers) makes.
    pub(super) fn comparisons_with(&self, narrow: &Self) -> usize {
        let lists = self.lists.iter().zip(&narrow.lists);
        let lists = lists.map(|(wide, narrow)| wide.as_ref().map_or(0, Vec::len) * narrow.as_ref().map_or(0, Vec::len));
        let values = |claims: &[(String, Vec<Located<String>>)]| claims.iter().map(|(_, v)| 1 + v.len()).sum::<usize>();
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
        lists_cover
            && self.claims.iter().all(|(name, wide)| {
                narrow.claims.iter().any(|(other, values)| other == name && is_subset(values, wide))
            })
    }
}
