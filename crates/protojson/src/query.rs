//! Query strings to messages.

use std::borrow::Cow;
use std::collections::HashSet;

use prost::Message;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::error::{JsonError, Problem, quoted};
use crate::read::field_by_name;
use crate::scalar::{Form, form, query_token, write_scalar};
use crate::wire::{begin_message, end_message};

/// The deepest message that a parameter can name. Messages cannot be nested deeper when they are decoded.
const MAX_DEPTH: usize = 100;

/// A parameter: its name and its value.
pub type Parameter<'q> = (Cow<'q, str>, Cow<'q, str>);

/// The values of parameters that are not fields, in the order in which the reader was asked for them.
pub type OwnValues<'q, const N: usize> = [Option<Cow<'q, str>>; N];

/// Reads a query string as a form. Parameters are paths of fields, as in `google.api.http`: `response_overrides.expires`
/// or `responseOverrides.expires`. Parameters named in `own` are not fields; the result has their values in the same order.
/// The descriptor is that of `M`.
///
/// # Errors
///
/// If the query string is refused.
pub fn read_query<'q, M: Message + Default, const N: usize>(
    descriptor: &MessageDescriptor,
    query: &'q str,
    own: [&str; N],
) -> Result<(M, OwnValues<'q, N>), JsonError> {
    let (wire, values) = query_to_wire(descriptor, query, own)?;
    let message = M::decode(wire.as_slice()).map_err(|_| JsonError::new("the request is not a valid message"))?;
    Ok((message, values))
}

/// Like [`read_query`], but the message is encoded. It may have a message field in several parts, which decoders merge.
///
/// # Errors
///
/// If the query string is refused.
pub fn query_to_wire<'q, const N: usize>(
    descriptor: &MessageDescriptor,
    query: &'q str,
    own: [&str; N],
) -> Result<(Vec<u8>, OwnValues<'q, N>), JsonError> {
    let mut wire = Vec::with_capacity(query.len());
    let mut values = [const { None }; N];
    let mut set = SetFields::default();
    for pair in decoded_pairs(query) {
        let (name, value) = pair?;
        if let Some(place) = own.iter().position(|own| *own == name) {
            if values[place].replace(value).is_some() {
                return Err(duplicate(&name));
            }
            continue;
        }
        let path = field_path(descriptor, &name)?;
        set.add(&path).map_err(|problem| problem.in_field(&path_text(&path)).into_error(""))?;
        write_path(&path, &value, &mut wire).map_err(|problem| problem.in_field(&path_text(&path)).into_error(""))?;
    }
    Ok((wire, values))
}

/// The parameters of a query string, which is read as a form. Every name may occur once.
///
/// # Errors
///
/// If the query string has an invalid escape, invalid UTF-8 or a name twice.
pub fn form_pairs(query: &str) -> Result<Vec<Parameter<'_>>, JsonError> {
    let pairs: Vec<_> = decoded_pairs(query).collect::<Result<_, _>>()?;
    let mut names = HashSet::with_capacity(pairs.len());
    match pairs.iter().find(|(name, _)| !names.insert(name)) {
        Some((name, _)) => Err(duplicate(name)),
        None => Ok(pairs),
    }
}

fn duplicate(name: &str) -> JsonError {
    JsonError::new(format!("the query has the parameter {} twice", quoted(name)))
}

/// As forms are read: pieces between `&` that are empty are skipped, and a piece without `=` is a name.
fn decoded_pairs(query: &str) -> impl Iterator<Item = Result<Parameter<'_>, JsonError>> {
    let pieces = query.split('&').scan(0, |next, piece| {
        let start = *next;
        *next += piece.len() + 1;
        Some((start, piece))
    });
    pieces.filter(|(_, piece)| !piece.is_empty()).map(|(start, piece)| {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let value_start = start + (piece.len() - value.len());
        Ok((form_decoded(name, start)?, form_decoded(value, value_start)?))
    })
}

