//! `${NAME}` in the strings of a document.

use std::collections::BTreeMap;
use std::env::{self, VarError};
use std::fmt;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Location, MAX_DOCUMENT_BYTES, Problem, Redaction};

/// The variables that the strings of a document can name.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Variables {
    /// None: every `${NAME}` is an error.
    #[default]
    None,
    /// Those of this process.
    Environment,
    /// These and no others. The name of the setting that lists them stands in errors.
    Listed {
        /// Such as `policy.variables`.
        setting: &'static str,
        /// Names, and values where the variable is set.
        variables: BTreeMap<String, Option<String>>,
    },
}

impl fmt::Debug for Variables {
    /// Names, and no values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Environment => f.write_str("Environment"),
            Self::Listed { setting, variables } => {
                f.debug_struct("Listed").field("setting", setting).field("names", &variables.keys()).finish()
            }
        }
    }
}

impl Variables {
    /// A string with its variables replaced. `None` where that is not possible.
    #[must_use]
    pub fn expand(&self, text: &str) -> Option<String> {
        let location_at = |_| Location::Document;
        let expanded = Expanded::default();
        let mut expansion =
            Expansion { variables: self, location_at: &location_at, problems: &mut Vec::new(), added: 0, expanded };
        expansion.string(text).ok().map(|(text, _)| text)
    }

    /// The value of a variable. `Ok(None)`: it is not set.
    fn get(&self, name: &str) -> Result<Option<String>, String> {
        match self {
            Self::None => Err(format!("must not use the variable {name}, because this file has no variables")),
            Self::Environment => read_environment(name),
            Self::Listed { setting, variables } => variables
                .get(name)
                .cloned()
                .ok_or_else(|| format!("must not use the variable {name}, because {setting} does not list it")),
        }
    }
}

/// A variable of this process. `Ok(None)`: it is not set.
///
/// # Errors
///
/// A rule for a message, when the value is not UTF-8.
pub fn read_environment(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("names the variable {name}, whose value is not UTF-8")),
    }
}

/// Whether a text can be the name of a variable: letters, digits and `_`, and no digit first (POSIX, XBD 8.1).
#[must_use]
pub fn is_variable_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && text.bytes().all(is_part) && !text.as_bytes()[0].is_ascii_digit()
}

/// The strings of a document in which variables were replaced.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    /// By the offset at which the string begins: the string as the file has it.
    raw: BTreeMap<usize, String>,
    redaction: Redaction,
}

impl Expanded {
    /// Replaces the variables in every string of a table. Keys stay as they are.
    pub(super) fn expand(
        root: &mut DeTable<'_>,
        variables: &Variables,
        location_at: &dyn Fn(usize) -> Location,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut expansion = Expansion { variables, location_at, problems, added: 0, expanded: Self::default() };
        expansion.table("", root);
        expansion.expanded
    }

    /// The string of the file, if the value that begins here came from a variable, in whole or in part.
    pub(super) fn raw(&self, offset: usize) -> Option<&str> {
        self.raw.get(&offset).map(String::as_str)
    }

    pub(super) const fn redaction(&self) -> &Redaction {
        &self.redaction
    }
}

struct Expansion<'e> {
    variables: &'e Variables,
    location_at: &'e dyn Fn(usize) -> Location,
    problems: &'e mut Vec<Problem>,
    /// Bytes that came from variables so far. A few bytes of a file can name a long value many times.
    added: usize,
    expanded: Expanded,
}

impl Expansion<'_> {
    fn table(&mut self, path: &str, table: &mut DeTable<'_>) {
        for (key, value) in table.iter_mut() {
            let key = key.get_ref();
            let path = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
            self.value(&path, value);
        }
    }

    fn value(&mut self, path: &str, value: &mut Spanned<DeValue<'_>>) {
        let offset = value.span().start;
        match value.get_mut() {
            DeValue::String(text) => {
                if !text.contains('$') {
                    return;
                }
                match self.string(text) {
                    Ok((expanded, values)) => {
                        if !values.is_empty() {
                            let location = (self.location_at)(offset);
                            self.expanded.redaction.note(&location, text, &expanded, values);
                            self.expanded.raw.insert(offset, text.to_string());
                        }
                        *text = expanded.into();
                    }
                    Err(rule) => self.problems.push(Problem::new((self.location_at)(offset), path, rule)),
                }
            }
            DeValue::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let is_table = item.get_ref().is_table();
                    let path = if is_table { format!("{path}[{index}]") } else { path.to_owned() };
                    self.value(&path, item);
                }
            }
            DeValue::Table(table) => self.table(path, table),
            _ => {}
        }
    }

    /// The text with its variables replaced, and which these were.
    fn string(&mut self, text: &str) -> Result<(String, Vec<(String, String)>), String> {
        let (mut expanded, mut values) = (String::with_capacity(text.len()), Vec::new());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            let (before, from) = rest.split_at(dollar);
            expanded.push_str(before);
            rest = from;
            if let Some(after) = rest.strip_prefix("$$") {
                expanded.push('$');
                rest = after;
            } else if let Some(inside) = rest.strip_prefix("${") {
                let Some((reference, after)) = inside.split_once('}') else {
                    return Err("has \"${\" without \"}\"; write $$ for a dollar".to_owned());
                };
                let (name, value) = self.reference(reference)?;
                self.added += value.len();
                if self.added > MAX_DOCUMENT_BYTES {
                    return Err(format!("exceeds the limit of {MAX_DOCUMENT_BYTES} bytes from variables in one file"));
                }
                expanded.push_str(&value);
                values.push((name.to_owned(), value));
                rest = after;
            } else {
                expanded.push('$');
                rest = &rest[1..];
            }
        }
        expanded.push_str(rest);
        Ok((expanded, values))
    }

    fn reference<'r>(&self, reference: &'r str) -> Result<(&'r str, String), String> {
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (reference, None),
        };
        if !is_variable_name(name) {
            return Err("must write a variable as ${NAME} or ${NAME:-default}, with a NAME of A-Z, a-z, 0-9 and _; \
                        write $$ for a dollar"
                .to_owned());
        }
        let value = self.variables.get(name)?;
        match (value, default) {
            (Some(value), None) => Ok((name, value)),
            // As in a shell, an empty variable takes the default, too.
            (Some(value), Some(_)) if !value.is_empty() => Ok((name, value)),
            (_, Some(default)) => Ok((name, default.replace("$$", "$"))),
            (None, None) => {
                Err(format!("uses the variable {name}, which is not set; set it, or write ${{{name}:-default}}"))
            }
        }
    }
}
