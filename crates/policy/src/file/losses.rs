//! What a changed policy file has less of than the file before it.
//!
//! A truncated file can still be a valid policy, without the denials, conditions and limits at its end. So this counts
//! tiers, grants, denials, conditions, and every setting and value, in the whole file and in each tier and rule that has a
//! name.
//!
//! It compares the texts before variables are replaced: a changed variable is no loss of the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

/// Something that the changed file has less of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    what: String,
    before: usize,
    after: usize,
}

impl Loss {
    /// The only thing of its kind is missing.
    pub(super) const fn of_one(what: String) -> Self {
        Self { what, before: 1, after: 0 }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} instead of {}", self.what, self.after, self.before)
    }
}

/// What `after` has less of than `before`, the largest parts first. Both are texts of policies, with their variables; a text
/// that is not TOML has nothing.
#[must_use]
pub fn losses(before: &str, after: &str) -> Vec<Loss> {
    let cut_off =
        is_cut_in_a_word(after).then(|| Loss { what: "ends of the last line".to_owned(), before: 1, after: 0 });
    let (before, after) = (Inventory::read(before), Inventory::read(after));
    let mut found: Vec<Loss> = cut_off.into_iter().collect();
    for (kinds_before, kinds_after) in [(&before.kinds, &after.kinds), (&before.settings, &after.settings)] {
        found.extend(fewer(kinds_before, kinds_after, str::to_owned));
    }
    let gone = before.safeguards.difference(&after.safeguards);
    found.extend(gone.map(|name| Loss { what: name.clone(), before: 1, after: 0 }));
    for (owner, settings) in &before.named {
        if let Some(settings_after) = after.named.get(owner) {
            found.extend(fewer(settings, settings_after, |setting| format!("{setting} of {owner}")));
        }
    }
    found
}

/// Whether the text may end inside a word: a truncated number is another number.
fn is_cut_in_a_word(text: &str) -> bool {
    text.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_')
}

fn fewer<'c>(
    before: &'c Counts,
    after: &'c Counts,
    name: impl Fn(&str) -> String + 'c,
) -> impl Iterator<Item = Loss> + 'c {
    before.iter().filter_map(move |(what, count)| {
        let now = after.get(what).copied().unwrap_or_default();
        (now < *count).then(|| Loss { what: name(what), before: *count, after: now })
    })
}

/// The array of tables that has a bucket instead of a name.
const DEFAULTS: &str = "defaults";

type Counts = BTreeMap<String, usize>;

#[derive(Default)]
struct Inventory {
    /// Tiers, grants, denials, defaults and conditions.
    kinds: Counts,
    /// By dotted path, without the numbers that count tables.
    settings: Counts,
    /// The settings of each tier, grant and denial that has a name, and of the defaults of each bucket.
    named: BTreeMap<String, Counts>,
    /// Every tier, denial and defaults, by its name or else by its content.
    safeguards: BTreeSet<String>,
}

impl Inventory {
    fn read(text: &str) -> Self {
        let mut inventory = Self::default();
        let Ok(root) = DeTable::parse(text) else { return inventory };
        count_table("", root.get_ref(), &mut inventory.settings);
        for kind in ["tier", "grant", "denial", DEFAULTS] {
            let entries = root.get_ref().get(kind).and_then(|value| value.get_ref().as_array());
            for table in
                entries.into_iter().flat_map(|array| array.iter()).filter_map(|value| value.get_ref().as_table())
            {
                inventory.count_entry(kind, table);
            }
        }
        inventory
    }

    fn count_entry(&mut self, kind: &str, table: &DeTable<'_>) {
        let plural = if kind == DEFAULTS { kind.to_owned() } else { format!("{kind}s") };
        *self.kinds.entry(plural).or_default() += 1;
        let to = table.get("to").and_then(|to| to.get_ref().as_table());
        *self.kinds.entry("conditions".to_owned()).or_default() += to.map_or(0, conditions);
        let name = table.get(if kind == DEFAULTS { "bucket" } else { "name" });
        let name = name.and_then(|name| name.get_ref().as_str()).map(|name| format!("{kind} {name:?}"));
        if kind != "grant" {
            self.safeguards.insert(name.clone().unwrap_or_else(|| content_of(kind, table)));
        }
        if let Some(name) = name {
            count_table("", table, self.named.entry(name).or_default());
        }
    }
}

/// The conditions of a rule: each entry of `to`, and each claim.
fn conditions(to: &DeTable<'_>) -> usize {
    to.iter().map(|(_, value)| value.get_ref().as_table().map_or(1, DeTable::len)).sum()
}