/// `start` is the position of the text in the query, in bytes.
fn form_decoded(text: &str, start: usize) -> Result<Cow<'_, str>, JsonError> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let digits = bytes.get(position + 1..position + 3);
                let byte = digits.and_then(|digits| Some(hex_digit(digits[0])? * 16 + hex_digit(digits[1])?));
                decoded.push(byte.ok_or_else(|| {
                    let place = start + position + 1;
                    JsonError::new(format!("the query has an invalid escape at byte {place}; write \"%\" as \"%25\""))
                })?);
                position += 2;
            }
            _ => decoded.push(byte),
        }
        position += 1;
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| {
        JsonError::new(format!("the query has a parameter of invalid UTF-8 that begins at byte {}", start + 1))
    })
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The fields from the message to the value, of which the last is a value that one parameter can have.
fn field_path(descriptor: &MessageDescriptor, name: &str) -> Result<Vec<FieldDescriptor>, JsonError> {
    let unknown = || JsonError::new(format!("the request has no parameter {}", quoted(name)));
    let mut path = Vec::new();
    let mut message = Some(descriptor.clone());
    for segment in name.split('.') {
        if path.len() == MAX_DEPTH {
            return Err(unknown());
        }
        // A value that is one token, a list or a map has no fields.
        let field = field_by_name(&message.ok_or_else(unknown)?, segment).ok_or_else(unknown)?;
        message = match field.kind() {
            Kind::Message(message) if !field.is_list() && matches!(form(&message), Form::Object) => Some(message),
            _ => None,
        };
        message = message.filter(|message| !message.is_map_entry());
        path.push(field);
    }
    let rule = match path.last() {
        Some(field) if field.is_map() => Some("is a map, which a query cannot have; send JSON"),
        Some(field) if message.is_some() => {
            debug_assert!(!field.is_list(), "a list has no fields");
            Some("is a message; name a field of it, after a dot")
        }
        Some(field) => match field.kind() {
            Kind::Message(message) if !matches!(form(&message), Form::Token) => {
                Some("has a type that a query cannot have; send JSON")
            }
            _ => None,
        },
        None => None,
    };
    match rule {
        Some(rule) => Err(Problem::new(rule).in_field(&path_text(&path)).into_error("")),
        None => Ok(path),
    }
}

fn path_text(path: &[FieldDescriptor]) -> String {
    path.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".")
}

/// Several encoded parts of one message are merged when the whole is decoded.
fn write_path(path: &[FieldDescriptor], value: &str, wire: &mut Vec<u8>) -> Result<(), Problem> {
    match path {
        [] => Ok(()),
        [field] => write_scalar(&field.kind(), field.number(), query_token(&field.kind(), value), wire),
        [field, rest @ ..] => {
            let start = begin_message(field.number(), wire);
            write_path(rest, value, wire)?;
            end_message(start, wire);
            Ok(())
        }
    }
}

/// The fields that parameters have set, by their paths. There are no more than the message has fields at all depths.
#[derive(Default)]
struct SetFields {
    values: Vec<Vec<u32>>,
    /// The path of the message with a oneof, and the field of the oneof that is set.
    oneofs: Vec<(Vec<u32>, FieldDescriptor)>,
}

impl SetFields {
    fn add(&mut self, path: &[FieldDescriptor]) -> Result<(), Problem> {
        let numbers: Vec<u32> = path.iter().map(FieldDescriptor::number).collect();
        for (depth, field) in path.iter().enumerate() {
            let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) else { continue };
            let message = &numbers[..depth];
            let other =
                self.oneofs.iter().find(|(of, set)| of == message && set.containing_oneof().as_ref() == Some(&oneof));
            match other {
                Some((_, other)) if other != field => {
                    return Err(Problem::new(format!("cannot be combined with {}", other.name())));
                }
                Some(_) => {}
                None => self.oneofs.push((message.to_vec(), field.clone())),
            }
        }
        let is_list = path.last().is_some_and(FieldDescriptor::is_list);
        if is_list {
            return Ok(());
        }
        if self.values.contains(&numbers) {
            return Err(Problem::new("occurs twice"));
        }
        self.values.push(numbers);
        Ok(())
    }
}
