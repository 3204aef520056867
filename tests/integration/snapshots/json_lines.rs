//! JSON with its fields in the order in which they were written.

use std::fmt::{self, Write};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::redaction::{redacted, redacted_field};

/// A line of JSON as one line for each field, with what differs from run to run redacted.
pub(super) fn fields(line: &str) -> String {
    let json: Json = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let mut text = String::new();
    json.write(&mut text, "");
    redacted(&text)
}

/// The names of an object's fields, in order, with the values of those that say what happened.
pub(super) fn names(line: &str, told: &[&str]) -> String {
    let json: Json = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let Json::Object(fields) = json else { panic!("{line} is no object") };
    let named = fields.iter().map(|(name, value)| match value {
        Json::Value(value) if told.contains(&name.as_str()) => format!("{name}={}", value.as_str().unwrap_or_default()),
        _ => name.clone(),
    });
    redacted(&named.collect::<Vec<_>>().join(", "))
}

enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    Value(Value),
}

impl Json {
    fn write(&self, text: &mut String, indent: &str) {
        match self {
            Self::Object(fields) => {
                for (name, value) in fields {
                    let redacted = redacted_field(name);
                    let nested = redacted.is_none() && matches!(value, Self::Object(_));
                    write!(text, "{indent}{name}:{}", if nested { "\n" } else { " " }).unwrap();
                    match redacted {
                        Some(redacted) => text.push_str(redacted),
                        None => value.write(text, &format!("{indent}  ")),
                    }
                    if !nested {
                        text.push('\n');
                    }
                }
            }
            Self::Array(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { ", " });
                    item.write(text, indent);
                }
                text.push(']');
            }
            Self::Value(value) => write!(text, "{value}").unwrap(),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Json;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Json::Object(fields))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
                let mut array = Vec::new();
                while let Some(item) = items.next_element()? {
                    array.push(item);
                }
                Ok(Json::Array(array))
            }

            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Value(text.into()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Value(value.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
                Ok(Json::Value(number.into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
                Ok(Json::Value(number.into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
                Ok(Json::Value(number.into()))
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Value(Value::Null))
            }
        }

        deserializer.deserialize_any(Fields)
    }
}