fn count_table(path: &str, table: &DeTable<'_>, counts: &mut Counts) {
    for (key, value) in table {
        let key = key.get_ref();
        let path = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
        let mut items: &[Spanned<DeValue<'_>>] = &[];
        match value.get_ref() {
            DeValue::Table(table) => count_table(&path, table, counts),
            DeValue::Array(array) => items = array,
            _ => {}
        }
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => count_table(&path, table, counts),
                _ => *counts.entry(format!("values of {path}")).or_default() += 1,
            }
        }
        // Lists of tables are counted by their elements.
        if !items.iter().any(|item| item.get_ref().is_table()) {
            *counts.entry(path).or_default() += 1;
        }
    }
}

/// A text that is equal for tables of equal content, in any order of keys.
fn content_of(kind: &str, table: &DeTable<'_>) -> String {
    let mut text = format!("{kind} without a name, ");
    write_table(table, &mut text);
    text
}

fn write_table(table: &DeTable<'_>, text: &mut String) {
    let sorted: BTreeMap<&str, &DeValue<'_>> =
        table.iter().map(|(key, value)| (key.get_ref().as_ref(), value.get_ref())).collect();
    text.push('{');
    for (key, value) in sorted {
        // Writing to a string does not fail.
        let _ = write!(text, " {key:?} = ");
        write_value(value, text);
    }
    text.push_str(" }");
}

