//! What is wrong in a document, and where.

use std::error::Error;
use std::fmt;

use super::Redaction;
use crate::invisible::made_visible;

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// The document as a whole, for what is missing in it.
    Document,
    /// A line of the document, counted from 1.
    Line(usize),
    /// The name of the variable.
    EnvironmentVariable(String),
    /// With its leading dashes.
    Flag(String),
}

impl Location {
    /// The text before a message about this location. `origin` is the name of the document.
    pub(super) fn lead(&self, origin: &str) -> String {
        match self {
            Self::Document => format!("{origin}: "),
            Self::Line(line) => format!("{origin}:{line}: "),
            Self::EnvironmentVariable(name) => format!("environment variable {name}: "),
            Self::Flag(name) => format!("flag {name}: "),
        }
    }
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Problems are reported in this order.
    pub location: Location,
    /// The setting's dotted path; empty for the document as a whole.
    pub setting: String,
    /// What must hold, as the rest of a sentence that begins with the setting.
    pub rule: String,
}

impl Problem {
    /// `setting` is a dotted path, `rule` the rest of a sentence that begins with it.
    pub fn new(location: Location, setting: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { location, setting: setting.into(), rule: rule.into() }
    }
}

/// All problems of one document, one per line when displayed, in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    origin: String,
    problems: Vec<Problem>,
}

impl Problems {
    /// The problems of the document that messages call `origin`.
    #[must_use]
    pub fn new(origin: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self { origin: origin.to_owned(), problems }
    }

    /// Hides the values of variables of another document, from which the rules may quote.
    #[must_use]
    pub fn redacted(mut self, redaction: &Redaction) -> Self {
        for problem in &mut self.problems {
            problem.rule = redaction.apply(&Location::Document, &problem.rule);
        }
        self
    }

    /// What messages call the document, usually its path.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The problems, in the order of the lines.
    #[must_use]
    pub fn as_slice(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { location, setting, rule }) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&location.lead(&self.origin))?;
            if setting.is_empty() {
                f.write_str(rule)?;
            } else {
                // The names of unknown settings are the file's own words.
                write!(f, "{} {rule}", made_visible(setting))?;
            }
        }
        Ok(())
    }
}

impl Error for Problems {}
