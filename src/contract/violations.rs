//! Collects every invalid field of a request.

use std::fmt::Display;

use access_broker_policy::FieldViolation;

/// The violations found so far.
#[derive(Debug, Default)]
pub(super) struct Violations(Vec<FieldViolation>);

impl Violations {
    /// Adds a violation. `rule` continues the sentence that begins with the field.
    pub(super) fn add(&mut self, field: &'static str, rule: impl Display) {
        self.0.push(FieldViolation::new(field, rule.to_string()));
    }

    /// The value, or `None` after adding the violation.
    pub(super) fn take<T, E: Display>(&mut self, field: &'static str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(field, error)).ok()
    }

    /// The value, or the violations if there are any.
    pub(super) fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<FieldViolation>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}
