//! Demands of a tier that a request does not meet.

/// A request field that breaks a rule. The text is for the caller and never repeats the field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's name in the request message.
    pub field: &'static str,
    /// What must hold, as the rest of a sentence that begins with the field.
    pub rule: String,
}

impl FieldViolation {
    /// `field` is named as in the request.
    pub fn new(field: &'static str, rule: impl Into<String>) -> Self {
        Self { field, rule: rule.into() }
    }
}
