//! TOML documents read with their line numbers, so that everything wrong in a file is reported at once.
//!
//! A reader takes the settings it knows out of a [`Table`] and calls [`Table::finish`], which reports the rest as
//! unknown. A value that is missing or wrong becomes a [`Problem`] and `None`; reading goes on. In the end
//! [`Document::into_result`] yields the value only if there was no problem at all.

mod problem;
mod redaction;
mod reference;
mod setting;
mod suggestion;
mod table;
mod units;
mod variables;
mod warning;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use toml::de::DeTable;

pub use problem::{Location, Problem, Problems};
pub use redaction::Redaction;
use reference::Recorder;
pub use reference::{Absent, Reference, SettingReference, TableReference, Unit, Values};
pub use setting::{
    Choice, FilePath, Flag, Form, Given, List, Magnitude, Number, Parsed, Setting, Text, Unread, Written,
};
pub use suggestion::nearest;
pub use table::{Located, Table};
use variables::Expanded;
pub use variables::{Variables, is_variable_name, read_environment};
use warning::FoundWarnings;
#[cfg(any(test, feature = "test-util"))]
pub use warning::testing;
pub use warning::{Warning, WarningCode, Warnings};

/// The largest document that is read, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 16 * 1_024 * 1_024;

/// Settings that come from outside the file and win over it: dotted path to place and text.
pub type Overrides = BTreeMap<String, (Location, String)>;

/// A parsed document and the problems found in it so far.
#[derive(Debug)]
pub struct Document<'t> {
    origin: String,
    lines: LineIndex,
    root: DeTable<'t>,
    overrides: Overrides,
    overrides_read: RefCell<BTreeSet<String>>,
    problems: RefCell<Vec<Problem>>,
    warnings: FoundWarnings,
    expanded: Expanded,
    /// Is there while the readers describe what a document can have.
    recorder: Option<Recorder>,
}

impl<'t> Document<'t> {
    /// Parses a document. `origin` is its name in messages, usually the path. Variables are replaced in strings, not in
    /// keys; nothing that came from one is parsed as TOML.
    ///
    /// # Errors
    ///
    /// Every syntax error of the text; without one, every variable that cannot be replaced.
    pub fn parse(origin: &str, text: &'t str, overrides: Overrides, variables: &Variables) -> Result<Self, Problems> {
        if text.len() > MAX_DOCUMENT_BYTES {
            let rule = format!("exceeds the limit of {MAX_DOCUMENT_BYTES} bytes");
            return Err(Problems::new(origin, vec![Problem::new(Location::Document, "", rule)]));
        }
        let lines = LineIndex::new(text);
        let (mut root, errors) = DeTable::parse_recoverable(text);
        let mut problems: Vec<Problem> = errors
            .iter()
            .map(|error| {
                let location = error.span().map_or(Location::Document, |span| lines.place_at(span.start));
                Problem::new(location, "", error.message().to_owned())
            })
            .collect();
        let mut expanded = Expanded::default();
        if problems.is_empty() {
            expanded = Expanded::expand(root.get_mut(), variables, &|offset| lines.place_at(offset), &mut problems);
        }
        if !problems.is_empty() {
            return Err(Problems::new(origin, problems));
        }
        let root = root.into_inner();
        Ok(Self { lines, overrides, expanded, ..Self::new(origin, root) })
    }

    /// What readers ask for: `read` runs over an empty document in which every table is present.
    pub fn describe(read: impl FnOnce(&Document<'_>)) -> Reference {
        let recorder = Recorder::default();
        recorder.add_table("", false);
        let document = Document { recorder: Some(recorder), ..Document::new("", DeTable::new()) };
        read(&document);
        document.recorder.map(Recorder::into_reference).unwrap_or_default()
    }

    fn new(origin: &str, root: DeTable<'t>) -> Self {
        Self {
            origin: origin.to_owned(),
            lines: LineIndex::new(""),
            root,
            overrides: Overrides::new(),
            overrides_read: RefCell::default(),
            problems: RefCell::default(),
            warnings: FoundWarnings::default(),
            expanded: Expanded::default(),
            recorder: None,
        }
    }

    /// The outermost table.
    #[must_use]
    pub fn root(&self) -> Table<'_> {
        Table::new(self, String::new(), Location::Document, Some(&self.root))
    }

    /// Adds a problem. `setting` is the dotted path, `rule` what must hold.
    pub fn report(&self, location: &Location, setting: impl Into<String>, rule: impl Display) {
        let rule = self.redaction().apply(location, &rule.to_string());
        self.problems.borrow_mut().push(Problem::new(location.clone(), setting, rule));
    }

    /// Whether no problem was found so far. Warnings are of use only then.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// Adds a warning. `setting` is the dotted path; `message` says what is wrong and what to write instead.
    pub fn warn(&self, code: WarningCode, location: &Location, setting: impl Into<String>, message: impl Display) {
        let text = || self.redaction().apply(location, &message.to_string());
        self.warnings.add(code, location, setting, text);
    }

    /// Takes out the warnings that were found.
    #[must_use]
    pub fn take_warnings(&self) -> Warnings {
        self.warnings.take(&self.origin)
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// All problems, if there were any or if `value` is `None`, and overrides that no reader asked for.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Problems> {
        let read = self.overrides_read.into_inner();
        let mut problems = self.problems.into_inner();
        for (path, (location, _)) in &self.overrides {
            if !read.contains(path) {
                problems.push(Problem::new(location.clone(), path.clone(), "is not a known setting".to_owned()));
            }
        }
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => Err(Problems::new(&self.origin, problems)),
        }
    }

    fn place_at(&self, offset: usize) -> Location {
        self.lines.place_at(offset)
    }

    fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_ref()
    }

    /// The values of variables that messages about this document must not show.
    #[must_use]
    pub const fn redaction(&self) -> &Redaction {
        self.expanded.redaction()
    }

    /// The string of the file that begins here, if variables were replaced in it.
    fn raw_string(&self, offset: usize) -> Option<&str> {
        self.expanded.raw(offset)
    }

    fn has_overrides(&self) -> bool {
        !self.overrides.is_empty()
    }

    /// Whether a setting has a value from outside the document.
    fn is_overridden(&self, path: &str) -> bool {
        !path.contains('[') && self.overrides.contains_key(path)
    }

    fn has_overrides_in(&self, table: &str) -> bool {
        if self.overrides.is_empty() {
            return false;
        }
        let inside = format!("{table}.");
        !table.is_empty() && !table.contains('[') && self.overrides.keys().any(|path| path.starts_with(&inside))
    }

    fn override_of(&self, path: &str) -> Option<&(Location, String)> {
        // Tables in a list have no names of their own to be addressed by: they stand in the document only.
        let found = self.overrides.get(path).filter(|_| !path.contains('['))?;
        self.overrides_read.borrow_mut().insert(path.to_owned());
        Some(found)
    }
}

/// The offsets of the line feeds, so that a place costs a binary search and not a walk through the text.
#[derive(Debug)]
struct LineIndex(Vec<usize>);

impl LineIndex {
    fn new(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset).collect())
    }

    fn place_at(&self, offset: usize) -> Location {
        Location::Line(self.0.partition_point(|line_feed| *line_feed < offset) + 1)
    }
}

#[cfg(test)]
mod tests;
