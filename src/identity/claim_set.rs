//! The claims of an accepted token, kept small.

use std::fmt::{self, Write};

use serde_json::{Map, Value};
use thiserror::Error;

use super::heap_block::heap_block;

/// More than the claims of most tokens take, so that they are packed without moving what is packed already.
const USUAL_PACKED_BYTES: usize = 1_024;

/// The JWT Claims Set of an accepted token ([RFC 7519 section 4](https://www.rfc-editor.org/rfc/rfc7519#section-4)).
///
/// A caller is remembered for as long as its token is (see the token cache), and there may be 100,000 of them. In a tree
/// of JSON values every name and every text is an allocation of its own; here they are one text, and six bytes for each
/// member.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimSet {
    /// Name and value of each member in turn: texts as they are, other values as JSON.
    text: Box<str>,
    members: Box<[Member]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Member {
    name_ends: u16,
    value_ends: u16,
    is_text: bool,
}

/// The value of one claim.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimValue<'c> {
    /// A string.
    Text(&'c str),
    /// Any other JSON value.
    Other(Value),
}

impl ClaimSet {
    /// Packs the members of a JSON object.
    ///
    /// # Errors
    ///
    /// When they take more than 64 KiB, which no token of an allowed size does.
    pub fn pack(members: &Map<String, Value>) -> Result<Self, ClaimSetTooLarge> {
        let mut text = String::with_capacity(USUAL_PACKED_BYTES);
        let mut packed = Vec::with_capacity(members.len());
        for (name, value) in members {
            text.push_str(name);
            let name_ends = offset(&text)?;
            match value {
                Value::String(value) => text.push_str(value),
                other => write!(text, "{other}").map_err(|_| ClaimSetTooLarge)?,
            }
            packed.push(Member { name_ends, value_ends: offset(&text)?, is_text: value.is_string() });
        }
        // A copy, because an allocator may leave a text that is made shorter in the larger piece.
        Ok(Self { text: text.as_str().into(), members: packed.into() })
    }

    /// The value of a claim.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<ClaimValue<'_>> {
        let mut begins = 0;
        for member in &self.members {
            let (name_ends, value_ends) = (usize::from(member.name_ends), usize::from(member.value_ends));
            if self.text.get(begins..name_ends) == Some(name) {
                let value = self.text.get(name_ends..value_ends)?;
                return if member.is_text {
                    Some(ClaimValue::Text(value))
                } else {
                    serde_json::from_str(value).ok().map(ClaimValue::Other)
                };
            }
            begins = value_ends;
        }
        None
    }

    /// The memory that the set takes on the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        heap_block(self.text.len()) + heap_block(size_of_val(&*self.members))
    }
}

/// Claims are about people, so they stay out.
impl fmt::Debug for ClaimSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimSet").field("members", &self.members.len()).finish_non_exhaustive()
    }
}

/// The claims take more than 64 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the claims take more than 64 KiB")]
pub struct ClaimSetTooLarge;

fn offset(text: &str) -> Result<u16, ClaimSetTooLarge> {
    u16::try_from(text.len()).map_err(|_| ClaimSetTooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pack(members: &Value) -> ClaimSet {
        ClaimSet::pack(members.as_object().unwrap()).unwrap()
    }

    #[test]
    fn members_are_found_by_their_whole_names() {
        let set = pack(&json!({"a": "x", "ab": ["y", 1], "": true, "b": ""}));
        assert_eq!(set.get("a"), Some(ClaimValue::Text("x")));
        assert_eq!(set.get("ab"), Some(ClaimValue::Other(json!(["y", 1]))));
        assert_eq!(set.get(""), Some(ClaimValue::Other(json!(true))));
        assert_eq!(set.get("b"), Some(ClaimValue::Text("")));
        for name in ["abx", "x", "aba", "c"] {
            assert_eq!(set.get(name), None, "{name}");
        }
    }

    #[test]
    fn a_text_that_looks_like_json_stays_a_text() {
        assert_eq!(pack(&json!({"a": "true"})).get("a"), Some(ClaimValue::Text("true")));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let members = json!({"a": "x".repeat(65_536)});
        assert_eq!(ClaimSet::pack(members.as_object().unwrap()), Err(ClaimSetTooLarge));
    }

    #[test]
    fn debug_shows_no_claim() {
        assert_eq!(format!("{:?}", pack(&json!({"email": "a@b"}))), "ClaimSet { members: 1, .. }");
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Into::into),
            ".{0,8}".prop_map(Value::String),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::Array))
    }

    proptest! {
        #[test]
        fn every_member_reads_back(members in btree_map(".{0,6}", any_value(), 0..8)) {
            let members: Map<String, Value> = members.into_iter().collect();
            let set = ClaimSet::pack(&members).unwrap();
            for (name, value) in &members {
                let found = match set.get(name) {
                    Some(ClaimValue::Text(text)) => Value::String(text.to_owned()),
                    Some(ClaimValue::Other(other)) => other,
                    None => panic!("{name} is missing"),
                };
                prop_assert_eq!(&found, value);
            }
        }
    }
}
