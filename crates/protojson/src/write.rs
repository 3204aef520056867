//! Messages to JSON.

use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, ReflectMessage, Value};
use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};
use thiserror::Error as ThisError;

use crate::scalar::{Form, form};

/// A message that has no JSON: it does not fit the descriptor, or has an unknown type inside `google.protobuf.Any`.
#[derive(Debug, ThisError)]
#[error("the message has no JSON form")]
pub struct InvalidMessage;

/// The canonical JSON of an encoded message. Equal messages have equal texts: maps are sorted by their keys.
///
/// # Errors
///
/// If the message does not fit the descriptor, or has an unknown type inside `google.protobuf.Any`.
pub fn write_json(descriptor: &MessageDescriptor, encoded: &[u8]) -> Result<Vec<u8>, InvalidMessage> {
    let message = DynamicMessage::decode(descriptor.clone(), encoded).map_err(|_| InvalidMessage)?;
    let mut text = Vec::with_capacity(encoded.len() * 2);
    let mut serializer = serde_json::Serializer::new(&mut text);
    JsonMessage(&message).serialize(&mut serializer).map_err(|_| InvalidMessage)?;
    Ok(text)
}

struct JsonMessage<'m>(&'m DynamicMessage);

impl Serialize for JsonMessage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let descriptor = self.0.descriptor();
        match descriptor.full_name() {
            "google.protobuf.Any" => serialize_any(self.0, serializer),
            // prost-reflect writes null for doubles without a number, so these are written here.
            "google.protobuf.DoubleValue" | "google.protobuf.FloatValue" => match descriptor.get_field(1) {
                Some(field) => {
                    JsonValue { value: &self.0.get_field(&field), kind: &field.kind() }.serialize(serializer)
                }
                None => Err(Error::custom("a wrapper without a value")),
            },
            name if name.starts_with("google.protobuf.") => self.0.serialize(serializer),
            _ => {
                let mut map = serializer.serialize_map(None)?;
                serialize_fields(self.0, &mut map)?;
                map.end()
            }
        }
    }
}

/// Without those that have their default value.
fn serialize_fields<M: SerializeMap>(message: &DynamicMessage, map: &mut M) -> Result<(), M::Error> {
    for (field, value) in message.fields() {
        map.serialize_entry(field.json_name(), &JsonValue { value, kind: &field.kind() })?;
    }
    Ok(())
}

fn serialize_any<S: Serializer>(any: &DynamicMessage, serializer: S) -> Result<S::Ok, S::Error> {
    let type_of = any.descriptor();
    let any: prost_types::Any = any.transcode_to().map_err(Error::custom)?;
    let name = any.type_url.rsplit_once('/').map(|(_, name)| name);
    let descriptor = name
        .and_then(|name| type_of.parent_pool().get_message_by_name(name))
        .ok_or_else(|| Error::custom("an unknown type"))?;
    let has_own_form = !matches!(form(&descriptor), Form::Object);
    let message = DynamicMessage::decode(descriptor, any.value.as_slice()).map_err(Error::custom)?;
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("@type", &any.type_url)?;
    if has_own_form {
        map.serialize_entry("value", &JsonMessage(&message))?;
    } else {
        serialize_fields(&message, &mut map)?;
    }
    map.end()
}

struct JsonValue<'m> {
    value: &'m Value,
    kind: &'m Kind,
}

impl Serialize for JsonValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I32(value) => serializer.serialize_i32(*value),
            Value::U32(value) => serializer.serialize_u32(*value),
            // A double, which many readers use for numbers, has only 53 bits.
            Value::I64(value) => serializer.collect_str(value),
            Value::U64(value) => serializer.collect_str(value),
            Value::F32(value) if value.is_finite() => serializer.serialize_f32(*value),
            Value::F32(value) => serializer.serialize_str(not_finite((*value).into())),
            Value::F64(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::F64(value) => serializer.serialize_str(not_finite(*value)),
            Value::String(value) => serializer.serialize_str(value),
            Value::Bytes(value) => {
                serializer.collect_str(&base64::display::Base64Display::new(value, &base64::prelude::BASE64_STANDARD))
            }
            Value::EnumNumber(number) => {
                match self.kind.as_enum().and_then(|descriptor| descriptor.get_value(*number)) {
                    Some(value) => serializer.serialize_str(value.name()),
                    None => serializer.serialize_i32(*number),
                }
            }
            Value::Message(message) => JsonMessage(message).serialize(serializer),
            Value::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(&JsonValue { value, kind: self.kind })?;
                }
                list.end()
            }
            Value::Map(entries) => {
                let entry = self.kind.as_message().ok_or_else(|| Error::custom("a map without entries"))?;
                let kind = entry.map_entry_value_field().kind();
                let mut sorted: Vec<(&MapKey, &Value)> = entries.iter().collect();
                sorted.sort_unstable_by_key(|(key, _)| *key);
                let mut map = serializer.serialize_map(Some(sorted.len()))?;
                for (key, value) in sorted {
                    let value = JsonValue { value, kind: &kind };
                    match key {
                        MapKey::String(key) => map.serialize_entry(key, &value)?,
                        MapKey::Bool(key) => map.serialize_entry(&key.to_string(), &value)?,
                        MapKey::I32(key) => map.serialize_entry(&key.to_string(), &value)?,
                        MapKey::I64(key) => map.serialize_entry(&key.to_string(), &value)?,
                        MapKey::U32(key) => map.serialize_entry(&key.to_string(), &value)?,
                        MapKey::U64(key) => map.serialize_entry(&key.to_string(), &value)?,
                    }
                }
                map.end()
            }
        }
    }
}

fn not_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}
