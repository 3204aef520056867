//! JSON as an issuer may write it: numbers by their text.

use std::fmt;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Boolean(bool),
    /// As it is written, such as `3.0`, and the plainest spelling of the same number.
    Number {
        written: &'static str,
        equal: &'static str,
    },
    Count(u64),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(super) fn texts(texts: &[String]) -> Self {
        Self::List(texts.iter().map(|text| Self::text(text)).collect())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number { written, .. } => f.write_str(written),
            Self::Count(count) => write!(f, "{count}"),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::List(entries) => {
                let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", entries.join(","))
            }
            Self::Object(members) => f.write_str(&object(members)),
        }
    }
}

/// The text of an object.
pub(super) fn object(members: &[(String, Json)]) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// A text in double quotes, as JSON and TOML write it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}
