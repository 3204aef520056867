//! JSON to messages.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use prost::Message;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::error::{JsonError, Problem, quoted};
use crate::scalar::{Form, Token, form, write_scalar};
use crate::wire::{begin_message, end_message, write_bytes};

/// Reads the JSON of one message. The descriptor is that of `M`.
///
/// # Errors
///
/// If the text is refused.
pub fn read_json<M: Message + Default>(descriptor: &MessageDescriptor, text: &[u8]) -> Result<M, JsonError> {
    let wire = json_to_wire(descriptor, text)?;
    M::decode(wire.as_slice()).map_err(|_| JsonError::new("the request is not a valid message"))
}

/// Like [`read_json`], but the message is encoded. It may have fields with default values, which [`prost`] leaves out.
///
/// # Errors
///
/// If the text is refused.
pub fn json_to_wire(descriptor: &MessageDescriptor, text: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut reading = Reading { wire: Vec::with_capacity(text.len()), problem: None };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let root = Value { place: Place::Root(descriptor), reading: &mut reading };
    match root.deserialize(&mut reader).and_then(|_| reader.end()) {
        Ok(()) => Ok(reading.wire),
        Err(error) => {
            let position = format!(" (line {}, column {})", error.line(), error.column());
            Err(match reading.problem {
                Some(problem) => problem.into_error(&position),
                // The text may have a value of the request.
                None if error.is_data() => Problem::new("has a value of an invalid type").into_error(&position),
                // The text is a constant with the position.
                None => JsonError::new(format!("the request is not valid JSON: {error}")),
            })
        }
    }
}

/// What the readers of all values share.
struct Reading {
    wire: Vec<u8>,
    /// Why a value was refused. `serde_json` only knows that it was.
    problem: Option<Problem>,
}

impl Reading {
    fn refuse<E: Error>(&mut self, problem: Problem) -> E {
        self.problem = Some(problem);
        E::custom("refused")
    }

    /// Adds to the place of the problem, if there is one.
    fn locate(&mut self, place: impl FnOnce(Problem) -> Problem) {
        self.problem = self.problem.take().map(place);
    }
}

