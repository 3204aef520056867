//! Properties of arbitrary messages and texts.

use std::fmt::{self, Write};

use base64::prelude::{BASE64_STANDARD, Engine};
use proptest::collection::{hash_map, vec};
use proptest::option;
use proptest::prelude::*;
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value};
use serde_json::Value as Json;
use url::form_urlencoded;

use super::contract::{self, requests};
use super::everything::everything;
use super::{by_prost_reflect, decoded, written};
use crate::{form_pairs, json_to_wire, query_to_wire};

/// All messages of the methods, and one with every type.
fn messages() -> Vec<MessageDescriptor> {
    contract::messages().into_iter().chain([everything()]).collect()
}

/// Shown as JSON: the `Debug` of a descriptor of a recursive message does not end.
struct Sample(DynamicMessage);

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(&self.0.descriptor(), &self.0.encode_to_vec()))
    }
}

fn any_of(messages: Vec<MessageDescriptor>) -> impl Strategy<Value = Sample> {
    let kind = 0..messages.len();
    kind.prop_flat_map(move |kind| message(messages[kind].clone(), 1).prop_map(Sample))
}

fn message(descriptor: MessageDescriptor, depth: usize) -> BoxedStrategy<DynamicMessage> {
    let fields: Vec<FieldDescriptor> = descriptor.fields().filter(|field| is_supported(field, depth)).collect();
    let values: Vec<_> = fields.iter().map(|field| option::of(field_value(field, depth))).collect();
    let build = move |values: Vec<Option<Value>>| {
        let mut message = DynamicMessage::new(descriptor.clone());
        for (field, value) in fields.iter().zip(values) {
            if let Some(value) = value {
                message.set_field(field, value);
            }
        }
        // Without fields that have their default value and no presence.
        decoded(&descriptor, &message.encode_to_vec())
    };
    values.prop_map(build).boxed()
}

fn is_supported(field: &FieldDescriptor, depth: usize) -> bool {
    let name = field.name();
    let is_recursive = matches!(name, "child" | "children" | "by_name" | "second_choice");
    !matches!(name, "an_any" | "a_struct" | "by_number") && (depth > 0 || !is_recursive)
}

fn field_value(field: &FieldDescriptor, depth: usize) -> BoxedStrategy<Value> {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            let value = value(&entry.map_entry_value_field().kind(), depth);
            hash_map(text().prop_map(MapKey::String), value, 0..4).prop_map(Value::Map).boxed()
        }
        kind if field.is_list() => vec(value(&kind, depth), 0..3).prop_map(Value::List).boxed(),
        kind => value(&kind, depth),
    }
}

fn text() -> BoxedStrategy<String> {
    prop_oneof!["[ -~]{0,8}", any::<String>(), "[\"\\\\\\x00-\\x1f\u{7f}é\u{1F600}+%&=]{0,6}"].boxed()
}

