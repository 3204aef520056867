//! The name of a claim, which may be inside other claims.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// The most names of a path: claims that are deeper in a token are not read.
pub(crate) const MAX_CLAIM_DEPTH: usize = 8;

const MAX_PATH_BYTES: usize = 1_024;

/// Names a claim of a token.
///
/// A text that does not begin with `/` is the name of a top-level claim, byte for byte. A text that begins with `/` is
/// a JSON Pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) of 1 to 8 names: each is that of a member of an
/// object, never the position of an item in a list. So every name of a claim can be written, and none is taken for a
/// path: the top-level claim `/a` is written `/~1a`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimPath {
    /// The shortest text that is read as this path.
    text: Arc<str>,
    /// From the top-level claim to the innermost: at least one.
    names: Box<[Box<str>]>,
}

impl ClaimPath {
    /// Reads a path. `name` and `/name` are the same path.
    ///
    /// # Errors
    ///
    /// When the text is empty or longer than 1,024 bytes, or begins with `/` and is not a JSON Pointer of 1 to 8 names
    /// that are not empty.
    pub fn parse(text: &str) -> Result<Self, InvalidClaimPath> {
        if text.is_empty() || text.len() > MAX_PATH_BYTES {
            return Err(InvalidClaimPath::Length);
        }
        let Some(pointer) = text.strip_prefix('/') else { return Ok(Self::top_level(text)) };
        let names = pointer.split('/').map(unescaped).collect::<Result<Box<[_]>, _>>()?;
        if names.len() > MAX_CLAIM_DEPTH {
            return Err(InvalidClaimPath::TooDeep);
        }
        Ok(Self::from_names(names))
    }

    /// The top-level claim of this name, which is not empty.
    pub(crate) fn top_level(name: &str) -> Self {
        Self::from_names(Box::new([name.into()]))
    }

    fn from_names(names: Box<[Box<str>]>) -> Self {
        let text = match &*names {
            [name] if !name.starts_with('/') => (&**name).into(),
            names => names.iter().flat_map(|name| ["/".to_owned(), escaped(name)]).collect::<String>().into(),
        };
        Self { text, names }
    }

    /// The shortest text that [`parse`](Self::parse) reads as this path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same text, shared.
    pub(crate) const fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The names from the top-level claim to the innermost: 1 to 8.
    #[must_use]
    pub const fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// The name of the top-level claim: this claim, or that which it is in.
    #[must_use]
    pub fn top_level_name(&self) -> &str {
        self.names.first().map(AsRef::as_ref).unwrap_or_default()
    }

