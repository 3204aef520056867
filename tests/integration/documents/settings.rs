//! The reference tables of settings, which are written from what the readers of settings record.

use std::collections::BTreeSet;

use access_broker_base::document::{Absent, Reference, SettingReference, Unit, Values};
use access_broker_policy::{CompiledPolicy, Members};

use super::*;

const END: &str = "<!-- /settings -->";

/// The tables of a page: the line that begins each, the path of its table, and the keys that it shows, if not all.
fn generated_tables(document: &str) -> Vec<(String, String, Vec<String>)> {
    let begins = document.lines().filter(|line| line.starts_with("<!-- settings "));
    let tables = begins.map(|line| {
        let words = line.trim_start_matches("<!-- settings ").trim_end_matches("-->");
        let mut words = words.split_whitespace().map(str::to_owned);
        (format!("{line}\n"), words.next().expect("the path of a table"), words.collect())
    });
    tables.collect()
}

fn type_name(values: &Values) -> &str {
    match values {
        Values::Flag => "boolean",
        Values::Choice(_) => "string",
        Values::List("string") => "strings",
        Values::Text(name) | Values::List(name) => name,
        Values::Number { unit: Unit::Count, .. } => "integer",
        Values::Number { unit: Unit::Seconds, .. } => "duration",
        Values::Number { unit: Unit::Bytes, .. } => "size",
    }
}

