//! JSON without repeated member names.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use thiserror::Error as ThisError;

/// Reads a text that is one JSON object, in which no object at any depth has two members of the same name.
///
/// RFC 8259 section 4 leaves the meaning of such objects open and RFC 7515 section 4 permits a reader to refuse them:
/// two readers that select different members would see different callers.
pub(super) fn parse_object(text: &[u8]) -> Result<Map<String, Value>, InvalidObject> {
    let is_ambiguous = Cell::new(false);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = AnyValue { is_ambiguous: &is_ambiguous }.deserialize(&mut reader).map_err(|_| InvalidObject)?;
    reader.end().map_err(|_| InvalidObject)?;
    match value {
        Value::Object(members) if !is_ambiguous.get() => Ok(members),
        _ => Err(InvalidObject),
    }
}

/// The text is not a JSON object, or has repeated names. No further detail, because the text may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[error("is not a JSON object with distinct member names")]
pub(super) struct InvalidObject;

/// Reads untrusted JSON: a value to its end, and whether an object in it has two members of one name. It does not use
/// `serde_json`'s reader of values, because with some features, which any crate may enable, that gives some member
/// names a special meaning.
#[derive(Clone, Copy)]
pub(super) struct AnyValue<'m> {
    /// Set when a name is repeated. Never reset.
    pub(super) is_ambiguous: &'m Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for AnyValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(self)?;
            if members.insert(name, value).is_some() {
                self.is_ambiguous.set(true);
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_reads_as_serde_json_reads_it() {
        let text = r#"{"a":[1,-2,3.5,true,null,"\u00e9"],"b":{"c":{}},"":""}"#;
        assert_eq!(Value::Object(parse_object(text.as_bytes()).unwrap()), serde_json::from_str::<Value>(text).unwrap());
    }

    /// With its features `raw_value` and `arbitrary_precision`, `serde_json` does not read objects with certain member
    /// names as objects. Any crate of a build may enable a feature for all.
    #[test]
    fn no_member_name_has_a_meaning_of_its_own() {
        let text = r#"{"a":{"$serde_json::private::RawValue":"\"finance\""},"b":{"$serde_json::private::Number":"1"},"c":[1,-2,3.5]}"#;
        let members = parse_object(text.as_bytes()).unwrap();
        for (member, name, value) in
            [("a", "$serde_json::private::RawValue", "\"finance\""), ("b", "$serde_json::private::Number", "1")]
        {
            let inner = members[member].as_object().unwrap();
            assert_eq!(inner.len(), 1);
            assert_eq!(inner[name].as_str(), Some(value));
        }
        let numbers = members["c"].as_array().unwrap();
        assert!(numbers[0].as_u64() == Some(1) && numbers[1].as_i64() == Some(-2) && numbers[2].as_f64() == Some(3.5));
    }

    #[test]
    fn duplicate_members_are_refused_at_every_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":{"a":1,"a":2}}"#, r#"{"x":[{"a":1,"a":2}]}"#]
        {
            assert_eq!(parse_object(text.as_bytes()), Err(InvalidObject), "{text}");
        }
    }

    #[test]
    fn anything_but_one_object_is_refused() {
        for text in
            ["", "[]", "1", "null", "\"{}\"", "{} {}", "{}x", "\u{feff}{}", "{\"a\":1e999}", "{\"a\":\"\\ud800\"}"]
        {
            assert_eq!(parse_object(text.as_bytes()), Err(InvalidObject), "{text}");
        }
        assert_eq!(parse_object(b"{\"a\":\"\xff\"}"), Err(InvalidObject));
    }

    #[test]
    fn deep_nesting_is_refused_instead_of_overflowing_the_stack() {
        let text = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parse_object(text.as_bytes()), Err(InvalidObject));
    }
}
