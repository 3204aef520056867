//! The members of a JSON object, each as a text that need not be JSON.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::template::expand;

/// Members in the order of their names.
#[derive(Clone, Default)]
pub(super) struct Members(BTreeMap<String, String>);

/// What the words of member values mean.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    /// `<now>`, in seconds since 1970.
    pub(super) now: u64,
    /// `<jwk>`: the public key of the token's signer, as JSON.
    pub(super) jwk: &'a str,
}

impl Members {
    /// Puts members in, or takes them out where the value is `<absent>`.
    pub(super) fn change(mut self, changes: &Table, words: Words<'_>) -> Self {
        for (name, value) in changes {
            if value.as_str() == Some("<absent>") {
                self.0.remove(name);
            } else {
                self.0.insert(name.clone(), words.json(value));
            }
        }
        self
    }

    pub(super) fn with_text(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), quoted(value));
        self
    }

    pub(super) fn with_json(mut self, name: &str, json: &str) -> Self {
        self.0.insert(name.to_owned(), json.to_owned());
        self
    }

    pub(super) fn json_of(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The members with commas between them.
    pub(super) fn without_braces(&self) -> String {
        let members: Vec<_> = self.0.iter().map(|(name, json)| format!("{}:{json}", quoted(name))).collect();
        members.join(",")
    }

    pub(super) fn object(&self) -> String {
        format!("{{{}}}", self.without_braces())
    }
}

impl Words<'_> {
    fn json(self, value: &Value) -> String {
        match value {
            Value::String(text) => self.json_of_text(text),
            Value::Integer(number) => number.to_string(),
            Value::Boolean(truth) => truth.to_string(),
            Value::Array(items) => {
                format!("[{}]", items.iter().map(|item| self.json(item)).collect::<Vec<_>>().join(","))
            }
            Value::Table(members) => Members::default().change(members, self).object(),
            Value::Float(_) | Value::Datetime(_) => panic!("write {value:?} as <json ...>"),
        }
    }

    fn json_of_text(self, text: &str) -> String {
        if let Some(word) = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) {
            if let Some(json) = word.strip_prefix("json ") {
                return json.to_owned();
            }
            if word == "jwk" {
                return self.jwk.to_owned();
            }
            if let Some(time) = self.time(word) {
                return time.to_string();
            }
        }
        quoted(&String::from_utf8(expand(text, |_| None)).unwrap())
    }

    /// `now`, `now+60` or `now-60`.
    fn time(self, word: &str) -> Option<u64> {
        let offset = match word.strip_prefix("now")? {
            "" => 0,
            offset => offset.parse().ok()?,
        };
        self.now.checked_add_signed(offset)
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