fn value(kind: &Kind, depth: usize) -> BoxedStrategy<Value> {
    match kind {
        Kind::Double => any::<f64>().prop_map(Value::F64).boxed(),
        Kind::Float => any::<f32>().prop_map(Value::F32).boxed(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => any::<i32>().prop_map(Value::I32).boxed(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => any::<i64>().prop_map(Value::I64).boxed(),
        Kind::Uint32 | Kind::Fixed32 => any::<u32>().prop_map(Value::U32).boxed(),
        Kind::Uint64 | Kind::Fixed64 => any::<u64>().prop_map(Value::U64).boxed(),
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::String => text().prop_map(Value::String).boxed(),
        Kind::Bytes => vec(any::<u8>(), 0..20).prop_map(|bytes| Value::Bytes(bytes.into())).boxed(),
        Kind::Enum(_) => prop_oneof![0..4, any::<i32>()].prop_map(Value::EnumNumber).boxed(),
        Kind::Message(descriptor) => {
            let descriptor = descriptor.clone();
            let seconds = match descriptor.full_name() {
                "google.protobuf.Duration" => 0..=315_576_000_000_i64,
                "google.protobuf.Timestamp" => -62_135_596_800..=253_402_300_799,
                _ => return message(descriptor, depth.saturating_sub(1)).prop_map(Value::Message).boxed(),
            };
            let nanos = prop_oneof![Just(0), Just(500_000_000), 0..1_000_000_000];
            let is_negative = descriptor.name() == "Duration";
            (seconds, nanos, any::<bool>())
                .prop_map(move |(seconds, nanos, negate)| {
                    let sign = if is_negative && negate { -1 } else { 1 };
                    let mut message = DynamicMessage::new(descriptor.clone());
                    message.set_field_by_name("seconds", Value::I64(seconds * i64::from(sign)));
                    message.set_field_by_name("nanos", Value::I32(nanos * sign));
                    Value::Message(message)
                })
                .boxed()
        }
    }
}

fn read(descriptor: &MessageDescriptor, text: &str) -> Result<DynamicMessage, String> {
    let wire = json_to_wire(descriptor, text.as_bytes()).map_err(|error| error.to_string())?;
    Ok(decoded(descriptor, &wire))
}

/// Encoded anew, because fields with and without an explicit default value differ otherwise.
fn assert_equal(one: &DynamicMessage, other: &DynamicMessage) {
    let [one, other] = [one, other].map(|message| decoded(&message.descriptor(), &message.encode_to_vec()));
    let texts = [&one, &other].map(|message| written(&message.descriptor(), &message.encode_to_vec()));
    assert_eq!(texts[0], texts[1]);
    // NaN is not equal to itself.
    assert!(one == other || texts[0].contains("\"NaN\""), "{}", texts[0]);
}

/// The text with one member twice: the member with this number, counted from the outermost and first.
struct Duplicated {
    countdown: usize,
    other_spelling: bool,
    text: String,
}

impl Duplicated {
    fn value(&mut self, value: &Json, is_map: bool) {
        match value {
            Json::Object(members) => {
                self.text.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    let is_duplicated = self.countdown == 0;
                    self.countdown = self.countdown.wrapping_sub(1);
                    if is_duplicated {
                        let other =
                            if self.other_spelling { respelled(name, is_map) } else { Json::from(&**name).to_string() };
                        write!(self.text, "{other}:{value},").unwrap();
                    }
                    write!(self.text, "{}:", Json::from(&**name)).unwrap();
                    self.value(value, ["metadata", "tags", "headers", "byName"].contains(&&**name) && !is_map);
                }
                self.text.push('}');
            }
            Json::Array(items) => {
                self.text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    self.value(item, false);
                }
                self.text.push(']');
            }
            other => self.text.push_str(&other.to_string()),
        }
    }
}

/// A key of a map by escapes, a field by its name in the proto file.
fn respelled(name: &str, is_map: bool) -> String {
    if is_map {
        let units: Vec<_> = name.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        return format!("\"{}\"", units.concat());
    }
    let snake: String = name
        .chars()
        .map(
            |character| {
                if character.is_uppercase() { format!("_{}", character.to_lowercase()) } else { character.into() }
            },
        )
        .collect();
    format!("\"{snake}\"")
}

fn members(value: &Json) -> usize {
    match value {
        Json::Object(members_of) => members_of.values().map(|value| 1 + members(value)).sum(),
        Json::Array(items) => items.iter().map(members).sum(),
        _ => 0,
    }
}

/// The parameters of a message, without what a query cannot have, and the message that they mean.
fn parameters(
    message: &mut DynamicMessage,
    prefix: &str,
    spellings: &mut impl Iterator<Item = bool>,
) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let fields: Vec<FieldDescriptor> = message.fields().map(|(field, _)| field).collect();
    for field in fields {
        let name = if spellings.next() == Some(true) { field.name() } else { field.json_name() };
        let path = format!("{prefix}{name}");
        let text = match (message.get_field_mut(&field), field.kind()) {
            (Value::Map(_), _) => None,
            (Value::Message(inner), Kind::Message(of)) if of.full_name().starts_with("google.") => {
                Some(written(&of, &inner.encode_to_vec()).trim_matches('"').to_owned())
            }
            (Value::Message(inner), _) => {
                let inner_pairs = parameters(inner, &format!("{path}."), spellings);
                let is_empty = inner_pairs.is_empty();
                pairs.extend(inner_pairs);
                if is_empty {
                    message.clear_field(&field);
                }
                continue;
            }
            (Value::String(text), _) => Some(text.clone()),
            (Value::Bytes(bytes), _) => Some(BASE64_STANDARD.encode(bytes)),
            (Value::Bool(value), _) => Some(value.to_string()),
            (Value::U64(value), _) => Some(value.to_string()),
            (Value::EnumNumber(number), Kind::Enum(of)) => {
                Some(of.get_value(*number).map_or(number.to_string(), |value| value.name().to_owned()))
            }
            (other, _) => panic!("{other:?}"),
        };
        match text {
            Some(text) => pairs.push((path, text)),
            None => message.clear_field(&field),
        }
    }
    pairs
}