    /// Whether this is the top-level claim of this name.
    #[must_use]
    pub fn is_top_level(&self, name: &str) -> bool {
        matches!(&*self.names, [only] if **only == *name)
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One name of a JSON Pointer (RFC 6901 section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Resolves the escapes of one name of a JSON Pointer (RFC 6901 section 4).
fn unescaped(token: &str) -> Result<Box<str>, InvalidClaimPath> {
    if token.is_empty() {
        return Err(InvalidClaimPath::EmptyName);
    }
    let mut parts = token.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (character, rest) = match part.split_at_checked(1) {
            Some(("0", rest)) => ('~', rest),
            Some(("1", rest)) => ('/', rest),
            _ => return Err(InvalidClaimPath::Escape),
        };
        name.push(character);
        name.push_str(rest);
    }
    Ok(name.into())
}

/// Why a text names no claim, worded to follow the name of the setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum InvalidClaimPath {
    /// Empty, or over 1,024 bytes.
    #[error("must have 1 to 1024 bytes")]
    Length,
    /// More than 8 names.
    #[error("must be a path of at most 8 names")]
    TooDeep,
    /// A path has an empty name.
    #[error("must be a path without empty names: one \"/\" before each name and none at the end")]
    EmptyName,
    /// `~` is followed by neither `0` nor `1`.
    #[error("must be a path in which \"~\" in a name is written ~0, and \"/\" in a name ~1")]
    Escape,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> Vec<String> {
        ClaimPath::parse(text).unwrap().names().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_text_without_a_slash_at_its_start_is_one_name() {
        for name in
            ["groups", "cognito:groups", "https://example.com/roles", "realm_access.roles", "a~b", "~", "a/", " "]
        {
            assert_eq!(names(name), [name]);
            let path = ClaimPath::parse(name).unwrap();
            assert!(path.is_top_level(name) && path.top_level_name() == name, "{name}");
        }
    }

    #[test]
    fn a_text_with_a_slash_at_its_start_is_a_json_pointer() {
        for (text, expected) in [
            ("/realm_access/roles", vec!["realm_access", "roles"]),
            ("/https:~1~1sts.amazonaws.com~1/org_id", vec!["https://sts.amazonaws.com/", "org_id"]),
            ("/kubernetes.io/namespace", vec!["kubernetes.io", "namespace"]),
            ("/groups", vec!["groups"]),
            ("/~1groups", vec!["/groups"]),
            ("/a/0", vec!["a", "0"]),
            ("/~01/~10/~0~1", vec!["~1", "/0", "~/"]),
            ("/1/2/3/4/5/6/7/8", vec!["1", "2", "3", "4", "5", "6", "7", "8"]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
        assert_eq!(ClaimPath::parse("/groups"), ClaimPath::parse("groups"));
        assert_eq!(ClaimPath::parse("/a~1/b").unwrap().top_level_name(), "a/");
        assert!(!ClaimPath::parse("/a/b").unwrap().is_top_level("a"));
        assert!(!ClaimPath::parse("/a/b").unwrap().is_top_level("b"));
        assert!(!ClaimPath::parse("a").unwrap().is_top_level("b"));
    }

    #[test]
    fn what_names_no_claim_is_refused() {
        let longest = "ä".repeat(512);
        assert!(ClaimPath::parse(&longest).is_ok());
        for (text, reason) in [
            ("", InvalidClaimPath::Length),
            (&format!("{longest}a"), InvalidClaimPath::Length),
            ("/", InvalidClaimPath::EmptyName),
            ("//", InvalidClaimPath::EmptyName),
            ("/a/", InvalidClaimPath::EmptyName),
            ("//a", InvalidClaimPath::EmptyName),
            ("/a//b", InvalidClaimPath::EmptyName),
            ("/1/2/3/4/5/6/7/8/9", InvalidClaimPath::TooDeep),
            ("/~", InvalidClaimPath::Escape),
            ("/a~", InvalidClaimPath::Escape),
            ("/~2", InvalidClaimPath::Escape),
            ("/~~0", InvalidClaimPath::Escape),
            ("/a/~ä", InvalidClaimPath::Escape),
        ] {
            assert_eq!(ClaimPath::parse(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn a_path_is_shown_in_its_shortest_form() {
        for (text, shown) in [
            ("/groups", "groups"),
            ("groups", "groups"),
            ("a/b~c", "a/b~c"),
            ("/a~1b~0c", "a/b~c"),
            ("/~1a", "/~1a"),
            ("/a/b", "/a/b"),
            ("/~01/b~1", "/~01/b~1"),
        ] {
            let path = ClaimPath::parse(text).unwrap();
            assert_eq!((path.to_string().as_str(), path.as_str(), &**path.text()), (shown, shown, shown));
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_the_same_path(text in "[a/~01.]{0,12}") {
            if let Ok(path) = ClaimPath::parse(&text) {
                prop_assert_eq!(ClaimPath::parse(&path.to_string()), Ok(path));
            }
        }

        #[test]
        fn every_name_can_be_written(names in proptest::collection::vec("[a/~01.]{1,4}", 1..=8)) {
            let path = ClaimPath::from_names(names.iter().map(|name| name.as_str().into()).collect());
            prop_assert_eq!(ClaimPath::parse(&path.to_string()), Ok(path));
        }
    }
}