fn write_value(value: &DeValue<'_>, text: &mut String) {
    match value {
        DeValue::Table(table) => write_table(table, text),
        DeValue::Array(items) => {
            text.push('[');
            for item in items {
                write_value(item.get_ref(), text);
                text.push(' ');
            }
            text.push(']');
        }
        DeValue::String(string) => {
            let _ = write!(text, "{string:?}");
        }
        DeValue::Integer(number) => text.push_str(number.as_str()),
        DeValue::Float(number) => text.push_str(number.as_str()),
        DeValue::Boolean(flag) => text.push_str(if *flag { "true" } else { "false" }),
        DeValue::Datetime(time) => {
            let _ = write!(text, "{time}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = r#"
[[tier]]
name = "pictures"
bucket = "media"
prefix = "pictures/"
include = ["*.jpg", "*.png"]
download = { max_ttl = "1h", end_with_token = true }
[tier.upload]
max_size = "1MiB"
content_types = ["image/jpeg"]
checksum = "sha256"
tags = { origin = "uploads" }
[tier.upload.encryption]
algorithm = "aws:kms"

[[tier]]
name = "films"
bucket = "media"
prefix = "films/"
download = {}
quota = { caller = "1/s", caller_burst = 20 }

[[grant]]
tiers = ["pictures", "films"]
operations = ["download"]
to = { groups = ["a"], claims = { email = "x@example.com", level = 20 } }

[[denial]]
name = "contractors"
operations = ["upload"]
to = { groups = ["contractors", "guests"] }

[[denial]]
to = { claims = { level = 20 } }
"#;

    fn lost(after: &str) -> Vec<String> {
        losses(BEFORE, after).iter().map(Loss::to_string).collect()
    }

    /// The losses if one piece of the text is replaced.
    fn lost_with(from: &str, to: &str) -> Vec<String> {
        assert_eq!(BEFORE.matches(from).count(), 1, "{from}");
        lost(&BEFORE.replace(from, to))
    }

    #[test]
    fn the_same_file_an_addition_and_another_value_lose_nothing() {
        assert_eq!(lost(BEFORE), [""; 0]);
        assert_eq!(lost_with("\"1MiB\"", "\"2MiB\""), [""; 0]);
        assert_eq!(lost_with("[\"image/jpeg\"]", "[\"image/jpeg\", \"image/png\"]"), [""; 0]);
        assert_eq!(lost_with("guests", "visitors"), [""; 0]);
        assert_eq!(lost_with("x@example.com", "y@example.com"), [""; 0]);
        let more = format!("{BEFORE}[[denial]]\nto = {{ authenticated = true }}\n");
        assert_eq!(lost(&more), [""; 0]);
        assert_eq!(losses("", BEFORE), []);
    }

    #[test]
    fn each_kind_is_counted() {
        let cases = [
            ("[[denial]]\nto = { claims = { level = 20 } }\n", "denials: 1 instead of 2"),
            ("[[denial]]\nto = { claims = { level = 20 } }\n", "conditions: 4 instead of 5"),
            (", level = 20 } }\n\n[[denial]]\nname", "conditions: 4 instead of 5"),
            ("include = [\"*.jpg\", \"*.png\"]\n", "tier.include: 0 instead of 1"),
            (", \"*.png\"", "values of tier.include: 1 instead of 2"),
            (", end_with_token = true", "tier.download.end_with_token: 0 instead of 1"),
            ("max_size = \"1MiB\"\n", "tier.upload.max_size: 0 instead of 1"),
            ("content_types = [\"image/jpeg\"]\n", "tier.upload.content_types: 0 instead of 1"),
            ("checksum = \"sha256\"\n", "tier.upload.checksum: 0 instead of 1"),
            ("tags = { origin = \"uploads\" }\n", "tier.upload.tags.origin: 0 instead of 1"),
            ("[tier.upload.encryption]\nalgorithm = \"aws:kms\"\n", "tier.upload.encryption: 0 instead of 1"),
            (", caller_burst = 20", "tier.quota.caller_burst: 0 instead of 1"),
            ("operations = [\"upload\"]\n", "denial.operations: 0 instead of 1"),
            (", \"guests\"", "values of denial.to.groups: 1 instead of 2"),
        ];
        for (piece, expected) in cases {
            let to = if piece.starts_with(", level") { " } }\n\n[[denial]]\nname" } else { "" };
            let lost = lost_with(piece, to);
            assert!(lost.iter().any(|loss| loss == expected), "without {piece:?}: {lost:?}");
        }
        let grant = BEFORE.find("[[grant]]").unwrap();
        let lost_at_grant = lost(&BEFORE[..grant]);
        for expected in ["grants: 0 instead of 1", "denials: 0 instead of 2", "conditions: 0 instead of 5"] {
            assert!(lost_at_grant.iter().any(|loss| loss == expected), "{lost_at_grant:?}");
        }
        let films = BEFORE.rfind("[[tier]]").unwrap();
        assert!(lost(&BEFORE[..films]).contains(&"tiers: 1 instead of 2".to_owned()));
    }

    #[test]
    fn defaults_are_told_apart_by_their_buckets() {
        let media = "[[defaults]]\nbucket = \"media\"\ndownload = { end_with_token = true }\n";
        let archive = media.replace("media", "archive");
        let lost =
            |before: &str, after: &str| -> Vec<String> { losses(before, after).iter().map(Loss::to_string).collect() };
        assert_eq!(lost(media, &format!("{archive}{media}")), [""; 0]);
        assert_eq!(lost(media, &archive), ["defaults \"media\": 0 instead of 1"]);
        assert!(lost(media, "").contains(&"defaults: 0 instead of 1".to_owned()));
        let without = media.replace("end_with_token = true", "");
        let expected = "download.end_with_token of defaults \"media\": 0 instead of 1";
        assert_eq!(lost(media, &format!("{archive}{without}")), [expected]);
    }

    #[test]
    fn an_addition_does_not_hide_a_loss() {
        let extra = "[[tier]]\nname = \"extra\"\nbucket = \"media\"\nprefix = \"extra/\"\ndownload = {}\n\
                     upload = { max_size = \"1MiB\", checksum = \"sha256\" }\n\
                     [[grant]]\ntiers = [\"extra\"]\noperations = [\"upload\"]\nto = { groups = [\"b\"] }\n\
                     [[denial]]\nname = \"extra\"\nto = { claims = { level = 30 } }\n";
        let with_extra = |text: &str| lost(&format!("{extra}{text}"));
        assert_eq!(with_extra(BEFORE), [""; 0]);
        let of_tier = with_extra(&BEFORE.replace("max_size = \"1MiB\"\n", ""));
        assert_eq!(of_tier, ["upload.max_size of tier \"pictures\": 0 instead of 1"]);
        let unnamed = with_extra(&BEFORE.replace("[[denial]]\nto = { claims = { level = 20 } }\n", ""));
        let expected = "denial without a name, { \"to\" = { \"claims\" = { \"level\" = 20 } } }: 0 instead of 1";
        assert_eq!(unnamed, [expected]);
        let named = BEFORE.replace("name = \"contractors\"", "name = \"others\"");
        assert_eq!(with_extra(&named), ["denial \"contractors\": 0 instead of 1"]);
        let tier = BEFORE.replace("\"films\"", "\"movies\"");
        assert_eq!(with_extra(&tier), ["tier \"films\": 0 instead of 1"]);
    }

    #[test]
    fn a_text_that_ends_inside_a_word_is_truncated() {
        for (end, is_cut) in
            [("level = 2", true), ("level = 2\n", false), ("\"a\"", false), ("{}", false), ("x_", true)]
        {
            assert_eq!(is_cut_in_a_word(end), is_cut, "{end}");
        }
        let with_burst = "[[denial]]\n[denial.to.claims]\nlevel = 20";
        assert_eq!(losses("", with_burst)[0].to_string(), "ends of the last line: 0 instead of 1");
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let (one, other) = ("denial = [{ to = { a = 1, b = [2] } }]\n", "denial = [{ to = { b = [2], a = 1 } }]\n");
        assert_eq!(losses(one, other), []);
    }

    #[test]
    fn a_text_that_is_not_toml_has_nothing() {
        assert!(lost("[[tier]\n").contains(&"tiers: 0 instead of 2".to_owned()));
    }
}