/// Where a value stands, which decides its form.
#[derive(Clone, Copy)]
enum Place<'d> {
    Root(&'d MessageDescriptor),
    /// The only place for lists, maps and null.
    Member(&'d FieldDescriptor),
    /// An item of a list or the value of a map.
    Item(&'d FieldDescriptor),
}

/// Reads one value and appends it to the encoded message. The result is whether it was there: null is not.
struct Value<'d, 'r> {
    place: Place<'d>,
    reading: &'r mut Reading,
}

impl Value<'_, '_> {
    fn token<E: Error>(self, token: Token<'_>) -> Result<bool, E> {
        if let Place::Member(field) | Place::Item(field) = self.place
            && is_token(field, self.place)
        {
            write_scalar(&field.kind(), field.number(), token, &mut self.reading.wire)
                .map_err(|problem| self.reading.refuse(problem))?;
            return Ok(true);
        }
        Err(self.refuse_type())
    }

    fn refuse_type<E: Error>(self) -> E {
        let rule = match self.place {
            Place::Root(_) => "must be one JSON object",
            Place::Member(field) if field.is_list() => "must be an array",
            Place::Member(field) | Place::Item(field) => match &field.kind() {
                Kind::Message(message) => match form(message) {
                    Form::Object => "must be an object",
                    Form::Token => "must be one value, not an object or an array",
                    Form::Unsupported => "has a type that JSON requests do not support",
                },
                Kind::String => "must be a string",
                Kind::Bytes => "must be a base64 string",
                Kind::Bool => "must be true or false",
                Kind::Enum(_) => "must be a name or a number of its enum",
                _ => "must be a number",
            },
        };
        self.reading.refuse(Problem::new(rule))
    }
}

/// Whether the value is one token.
fn is_token(field: &FieldDescriptor, place: Place<'_>) -> bool {
    if matches!(place, Place::Member(_)) && (field.is_list() || field.is_map()) {
        return false;
    }
    match &field.kind() {
        Kind::Message(message) => matches!(form(message), Form::Token),
        _ => true,
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of the field")
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        match self.place {
            Place::Member(_) => Ok(false),
            _ => Err(self.refuse_type()),
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        self.token(Token::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        self.token(Token::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<bool, E> {
        self.token(Token::Signed(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<bool, E> {
        self.token(Token::Double(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<bool, E> {
        self.token(Token::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<bool, A::Error> {
        match self.place {
            Place::Member(field) if field.is_list() => read_list(field, self.reading, items),
            _ => Err(self.refuse_type()),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<bool, A::Error> {
        match self.place {
            Place::Root(descriptor) => read_members(descriptor, self.reading, members),
            Place::Member(field) if field.is_list() => Err(self.refuse_type()),
            Place::Member(field) | Place::Item(field) => match field.kind() {
                Kind::Message(entry) if entry.is_map_entry() => read_map(field, &entry, self.reading, members),
                Kind::Message(message) if matches!(form(&message), Form::Object) => {
                    let start = begin_message(field.number(), &mut self.reading.wire);
                    read_members(&message, self.reading, members)?;
                    end_message(start, &mut self.reading.wire);
                    Ok(true)
                }
                _ => Err(self.refuse_type()),
            },
        }
    }
}

fn read_members<'de, A: MapAccess<'de>>(
    descriptor: &MessageDescriptor,
    reading: &mut Reading,
    mut members: A,
) -> Result<bool, A::Error> {
    // The numbers of the fields that occurred, and of those that were not null. No more than the message has fields,
    // because a second occurrence ends the reading.
    let mut seen: Vec<u32> = Vec::new();
    let mut set: Vec<u32> = Vec::new();
    while let Some(field) = members.next_key_seed(FieldName { descriptor, reading })? {
        if seen.contains(&field.number()) {
            return Err(reading.refuse(Problem::new("occurs twice").in_field(field.name())));
        }
        seen.push(field.number());
        let value = Value { place: Place::Member(&field), reading };
        let is_set =
            members.next_value_seed(value).inspect_err(|_| reading.locate(|problem| problem.in_field(field.name())))?;
        if !is_set {
            continue;
        }
        if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic())
            && let Some(other) = oneof.fields().find(|other| set.contains(&other.number()))
        {
            let rule = format!("cannot be combined with {}", other.name());
            return Err(reading.refuse(Problem::new(rule).in_field(field.name())));
        }
        set.push(field.number());
    }
    Ok(true)
}

fn read_list<'de, A: SeqAccess<'de>>(
    field: &FieldDescriptor,
    reading: &mut Reading,
    mut items: A,
) -> Result<bool, A::Error> {
    let mut index = 0;
    loop {
        let item = items
            .next_element_seed(Value { place: Place::Item(field), reading })
            .inspect_err(|_| reading.locate(|problem| problem.in_item(index)))?;
        if item.is_none() {
            return Ok(true);
        }
        index += 1;
    }
}

fn read_map<'de, A: MapAccess<'de>>(
    field: &FieldDescriptor,
    entry: &MessageDescriptor,
    reading: &mut Reading,
    mut members: A,
) -> Result<bool, A::Error> {
    let (key_field, value_field) = (entry.map_entry_key_field(), entry.map_entry_value_field());
    if !matches!(key_field.kind(), Kind::String) {
        return Err(reading.refuse(Problem::new("has a type that JSON requests do not support")));
    }
    let mut keys = HashSet::new();
    while let Some(key) = members.next_key_seed(MapKey)? {
        if keys.contains(&key) {
            return Err(reading.refuse(Problem::new(format!("has the key {} twice", quoted(&key)))));
        }
        let start = begin_message(field.number(), &mut reading.wire);
        write_bytes(key_field.number(), key.as_bytes(), &mut reading.wire);
        members
            .next_value_seed(Value { place: Place::Item(&value_field), reading })
            .inspect_err(|_| reading.locate(|problem| problem.in_entry(&key)))?;
        end_message(start, &mut reading.wire);
        keys.insert(key);
    }
    Ok(true)
}

/// Reads the name of a member as a field, in either spelling.
struct FieldName<'d, 'r> {
    descriptor: &'d MessageDescriptor,
    reading: &'r mut Reading,
}

/// The field with this name in JSON or in the proto file.
pub(crate) fn field_by_name(descriptor: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    descriptor.get_field_by_json_name(name).or_else(|| descriptor.get_field_by_name(name))
}

impl<'de> DeserializeSeed<'de> for FieldName<'_, '_> {
    type Value = FieldDescriptor;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<FieldDescriptor, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName<'_, '_> {
    type Value = FieldDescriptor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<FieldDescriptor, E> {
        field_by_name(self.descriptor, name)
            .ok_or_else(|| self.reading.refuse(Problem::new(format!("has no field {}", quoted(name)))))
    }
}

/// Reads the key of a map, without a copy if it has no escapes.
struct MapKey;

impl<'de> DeserializeSeed<'de> for MapKey {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for MapKey {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key of a map")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(key.to_owned()))
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(key))
    }
}
