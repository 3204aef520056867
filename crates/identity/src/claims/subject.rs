//! Which claim identifies the caller.

use serde_json::Value;

use crate::claim_path::ClaimPath;
use crate::claim_set::{Claim, ClaimSet};
use crate::rejection::Rejection;
use crate::subject::Subject;
use crate::token::SignedClaims;
use access_broker_base::invisible::is_invisible;

/// The longest subject, in bytes: that of a SPIFFE id, which a JWT-SVID has as `sub`. OIDC Core 1.0 section 2 permits
/// 255, but the subjects of CI jobs, which hold repository, branch and environment, are longer.
const MAX_SUBJECT_BYTES: usize = crate::workload::MAX_SPIFFE_ID_BYTES;

/// The first of these claims that is not empty.
///
/// # Invariant
///
/// A claim of another type than a string is never skipped, so that it does not make another caller of a token. The same
/// holds for a `sub` that is `null`.
pub(super) fn read(claims: &SignedClaims, set: &ClaimSet, paths: &[ClaimPath]) -> Result<Subject, Rejection> {
    if claims.get("sub").is_some_and(|sub| !sub.is_string()) {
        return Err(Rejection::SubjectMalformed);
    }
    for path in paths {
        let text = match claims.find(path) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) if text.is_empty() => continue,
            Some(Value::String(text)) => text,
            Some(_) => break,
        };
        // The caller may have typed in an address that is not verified.
        if is_identifier(text) && set.find(path).is_some_and(Claim::is_verified) {
            return Ok(Subject::from_claim(text.as_str(), path));
        }
        break;
    }
    Err(Rejection::SubjectMalformed)
}

/// Whether the text has only visible characters: it identifies the caller in the log.
fn is_identifier(text: &str) -> bool {
    // A space at either end is invisible.
    text.trim() == text && text.len() <= MAX_SUBJECT_BYTES && !text.contains(is_invisible)
}
