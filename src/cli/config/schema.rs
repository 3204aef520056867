//! JSON Schema of the configuration, of the policy and of the members file, made from what their readers record.

use serde_json::{Map, Value, json};

use access_broker_base::document::{Absent, Reference, SettingReference, TableReference, Unit, Values};

/// The schema of `broker.toml`. Settings that flags or the environment can give are not required in the file.
pub(super) fn of_configuration(reference: &Reference) -> Value {
    schema(reference, "Configuration of access-broker", |table| {
        !reference.overridable().any(|overridable| overridable.path == table.path)
    })
}

/// The schema of `policy.toml`.
pub(super) fn of_policy(reference: &Reference) -> Value {
    schema(reference, "Policy of access-broker", |_| true)
}

/// The schema of a members file.
pub(super) fn of_members(reference: &Reference) -> Value {
    schema(reference, "Members of groups of access-broker", |_| true)
}

fn schema(reference: &Reference, title: &str, is_complete: impl Fn(&TableReference) -> bool) -> Value {
    let mut schema = reference.table("").map(|root| table(reference, root, &is_complete)).unwrap_or_default();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".to_owned(), json!(title));
        schema.insert(
            "$defs".to_owned(),
            json!({
                "variable": {
                    "description": "A string with variables: ${NAME} or ${NAME:-default}.",
                    "type": "string",
                    "pattern": "\\$\\{"
                }
            }),
        );
    }
    schema
}

fn table(reference: &Reference, described: &TableReference, is_complete: &dyn Fn(&TableReference) -> bool) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for known in &described.settings {
        if known.absent == Absent::Invalid && is_complete(described) {
            required.push(json!(known.key));
        }
        properties.insert(known.key.to_owned(), setting(known));
    }
    for (key, child) in reference.children(&described.path) {
        let schema = table(reference, child, is_complete);
        let schema = if child.is_list { json!({ "type": "array", "items": schema }) } else { schema };
        properties.insert(key.to_owned(), schema);
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let Some(schema) = schema.as_object_mut() {
        if let Some(meaning) = described.free_keys {
            schema.insert("additionalProperties".to_owned(), json!({ "description": plain(meaning) }));
        }
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        if !described.meaning.is_empty() {
            schema.insert("description".to_owned(), json!(plain(described.meaning)));
        }
    }
    schema
}

fn setting(setting: &SettingReference) -> Value {
    let variable = json!({ "$ref": "#/$defs/variable" });
    let mut schema = match &setting.values {
        Values::Flag => json!({ "anyOf": [{ "type": "boolean" }, variable] }),
        Values::Text(_) => json!({ "type": "string" }),
        Values::Choice(names) => json!({ "anyOf": [{ "enum": names }, variable] }),
        Values::List(_) => json!({
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
        }),
        Values::Number { unit: Unit::Count, least, most } => {
            let mut number = json!({ "type": "integer", "minimum": least });
            if let (Some(number), true) = (number.as_object_mut(), *most <= i64::MAX.unsigned_abs()) {
                number.insert("maximum".to_owned(), json!(most));
            }
            json!({ "anyOf": [number, variable] })
        }
        Values::Number { unit: Unit::Seconds, .. } => json!({
            "anyOf": [{ "type": "string", "pattern": "^\\s*(0|([0-9]+(\\.[0-9]+)?\\s*[a-zA-Zµ]+\\s*)+)$" }, variable]
        }),
        Values::Number { unit: Unit::Bytes, .. } => json!({
            "anyOf": [{ "type": "string", "pattern": "^\\s*([0-9]*\\.)?[0-9]+\\.?\\s*[a-zA-Z]*\\s*$" }, variable]
        }),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(description(setting)));
        if let Absent::Default(default) = &setting.absent {
            schema.insert("default".to_owned(), typed(&setting.values, default));
        }
    }
    schema
}

/// The meaning, the form and the bounds, as an editor shows them.
fn description(setting: &SettingReference) -> String {
    let form = match &setting.values {
        Values::Text(name) | Values::List(name) if *name != "string" => *name,
        _ => "",
    };
    let bounds = setting.values.bounds();
    let limits = [form, &bounds, setting.limits].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    let limits = if limits.is_empty() { String::new() } else { format!(" Limits: {}.", limits.join("; ")) };
    let absent = match &setting.absent {
        Absent::Described(words) if *words != "none" => format!(" Default: {words}."),
        _ => String::new(),
    };
    plain(&format!("{}{limits}{absent}", setting.meaning))
}

fn typed(values: &Values, default: &str) -> Value {
    let parsed = match values {
        Values::Flag => default.parse::<bool>().ok().map(Value::from),
        Values::Number { unit: Unit::Count, .. } => default.parse::<u64>().ok().map(Value::from),
        _ => None,
    };
    parsed.unwrap_or_else(|| json!(default))
}

/// Markdown without its links, which lead nowhere in an editor.
fn plain(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some((before, from)) = rest.split_once('[') {
        text.push_str(before);
        match from.split_once("](").and_then(|(label, target)| Some((label, target.split_once(')')?.1))) {
            Some((label, after)) if !label.contains('[') => {
                text.push_str(label);
                rest = after;
            }
            _ => {
                text.push('[');
                rest = from;
            }
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lose_their_targets_and_other_brackets_stay() {
        assert_eq!(plain("see [below](#x), `[[bucket]]` and [a] (b)"), "see below, `[[bucket]]` and [a] (b)");
        assert_eq!(plain("`[server]` or [`X`](E.md#x)."), "`[server]` or `X`.");
    }
}
