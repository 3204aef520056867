//! Reads the entries of a JWK set. An invalid entry does not affect the others.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::json::AnyValue;

/// The members of one entry of `keys`, or `None` if it is not an object or has two members of one name at any depth.
pub(super) type Entry = Option<Map<String, Value>>;

/// The entries of the member `keys` of a JSON object, or `None` if the text is not a JSON object, the member is missing
/// or repeated, or it is not an array. Other members are ignored.
pub(super) fn entries(document: &[u8]) -> Option<Vec<Entry>> {
    let mut reader = serde_json::Deserializer::from_slice(document);
    let entries = reader.deserialize_map(SetVisitor).ok()?;
    reader.end().ok()?;
    Some(entries)
}

struct SetVisitor;

impl<'de> Visitor<'de> for SetVisitor {
    type Value = Vec<Entry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JWK set")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Entry>, A::Error> {
        let mut entries = None;
        while let Some(name) = map.next_key::<String>()? {
            if name != "keys" {
                map.next_value::<IgnoredAny>()?;
            } else if entries.is_some() {
                return Err(A::Error::custom("keys is there twice"));
            } else {
                entries = Some(map.next_value_seed(EntriesSeed)?);
            }
        }
        entries.ok_or_else(|| A::Error::missing_field("keys"))
    }
}

struct EntriesSeed;

impl<'de> DeserializeSeed<'de> for EntriesSeed {
    type Value = Vec<Entry>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Entry>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for EntriesSeed {
    type Value = Vec<Entry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<Entry>, A::Error> {
        let mut entries = Vec::new();
        loop {
            let is_ambiguous = Cell::new(false);
            let Some(entry) = sequence.next_element_seed(AnyValue { is_ambiguous: &is_ambiguous })? else {
                return Ok(entries);
            };
            entries.push(match entry {
                Value::Object(members) if !is_ambiguous.get() => Some(members),
                _ => None,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(document: &str) -> Option<Vec<Option<Vec<String>>>> {
        let entries = entries(document.as_bytes())?;
        Some(entries.into_iter().map(|entry| Some(entry?.into_iter().map(|(name, _)| name).collect())).collect())
    }

    #[test]
    fn an_ambiguous_entry_costs_no_other() {
        let one = || Some(vec!["a".to_owned()]);
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":[{"b":{"c":1,"c":1}}]}"#,
            "null",
            "7",
            r#""a""#,
            "[]",
            r#"[{"a":1}]"#,
            "true",
            "1.5",
            "-1",
        ] {
            let document = format!(r#"{{"keys":[{{"a":1}},{bad},{{"a":{{"a":1}}}}]}}"#);
            assert_eq!(names(&document), Some(vec![one(), None, one()]), "{bad}");
        }
    }

    #[test]
    fn only_an_object_with_one_array_of_keys_is_a_set() {
        for document in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"key":[]}"#,
            r#"{"keys":{}}"#,
            r#"{"keys":null}"#,
            r#"{"keys":"[]"}"#,
            r#"{"keys":[],"keys":[]}"#,
            r#"{"keys":[],"\u006beys":[]}"#,
            r#"{"keys":[]}x"#,
            r#"{"keys":[]}{"keys":[]}"#,
            r#"{"keys":[}"#,
            r#"{"keys":[{"a":1e999}]}"#,
            r#"[[{"a":1}]]"#,
            "\u{feff}{\"keys\":[]}",
        ] {
            assert_eq!(names(document), None, "{document}");
        }
        assert_eq!(names(r#" {"x":1,"x":{"keys":[1]},"keys":[], "y":[[]]} "#), Some(vec![]));
    }

    #[test]
    fn deep_nesting_is_refused_instead_of_overflowing_the_stack() {
        let document = format!("{{\"keys\":[{}{}]}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(names(&document), None);
    }

    /// In the reader of the JSON library these names have a special meaning with the features `raw_value` and
    /// `arbitrary_precision`, which any dependency could enable.
    #[test]
    fn no_member_name_has_a_meaning_of_its_own() {
        for (name, value) in [("RawValue", r#""{\"kty\":\"RSA\"}""#), ("Number", r#""7""#)] {
            let name = format!("$serde_json::private::{name}");
            let document = format!(r#"{{"keys":[{{"{name}":{value}}},{{"a":{{"{name}":{value}}}}}]}}"#);
            let entries = entries(document.as_bytes()).unwrap();
            assert_eq!(entries[0].as_ref().unwrap().keys().collect::<Vec<_>>(), [&name]);
            assert!(entries[1].as_ref().unwrap()["a"][&name].is_string());
        }
    }
}
