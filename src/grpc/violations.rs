//! Collects every bad field of a request before anything is answered.

use std::fmt::Display;

use access_broker_policy::FieldViolation;

/// The violations found so far.
#[derive(Debug, Default)]
pub(super) struct Violations(Vec<FieldViolation>);

impl Violations {
    /// Adds a violation. `rule` is the rest of a sentence that begins with the field.
    pub(super) fn add(&mut self, field: &'static str, rule: impl Display) {
        self.0.push(FieldViolation::new(field, rule.to_string()));
    }

    /// The value, or `None` with the violation noted.
    pub(super) fn take<T, E: Display>(&mut self, field: &'static str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(field, error)).ok()
    }

    /// Everything found, if that is anything.
    pub(super) fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<FieldViolation>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}