fn encoded(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_message_comes_back_from_its_json(Sample(message) in any_of(messages())) {
        let descriptor = message.descriptor();
        let text = written(&descriptor, &message.encode_to_vec());
        assert_equal(&read(&descriptor, &text).unwrap(), &message);
        assert_equal(&by_prost_reflect(&descriptor, text.as_bytes()).unwrap(), &message);
        // The JSON of prost-reflect differs in the order of maps alone.
        let theirs: Json = serde_json::from_str(&serde_json::to_string(&message).unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), theirs);
        assert_equal(&read(&descriptor, &theirs.to_string()).unwrap(), &message);
    }

    #[test]
    fn a_member_twice_is_refused_everywhere(
        Sample(message) in any_of(messages()), member in any::<prop::sample::Index>(), other_spelling: bool
    ) {
        let descriptor = message.descriptor();
        let json: Json = serde_json::from_str(&written(&descriptor, &message.encode_to_vec())).unwrap();
        prop_assume!(members(&json) > 0);
        let mut duplicated = Duplicated { countdown: member.index(members(&json)), other_spelling, text: String::new() };
        duplicated.value(&json, false);
        let error = read(&descriptor, &duplicated.text).unwrap_err();
        assert!(error.contains(" twice (line 1"), "{}: {error}", duplicated.text);
        assert!(error.len() <= 200);
    }

    #[test]
    fn a_query_means_what_the_json_means(Sample(message) in any_of(requests().into()), spellings in vec(any::<bool>(), 8)) {
        let mut message = message;
        let descriptor = message.descriptor();
        let pairs = parameters(&mut message, "", &mut spellings.into_iter().cycle());
        let query = encoded(&pairs);
        let (wire, []) = query_to_wire(&descriptor, &query, []).unwrap();
        assert_equal(&decoded(&descriptor, &wire), &message);
        let decoded: Vec<_> = form_pairs(&query).unwrap().into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        assert_eq!(decoded, pairs);
        for pair in &pairs {
            let twice = [pairs.as_slice(), std::slice::from_ref(pair)].concat();
            let error = query_to_wire(&descriptor, &encoded(&twice), []).unwrap_err().to_string();
            assert!(error.ends_with(" occurs twice"), "{error}");
        }
    }

    /// An accepted text has one meaning: prost-reflect reads it alike.
    #[test]
    fn changed_json_is_read_as_by_prost_reflect_or_refused(
        Sample(message) in any_of(messages()),
        edits in vec((any::<prop::sample::Index>(), 0..3_u8, "[{}\\[\\]\",:0-9eE+.\\\\ualnrtfs_/ =-]"), 1..4),
    ) {
        let descriptor = message.descriptor();
        let mut text: Vec<char> = written(&descriptor, &message.encode_to_vec()).chars().collect();
        for (place, edit, with) in edits {
            let place = place.index(text.len());
            match edit {
                0 if text.len() > 1 => { text.remove(place); }
                1 => text[place] = with.chars().next().unwrap(),
                _ => text.insert(place, with.chars().next().unwrap()),
            }
        }
        let text: String = text.into_iter().collect();
        match read(&descriptor, &text) {
            Ok(ours) => match by_prost_reflect(&descriptor, text.as_bytes()) {
                Some(theirs) => assert_equal(&ours, &theirs),
                // Accepted here alone: integers in quotes with fraction or exponent, or enums with these.
                None => assert!(text.contains(['e', 'E', '.']), "{text}"),
            },
            Err(error) => assert!(error.len() <= 200, "{error}"),
        }
    }

    #[test]
    fn arbitrary_input_is_read_or_refused(bytes in vec(any::<u8>(), 0..60), query in any::<String>()) {
        for descriptor in messages() {
            if let Err(error) = json_to_wire(&descriptor, &bytes) {
                assert!(error.to_string().len() <= 200);
            }
            if let Err(error) = query_to_wire(&descriptor, &query, ["redirect"]) {
                assert!(error.to_string().len() <= 200);
            }
        }
    }
}
