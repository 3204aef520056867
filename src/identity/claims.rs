//! What the claims of a token must say, and what they say about the caller.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::caller::TokenIdentity;
use super::issuer::{IssuerSettings, TokenProfile};
use super::rejection::Rejection;
use super::token::SignedClaims;

/// The longest `sub`, in bytes. OIDC Core 1.0 section 2 allows 255.
const MAX_SUBJECT_BYTES: usize = 256;

/// 9999-12-31T23:59:59Z, beyond which a date cannot be written with four digits of year.
const MAX_NUMERIC_DATE: u64 = 253_402_300_799;

/// Checks the claims of a token that the issuer's key has signed
/// ([RFC 7519 section 4.1](https://www.rfc-editor.org/rfc/rfc7519#section-4.1)).
///
/// # Invariant
///
/// A claim of the wrong JSON type, `null` included, is never taken for an absent one.
pub(super) fn accept(
    claims: SignedClaims,
    settings: &IssuerSettings,
    issuer: &Arc<str>,
    now: SystemTime,
) -> Result<TokenIdentity, Rejection> {
    let claimed_issuer = claims.get("iss").and_then(Value::as_str).ok_or(Rejection::IssuerMalformed)?;
    if claimed_issuer != &**issuer {
        return Err(Rejection::UnknownIssuer);
    }
    let expires_at = check_times(&claims, settings, now)?;
    check_audience(&claims, settings)?;
    let subject = subject(&claims)?;
    let groups = match claims.get(&settings.groups_claim) {
        None => Vec::new(),
        Some(Value::String(group)) => vec![group.clone()],
        Some(other) => strings(other).ok_or(Rejection::GroupsMalformed)?,
    };
    let scopes = match claims.get(&settings.scopes_claim) {
        None => Vec::new(),
        Some(Value::String(scopes)) => scopes.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(other) => strings(other).ok_or(Rejection::ScopesMalformed)?,
    };
    let email_verified = settings.trust_email || says_email_is_verified(&claims);
    let claims = claims.into_map();
    Ok(TokenIdentity { issuer: Arc::clone(issuer), subject, groups, scopes, email_verified, claims, expires_at })
}

/// Returns `exp`.
fn check_times(claims: &SignedClaims, settings: &IssuerSettings, now: SystemTime) -> Result<SystemTime, Rejection> {
    let time = |name: &str, malformed| claims.get(name).map(|date| numeric_date(date).ok_or(malformed)).transpose();
    let expires_at = time("exp", Rejection::ExpiryMalformed)?.ok_or(Rejection::ExpiryMissing)?;
    // A sum that does not fit, of a clock that is far off, counts as expired and as not yet valid.
    if expires_at.checked_add(settings.leeway).is_none_or(|end| now >= end) {
        return Err(Rejection::TokenExpired);
    }
    let latest_start = now.checked_add(settings.leeway).unwrap_or(SystemTime::UNIX_EPOCH);
    if time("nbf", Rejection::NotBeforeMalformed)?.is_some_and(|not_before| not_before > latest_start) {
        return Err(Rejection::NotYetValid);
    }
    let issued_at = time("iat", Rejection::IssuedAtMalformed)?;
    if issued_at.is_some_and(|issued_at| issued_at > latest_start) {
        return Err(Rejection::IssuedInFuture);
    }
    if let Some(longest) = settings.max_token_lifetime {
        let issued_at = issued_at.ok_or(Rejection::IssuedAtMissing)?;
        if expires_at.duration_since(issued_at).is_ok_and(|lifetime| lifetime > longest) {
            return Err(Rejection::LifetimeTooLong);
        }
    }
    Ok(expires_at)
}

/// A `NumericDate` (RFC 7519 section 2): seconds since 1970, which may have a fraction.
fn numeric_date(date: &Value) -> Option<SystemTime> {
    let since_epoch = match date.as_u64() {
        Some(seconds) => Duration::from_secs(seconds),
        None => Duration::try_from_secs_f64(date.as_f64()?).ok()?,
    };
    if since_epoch.as_secs() > MAX_NUMERIC_DATE { None } else { SystemTime::UNIX_EPOCH.checked_add(since_epoch) }
}

fn check_audience(claims: &SignedClaims, settings: &IssuerSettings) -> Result<(), Rejection> {
    let is_ours = |audience: &str| settings.audiences.iter().any(|ours| ours == audience);
    let audience_is_ours = || match claims.get("aud") {
        None => Ok(None),
        Some(Value::String(audience)) => Ok(Some(is_ours(audience))),
        Some(Value::Array(audiences)) => {
            let mut ours = false;
            for audience in audiences {
                ours |= is_ours(audience.as_str().ok_or(Rejection::AudienceMalformed)?);
            }
            Ok(Some(ours))
        }
        Some(_) => Err(Rejection::AudienceMalformed),
    };
    let matches = match settings.profile {
        TokenProfile::Oidc => audience_is_ours()?.ok_or(Rejection::AudienceMissing)?,
        TokenProfile::Cognito { token_uses } => match claims.get("token_use").and_then(Value::as_str) {
            Some("id") if token_uses.id => audience_is_ours()?.ok_or(Rejection::AudienceMissing)?,
            Some("access") if token_uses.access => {
                let client_id = claims.get("client_id").ok_or(Rejection::AudienceMissing)?;
                let client_is_ours = is_ours(client_id.as_str().ok_or(Rejection::AudienceMalformed)?);
                client_is_ours && audience_is_ours()?.unwrap_or(true)
            }
            _ => return Err(Rejection::TokenUseNotAllowed),
        },
    };
    if matches { Ok(()) } else { Err(Rejection::AudienceMismatch) }
}

fn subject(claims: &SignedClaims) -> Result<String, Rejection> {
    match claims.get("sub") {
        Some(Value::String(subject))
            if (1..=MAX_SUBJECT_BYTES).contains(&subject.len()) && !subject.chars().any(char::is_control) =>
        {
            Ok(subject.clone())
        }
        _ => Err(Rejection::SubjectMalformed),
    }
}

/// `email_verified` of OIDC Core 1.0 section 5.1. Cognito sends the text `true` for some identity providers.
fn says_email_is_verified(claims: &SignedClaims) -> bool {
    match claims.get("email_verified") {
        Some(Value::Bool(verified)) => *verified,
        Some(Value::String(verified)) => verified == "true",
        _ => false,
    }
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests;
