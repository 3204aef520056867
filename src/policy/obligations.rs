//! Holds an upload's terms against what its tier demands.

use super::terms::UploadTerms;
use super::tier::{MAX_SINGLE_PUT_BYTES, UploadObligations};

/// A request field that breaks a rule. The text is for the caller and never repeats the field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's name in the request message.
    pub field: &'static str,
    /// What must hold, as the rest of a sentence that begins with the field.
    pub rule: String,
}

impl FieldViolation {
    /// A violation from its parts.
    pub fn new(field: &'static str, rule: impl Into<String>) -> Self {
        Self { field, rule: rule.into() }
    }
}

/// The terms that the permit fixes: the caller's, with what the tier imposes.
///
/// Every demand that is not met is reported, not only the first.
pub(super) fn agree_upload(
    mut terms: UploadTerms,
    obligations: &UploadObligations,
) -> Result<UploadTerms, Vec<FieldViolation>> {
    let violations: Vec<FieldViolation> = [
        content_type_violation(&terms, obligations),
        content_length_violation(&terms, obligations),
        checksum_violation(&terms, obligations),
        overwrite_violation(&terms, obligations),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !violations.is_empty() {
        return Err(violations);
    }
    if !obligations.overwrite {
        terms.create_only = Some(true);
    }
    Ok(terms)
}

fn content_type_violation(terms: &UploadTerms, obligations: &UploadObligations) -> Option<FieldViolation> {
    let allowed = obligations.content_types.as_ref()?;
    match &terms.content_type {
        None => Some(FieldViolation::new("content_type", "is required in this tier")),
        Some(given) if allowed.iter().any(|pattern| pattern.matches(given.as_str())) => None,
        Some(_) => Some(FieldViolation::new("content_type", "must be one of the tier's content types")),
    }
}

fn content_length_violation(terms: &UploadTerms, obligations: &UploadObligations) -> Option<FieldViolation> {
    match (terms.content_length, obligations.max_size) {
        (None, Some(max)) => {
            Some(FieldViolation::new("content_length", format!("is required in this tier, at most {max} bytes")))
        }
        (Some(length), max) if length > max.unwrap_or(MAX_SINGLE_PUT_BYTES) => {
            let max = max.unwrap_or(MAX_SINGLE_PUT_BYTES);
            Some(FieldViolation::new("content_length", format!("must be at most {max} bytes")))
        }
        _ => None,
    }
}

fn checksum_violation(terms: &UploadTerms, obligations: &UploadObligations) -> Option<FieldViolation> {
    let allowed = obligations.checksums.as_ref()?;
    let fits = terms.checksum.as_ref().is_some_and(|checksum| allowed.contains(&checksum.algorithm()));
    let names: Vec<&str> = allowed.iter().map(|algorithm| algorithm.name()).collect();
    (!fits).then(|| FieldViolation::new("checksum", format!("is required in this tier, with {}", names.join(" or "))))
}

fn overwrite_violation(terms: &UploadTerms, obligations: &UploadObligations) -> Option<FieldViolation> {
    let contradicts = terms.create_only == Some(false) && !obligations.overwrite;
    contradicts.then(|| FieldViolation::new("create_only", "must not be false in this tier, which forbids overwriting"))
}