fn limits(setting: &SettingReference) -> String {
    let bounds = match &setting.values {
        Values::Choice(names) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        values => values.bounds(),
    };
    [bounds.as_str(), setting.limits].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn absent(setting: &SettingReference) -> String {
    match &setting.absent {
        Absent::Invalid => "required".to_owned(),
        Absent::Default(value) => format!("`{value}`"),
        Absent::Described(words) => (*words).to_owned(),
    }
}

fn row(cells: [&str; 5]) -> String {
    assert!(cells.iter().all(|cell| !cell.contains(['|', '\n'])), "{cells:?}");
    format!("| {} |\n", cells.join(" | ")).replace("|  |", "| |").replace("|  |", "| |")
}

fn table(reference: &Reference, path: &str, keys: &[String]) -> String {
    let table = reference.table(path).unwrap_or_else(|| panic!("no reader reads a table {path}"));
    let is_shown = |key: &str| keys.is_empty() || keys.iter().any(|shown| shown == key);
    let mut text = String::from("| setting | type | default | limits | meaning |\n|---|---|---|---|---|\n");
    for setting in table.settings.iter().filter(|setting| is_shown(setting.key)) {
        let key = format!("`{}`", setting.key);
        let (absent, limits) = (absent(setting), limits(setting));
        text += &row([&key, type_name(&setting.values), &absent, &limits, setting.meaning]);
    }
    for (key, child) in reference.children(path).filter(|(key, _)| is_shown(key)) {
        let (key, kind) = (format!("`{key}`"), if child.is_list { "tables" } else { "table" });
        text += &row([&key, kind, child.absent, "", child.meaning]);
    }
    text
}

fn references() -> [(&'static str, Reference); 3] {
    let members = (MEMBERS, Members::reference());
    [(CONFIGURATION, Config::reference()), (POLICY, CompiledPolicy::reference()), members]
}

#[test]
fn the_tables_of_settings_are_the_programs() {
    for (page, reference) in references() {
        let tables = generated_tables(&read(page));
        for (begin, path, keys) in &tables {
            hold_generated(page, begin, END, &table(&reference, path, keys));
        }
        for known in &reference.tables {
            let shown = |key: &str| {
                tables.iter().any(|(_, path, keys)| {
                    *path == known.path && (keys.is_empty() || keys.iter().any(|shown| shown == key))
                })
            };
            // What a grant and a denial, or a tier and defaults have alike needs one table.
            let shown_once = ["denial.", "defaults."].iter().any(|alike| known.path.starts_with(alike));
            for setting in known.settings.iter().filter(|_| !shown_once) {
                assert!(shown(setting.key), "{page} has no row for {} of {:?}", setting.key, known.path);
            }
        }
    }
}

#[test]
fn every_table_and_setting_has_a_meaning() {
    for (page, reference) in references() {
        let least = if page == MEMBERS { 4 } else { 30 };
        assert!(reference.tables.iter().map(|table| table.settings.len()).sum::<usize>() >= least, "{page}");
        for table in &reference.tables {
            assert!(table.path.is_empty() || !table.meaning.is_empty(), "{page}: {}", table.path);
            for setting in &table.settings {
                assert!(!setting.meaning.is_empty(), "{page}: {}.{}", table.path, setting.key);
            }
        }
    }
}

/// The settings under one header of a file in TOML, those that are commented out included.
fn sample_settings(sample: &str, section: &str) -> BTreeSet<String> {
    let mut settings = BTreeSet::new();
    let mut current = "";
    for line in sample.lines() {
        let line = line.strip_prefix('#').unwrap_or(line);
        if line.starts_with('[') {
            current = line.split(" #").next().unwrap_or(line);
        } else if let Some((name, _)) = line.split_once(" = ")
            && current == section
            && is_setting_name(name)
        {
            settings.insert(name.to_owned());
        }
    }
    settings
}

#[test]
fn the_sample_configuration_shows_every_setting() {
    let sample = read(SAMPLE_CONFIGURATION);
    for table in Config::reference().tables.iter().filter(|table| !table.path.is_empty()) {
        let header = if table.is_list { format!("[[{}]]", table.path) } else { format!("[{}]", table.path) };
        let known: BTreeSet<String> = table.settings.iter().map(|setting| setting.key.to_owned()).collect();
        assert_eq!(sample_settings(&sample, &header), known, "{header}");
    }
}

#[test]
fn the_sample_members_file_shows_every_setting() {
    let known = Members::reference();
    let known = known.table("group").unwrap().settings.iter().map(|setting| setting.key.to_owned()).collect();
    assert_eq!(sample_settings(&read(SAMPLE_MEMBERS), "[[group]]"), known);
}

#[test]
fn the_sample_policy_shows_every_setting() {
    let sample = read(SAMPLE_POLICY);
    let reference = CompiledPolicy::reference();
    let keys = reference.tables.iter().flat_map(|table| table.settings.iter().map(|setting| setting.key));
    for key in keys {
        assert!(sample.contains(&format!("{key} = ")), "{key} is not in the sample");
    }
}

/// Every table of the configuration that is no list can be set from the environment.
#[test]
fn the_environment_can_set_what_document_and_help_say() {
    let reference = Config::reference();
    let tables: BTreeSet<&str> = reference.overridable().map(|table| table.path.as_str()).collect();
    assert!(tables.len() >= 7, "{tables:?}");

    let document = read(CONFIGURATION);
    let row = rows(&document, "source").into_iter().find(|row| row[0] == "environment").unwrap();
    let documented: BTreeSet<&str> = code_spans(row[2]).iter().map(|span| span.trim_matches(['[', ']'])).collect();
    assert_eq!(documented, tables);

    let help = Process::output(&["serve", "--help"], &file(""), &[]);
    let help = String::from_utf8(help.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    for table in reference.overridable() {
        assert!(help.contains(&format!("[{}]", table.path)), "{}", table.path);
        // And the program takes a setting of each.
        let setting = table.settings.first().unwrap();
        let name = format!("ACCESS_BROKER_{}__{}", table.path.to_uppercase(), setting.key.to_uppercase());
        let overrides = access_broker::config::environment_overrides([(name, "no such value".to_owned())]);
        let parsed =
            Config::parse("document", &read(SAMPLE_CONFIGURATION), &file("samples"), overrides, PlainHttp::Refused);
        let problems = parsed.err().map(|problems| problems.to_string()).unwrap_or_default();
        assert!(!problems.contains("is not a known setting"), "{}.{}: {problems}", table.path, setting.key);
    }
}
