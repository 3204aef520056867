//! One table of a document, read key by key.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::reference::{SettingReference, TableReference, without_indexes};
use super::setting::Unread;
use super::suggestion::nearest;
use super::{Document, Location, WarningCode};

/// A value and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// As given: bounds and rules are checked by the reader of the setting.
    pub value: T,
    /// For the messages about it.
    pub location: Location,
}

/// A table that is being read. Call [`finish`](Self::finish) when everything known has been taken.
#[derive(Debug)]
pub struct Table<'d> {
    document: &'d Document<'d>,
    path: String,
    location: Location,
    /// `None` for a table that the document lacks: overrides may still fill its settings.
    entries: Option<&'d DeTable<'d>>,
    taken: BTreeSet<&'static str>,
}

/// A setting's value, from the document or from an override.
#[derive(Debug, Clone, Copy)]
pub(super) enum Raw<'d> {
    Toml(&'d DeValue<'d>),
    /// From a variable or a flag, where everything is text.
    Text(&'d str),
    /// A string of the document in which a variable was replaced.
    Expanded(&'d str),
}

impl<'d> Table<'d> {
    pub(super) fn new(
        document: &'d Document<'d>,
        path: String,
        location: Location,
        entries: Option<&'d DeTable<'d>>,
    ) -> Self {
        Self { document, path, location, entries, taken: BTreeSet::new() }
    }

    /// Where the table begins.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The table's dotted path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where a setting stands, or where the table begins if it is left out.
    #[must_use]
    pub fn location_of(&self, key: &str) -> Location {
        if let Some((location, _)) = self.override_of(key) {
            return location.clone();
        }
        let value = self.entries.and_then(|entries| entries.get(key));
        value.map_or_else(|| self.location.clone(), |value| self.document.place_at(value.span().start))
    }

    /// Whether this setting is set, whatever its value: by the document, or by what wins over it.
    #[must_use]
    pub fn holds(&self, key: &str) -> bool {
        let in_document = self.entries.is_some_and(|entries| entries.contains_key(key));
        in_document || (self.document.has_overrides() && self.document.is_overridden(&self.path_of(key)))
    }

    /// Whether the document has this table, or what wins over it sets something in it. Always so while the readers
    /// describe what a document can have.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.entries.is_some() || self.document.has_overrides_in(&self.path) || self.document.recorder().is_some()
    }

    /// Begins to read a setting. `meaning` says what it is for, in Markdown.
    pub fn setting(&mut self, key: &'static str, meaning: &'static str) -> Unread<'_, 'd> {
        Unread { table: self, key, meaning }
    }

    /// Says in the reference what the table is for, and what holds without it; both in Markdown.
    pub fn describe(&self, meaning: &'static str, absent: &'static str) {
        if let Some(recorder) = self.document.recorder() {
            recorder.change_table(&self.path, |table| (table.meaning, table.absent) = (meaning, absent));
        }
    }

    /// Says in the reference what keys that the author of the file chooses mean, in Markdown.
    pub fn describe_free_keys(&self, meaning: &'static str) {
        if let Some(recorder) = self.document.recorder() {
            recorder.change_table(&self.path, |table: &mut TableReference| table.free_keys = Some(meaning));
        }
    }

    pub(super) fn record(&self, setting: impl FnOnce() -> SettingReference) {
        if let Some(recorder) = self.document.recorder() {
            recorder.add_setting(&self.path, setting());
        }
    }

    /// Notes that a setting is known.
    pub(super) fn take(&mut self, key: &'static str) {
        self.taken.insert(key);
    }

    /// Every key in the table. For tables whose keys are the user's own, such as claim names.
    pub fn keys(&self) -> impl Iterator<Item = &'d str> {
        self.entries.into_iter().flat_map(|entries| entries.keys().map(|key| key.get_ref().as_ref()))
    }

    /// Adds a problem with one of the settings.
    pub fn report(&self, key: &str, location: &Location, rule: impl Display) {
        self.document.report(location, self.path_of(key), rule);
    }

    /// Adds a problem with the table itself.
    pub fn report_here(&self, rule: impl Display) {
        self.document.report(&self.location, self.path.clone(), rule);
    }

    /// Adds a warning about one of the settings.
    pub fn warn(&self, code: WarningCode, key: &str, location: &Location, message: impl Display) {
        self.document.warn(code, location, self.path_of(key), message);
    }

    /// Adds a warning about the table itself.
    pub fn warn_here(&self, code: WarningCode, message: impl Display) {
        self.document.warn(code, &self.location, self.path.clone(), message);
    }

    /// A string or a list of strings; a comma-separated list where it comes from an override.
    pub fn strings(&mut self, key: &'static str) -> Option<Vec<Located<String>>> {
        let rule = "must be a string or a list of strings";
        let (raw, location) = self.raw(key)?;
        let found = match raw {
            Raw::Text(text) => text
                .split(',')
                .map(|part| Located { value: part.trim().to_owned(), location: location.clone() })
                .collect(),
            Raw::Expanded(text) => vec![Located { value: text.to_owned(), location }],
            Raw::Toml(value) => self.strings_in(value, &location).or_else(|| {
                self.report(key, &location, rule);
                None
            })?,
        };
        Some(found)
    }

    /// The strings of a setting, without any report: none where it is not a string or a list of strings.
    #[must_use]
    pub fn peek_strings(&self, key: &str) -> Vec<Located<String>> {
        let value = self.entries.and_then(|entries| entries.get(key));
        let location = self.location_of(key);
        value.and_then(|value| self.strings_in(value.get_ref(), &location)).unwrap_or_default()
    }

    /// The string of a setting, without any report: `None` where it is not a string.
    #[must_use]
    pub fn peek_string(&self, key: &str) -> Option<Located<String>> {
        let (raw, location) = self.peek_raw(key)?;
        Some(Located { value: raw.text()?.to_owned(), location })
    }

    /// Whether a setting is `true`, without any report.
    #[must_use]
    pub fn peek_flag(&self, key: &str) -> bool {
        match self.peek_raw(key) {
            Some((Raw::Toml(value), _)) => matches!(value, DeValue::Boolean(true)),
            Some((Raw::Text(text) | Raw::Expanded(text), _)) => text == "true",
            None => false,
        }
    }

    /// The string of a setting as the file has it, if variables were replaced in it.
    #[must_use]
    pub fn raw_string(&self, key: &str) -> Option<&'d str> {
        self.document.raw_string(self.entries?.get(key)?.span().start)
    }

    /// The strings under one of the user's own keys: strings, booleans and integers, alone or in a list, as text.
    #[must_use]
    pub fn scalars_as_text(&self, key: &str) -> Option<Vec<Located<String>>> {
        let value = self.entries?.get(key)?;
        let location = self.document.place_at(value.span().start);
        let items: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        let found: Option<Vec<_>> = items
            .into_iter()
            .map(|item| {
                let text = match item.get_ref() {
                    DeValue::String(text) => text.to_string(),
                    DeValue::Boolean(flag) => flag.to_string(),
                    DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok()?.to_string(),
                    _ => return None,
                };
                Some(Located { value: text, location: self.document.place_at(item.span().start) })
            })
            .collect();
        if found.is_none() {
            self.report(key, &location, "must be a string, a boolean, an integer, or a list of these");
        }
        found
    }

    /// The pairs of a table whose keys are the user's own. Every value must be a string.
    #[must_use]
    pub fn string_pairs(&self) -> Vec<(&'d str, Located<String>)> {
        let mut pairs = Vec::new();
        for (key, value) in self.entries.into_iter().flat_map(DeTable::iter) {
            let location = self.document.place_at(value.span().start);
            match value.get_ref().as_str() {
                Some(text) => pairs.push((key.get_ref().as_ref(), Located { value: text.to_owned(), location })),
                None => self.report(key.get_ref(), &location, "must be a string"),
            }
        }
        pairs
    }

    /// A table. It is there to read from even if the document lacks it.
    #[must_use]
    pub fn table(&mut self, key: &'static str) -> Table<'d> {
        self.taken.insert(key);
        let path = self.path_of(key);
        if let Some(recorder) = self.document.recorder() {
            recorder.add_table(&path, false);
        }
        match self.entries.and_then(|entries| entries.get(key)) {
            None => Table::new(self.document, path, self.location.clone(), None),
            Some(value) => {
                let location = self.document.place_at(value.span().start);
                let entries = value.get_ref().as_table();
                if entries.is_none() {
                    self.report(key, &location, "must be a table");
                }
                Table::new(self.document, path, location, entries)
            }
        }
    }

    /// The tables of an array of tables; none if the document lacks it.
    pub fn tables(&mut self, key: &'static str) -> Vec<Table<'d>> {
        self.taken.insert(key);
        if let Some(recorder) = self.document.recorder() {
            let path = format!("{}[0]", self.path_of(key));
            recorder.add_table(&path, true);
            return vec![Table::new(self.document, path, self.location.clone(), None)];
        }
        let Some(value) = self.entries.and_then(|entries| entries.get(key)) else {
            return Vec::new();
        };
        let elements = match value.get_ref() {
            DeValue::Array(elements) => elements.iter().collect(),
            _ => vec![value],
        };
        let mut found = Vec::new();
        for (index, element) in elements.into_iter().enumerate() {
            let location = self.document.place_at(element.span().start);
            match element.get_ref().as_table() {
                Some(entries) if value.get_ref().is_array() => {
                    found.push(Table::new(
                        self.document,
                        format!("{}[{index}]", self.path_of(key)),
                        location,
                        Some(entries),
                    ));
                }
                _ => self.report(key, &location, format!("must be written as [[{}]]", self.header_of(key))),
            }
        }
        found
    }

    /// Reports every setting that no reader asked for.
    pub fn finish(self) {
        for key in self.entries.into_iter().flat_map(DeTable::keys) {
            let name = key.get_ref().as_ref();
            if !self.taken.contains(name) {
                let location = self.document.place_at(key.span().start);
                let known = nearest(name, self.taken.iter().copied());
                let hint = known.map_or_else(String::new, |known| format!("; did you mean {known}?"));
                self.report(name, &location, format!("is not a known setting{hint}"));
            }
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The text in the brackets above an array of tables.
    fn header_of(&self, key: &str) -> String {
        without_indexes(&self.path_of(key))
    }

    /// Makes no path where nothing wins over the document: a policy has many thousands of settings.
    fn override_of(&self, key: &str) -> Option<&'d (Location, String)> {
        self.document.has_overrides().then(|| self.document.override_of(&self.path_of(key)))?
    }

    pub(super) fn raw(&mut self, key: &'static str) -> Option<(Raw<'d>, Location)> {
        self.take(key);
        self.peek_raw(key)
    }

    pub(super) fn peek_raw(&self, key: &str) -> Option<(Raw<'d>, Location)> {
        if let Some((location, text)) = self.override_of(key) {
            return Some((Raw::Text(text), location.clone()));
        }
        let value = self.entries?.get(key)?;
        let offset = value.span().start;
        let raw = match value.get_ref() {
            // What came from a variable can be a number or a flag, too.
            DeValue::String(text) if self.document.raw_string(offset).is_some() => Raw::Expanded(text),
            value => Raw::Toml(value),
        };
        Some((raw, self.document.place_at(offset)))
    }

    fn strings_in(&self, value: &DeValue<'_>, location: &Location) -> Option<Vec<Located<String>>> {
        match value {
            DeValue::String(text) => Some(vec![Located { value: text.to_string(), location: location.clone() }]),
            DeValue::Array(items) => items
                .iter()
                .map(|item| {
                    let location = self.document.place_at(item.span().start);
                    item.get_ref().as_str().map(|text| Located { value: text.to_owned(), location })
                })
                .collect(),
            _ => None,
        }
    }
}

impl Raw<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Toml(value) => value.as_str(),
            Self::Text(text) | Self::Expanded(text) => Some(text),
        }
    }
}
