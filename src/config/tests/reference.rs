//! What the readers record about tables and settings.

use std::collections::BTreeSet;

use super::*;
use access_broker_base::document::{SettingReference, Values};

const DOCUMENT: &str = include_str!("../../../docs/CONFIGURATION.md");

/// The longest meaning, in bytes. What is longer belongs under the table in the document.
const MAX_MEANING: usize = 240;

fn path(table: &str, key: &str) -> String {
    format!("{table}.{key}")
}

#[test]
fn every_table_and_setting_has_a_short_meaning() {
    let reference = Config::reference();
    assert!(reference.tables.len() >= 13, "{}", reference.tables.len());
    for table in &reference.tables {
        let settings = table.settings.iter().map(|setting| (path(&table.path, setting.key), setting.meaning));
        for (path, meaning) in settings.chain([(table.path.clone(), table.meaning)]) {
            assert!(meaning.ends_with('.') && meaning.len() <= MAX_MEANING, "{path}: {meaning}");
            assert!(!meaning.contains("  ") && !meaning.contains('\n'), "{path}: {meaning}");
        }
    }
}

#[test]
fn links_in_meanings_lead_to_headings_of_the_document() {
    let anchors: BTreeSet<String> = DOCUMENT
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with("##")))
        .map(|heading| {
            let kept = heading.to_lowercase();
            let kept = kept.chars().filter(|kept| kept.is_alphanumeric() || matches!(kept, ' ' | '-' | '_'));
            format!("#{}", kept.collect::<String>().replace(' ', "-"))
        })
        .collect();
    for table in Config::reference().tables {
        for SettingReference { key, meaning, limits, absent, .. } in &table.settings {
            let texts = format!("{meaning} {limits} {absent:?}");
            for link in texts.split("](#").skip(1) {
                let anchor = format!("#{}", link.split(')').next().unwrap());
                assert!(anchors.contains(&anchor), "{}.{key}: {anchor}", table.path);
            }
        }
    }
}

/// The rules "must be …" that a setting breaks when an override gives it this value.
fn broken(path: &str, value: &str) -> Vec<String> {
    let name = format!("ACCESS_BROKER_{}", path.replace('.', "__").to_uppercase());
    let Err(problems) = parse_with(GOOD, environment(&[(&name, value)])) else { return Vec::new() };
    let of_setting = problems.as_slice().iter().filter(|problem| problem.setting == path);
    of_setting.map(|problem| problem.rule.clone()).filter(|rule| rule.starts_with("must be ")).collect()
}

#[test]
fn recorded_bounds_and_choices_are_those_that_are_checked() {
    let reference = Config::reference();
    let (mut numbers, mut choices) = (0, 0);
    for table in reference.overridable() {
        for setting in &table.settings {
            let path = path(&table.path, setting.key);
            match &setting.values {
                Values::Number { unit, least, most } => {
                    let inside = [Some(*least), Some(*most).filter(|most| *most < u64::MAX)];
                    let outside = [least.checked_sub(1), most.checked_add(1)];
                    for number in inside.into_iter().flatten() {
                        assert_eq!(broken(&path, &unit.written(number)), [""; 0], "{path} = {number}");
                    }
                    for number in outside.into_iter().flatten() {
                        assert_eq!(broken(&path, &unit.written(number)).len(), 1, "{path} = {number}");
                    }
                    numbers += 1;
                }
                Values::Choice(names) => {
                    for name in names {
                        assert_eq!(broken(&path, name), [""; 0], "{path} = {name}");
                    }
                    assert_eq!(broken(&path, "other").len(), 1, "{path}");
                    choices += 1;
                }
                _ => {}
            }
        }
    }
    assert!(numbers > 30 && choices >= 5, "{numbers} {choices}");
}
