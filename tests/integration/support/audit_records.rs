//! Audit records, each held against `docs/audit-record.schema.json`.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use regex::Regex;
use serde_json::{Map, Value};

use super::assert_no_secrets;

/// The schema of a record.
fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| serde_json::from_str(include_str!("../../../docs/audit-record.schema.json")).unwrap())
}

/// The records of an output, all of whose lines must be whole and by the schema, and none of which may be secret.
pub(crate) fn audit_records(output: &str) -> Vec<Value> {
    assert!(output.is_empty() || output.ends_with('\n'), "the last line has no end");
    assert_no_secrets("an audit record", output);
    output.lines().map(audit_record).collect()
}

/// One record.
pub(crate) fn audit_record(line: &str) -> Value {
    let record = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let mut problems = Vec::new();
    check(&record, schema(), "", &mut problems);
    assert!(problems.is_empty(), "{problems:#?}: {line}");
    record
}

/// What breaks the schema of a record.
pub(crate) fn schema_problems(record: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    check(record, schema(), "", &mut problems);
    problems
}

/// JSON Schema of draft 2020-12, as much of it as the schema uses. A keyword that is not known here ends the test:
/// it would check nothing.
fn check(value: &Value, schema: &Value, place: &str, problems: &mut Vec<String>) {
    let keywords = match schema {
        Value::Bool(true) => return,
        Value::Bool(false) => return problems.push(format!("{place} must not be there")),
        Value::Object(keywords) => keywords,
        other => panic!("{other} is no schema"),
    };
    for (keyword, rule) in keywords {
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "then" | "else" => true,
            "$ref" => {
                check(value, definition(rule.as_str().unwrap()), place, problems);
                true
            }
            "type" => is_of_type(value, rule.as_str().unwrap()),
            "const" => value == rule,
            "enum" => list(rule).contains(value),
            "pattern" => value.as_str().is_none_or(|text| pattern(rule).is_match(text)),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()),
            "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().unwrap()),
            "required" => {
                value.as_object().is_none_or(|fields| list(rule).iter().all(|name| fields.contains_key(text(name))))
            }
            "additionalProperties" => {
                assert_eq!(rule, false);
                let known = keywords["properties"].as_object().unwrap();
                value.as_object().is_none_or(|fields| fields.keys().all(|name| known.contains_key(name)))
            }
            "properties" => {
                check_fields(value, rule.as_object().unwrap(), place, problems);
                true
            }
            "items" => {
                let items = value.as_array().into_iter().flatten();
                items.for_each(|item| check(item, rule, &format!("{place}[]"), problems));
                true
            }
            "allOf" => {
                for schema in list(rule) {
                    check(value, schema, place, problems);
                }
                true
            }
            "anyOf" => list(rule).iter().any(|schema| fits(value, schema)),
            "oneOf" => list(rule).iter().filter(|schema| fits(value, schema)).count() == 1,
            "if" => {
                let branch = if fits(value, rule) { "then" } else { "else" };
                check(value, keywords.get(branch).unwrap_or(&Value::Bool(true)), place, problems);
                true
            }
            other => panic!("the keyword {other} is not known"),
        };
        if !holds {
            problems.push(format!("{place} breaks {keyword}: {rule}"));
        }
    }
}

fn check_fields(value: &Value, schemas: &Map<String, Value>, place: &str, problems: &mut Vec<String>) {
    for (name, schema) in schemas {
        if let Some(field) = value.get(name) {
            check(field, schema, &format!("{place}.{name}"), problems);
        }
    }
}

fn fits(value: &Value, schema: &Value) -> bool {
    let mut problems = Vec::new();
    check(value, schema, "", &mut problems);
    problems.is_empty()
}

fn definition(reference: &str) -> &'static Value {
    schema().pointer(reference.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("no {reference}"))
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the type {other} is not known"),
    }
}

/// A pattern, which takes longer to read than to use.
fn pattern(rule: &Value) -> Regex {
    static READ: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap();
    read.entry(text(rule).to_owned()).or_insert_with_key(|pattern| Regex::new(pattern).unwrap()).clone()
}

fn list(rule: &Value) -> &[Value] {
    rule.as_array().unwrap()
}

fn text(rule: &Value) -> &str {
    rule.as_str().unwrap()
}
