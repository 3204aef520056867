//! What the claims of a token must say, and what they say about the caller.

mod kubernetes;
mod spiffe;

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::caller::{Caller, TokenIdentity};
use super::claim_set::ClaimSet;
use super::issuer::{IssuerSettings, TokenProfile};
use super::rejection::Rejection;
use super::token::SignedClaims;
use super::token_times::TokenTimes;
use super::workload::WorkloadId;

/// The longest `sub`, in bytes. OIDC Core 1.0 section 2 allows 255.
const MAX_SUBJECT_BYTES: usize = 256;

/// The longest `sub` of a JWT-SVID, which is a SPIFFE id.
const MAX_SPIFFE_SUBJECT_BYTES: usize = super::workload::MAX_SPIFFE_ID_BYTES;

/// A caller, and the times that its token must be checked for again.
#[derive(Debug)]
pub(super) struct AcceptedClaims {
    pub(super) caller: Caller,
    pub(super) times: TokenTimes,
}

/// Checks the claims of a token that the issuer's key has signed
/// ([RFC 7519 section 4.1](https://www.rfc-editor.org/rfc/rfc7519#section-4.1)).
///
/// # Invariant
///
/// A claim of the wrong JSON type, `null` included, is never taken for an absent one.
pub(super) fn accept(
    claims: &SignedClaims,
    settings: &IssuerSettings,
    issuer: &Arc<str>,
    now: SystemTime,
) -> Result<AcceptedClaims, Rejection> {
    let is_svid = settings.profile == TokenProfile::Spiffe;
    // A JWT-SVID need not have `iss`: its issuer is the trust domain of its subject.
    if !is_svid {
        let claimed_issuer = claims.get("iss").and_then(Value::as_str).ok_or(Rejection::IssuerMalformed)?;
        if claimed_issuer != &**issuer {
            return Err(Rejection::UnknownIssuer);
        }
    }
    let times = TokenTimes::read(claims)?;
    times.check(settings, now)?;
    check_audience(claims, settings)?;
    if settings.profile == TokenProfile::AccessToken {
        check_access_token(claims, &times)?;
    }
    let subject = subject(claims, if is_svid { MAX_SPIFFE_SUBJECT_BYTES } else { MAX_SUBJECT_BYTES })?;
    let workload = if is_svid { Some(spiffe::workload(subject, issuer)?) } else { None };
    let mut groups = match claims.get(&settings.groups_claim) {
        None => Vec::new(),
        Some(Value::String(group)) => vec![group.as_str().into()],
        Some(other) => strings(other).ok_or(Rejection::GroupsMalformed)?,
    };
    if settings.profile == TokenProfile::Kubernetes {
        groups.extend(kubernetes::groups(subject, claims)?);
    }
    let scopes = match claims.get(&settings.scopes_claim) {
        None => Vec::new(),
        Some(Value::String(scopes)) => scopes.split_ascii_whitespace().map(Into::into).collect(),
        Some(other) => strings(other).ok_or(Rejection::ScopesMalformed)?,
    };
    let token = Arc::new(TokenIdentity {
        issuer: Arc::clone(issuer),
        subject: subject.into(),
        groups: groups.into(),
        scopes: scopes.into(),
        email_verified: settings.trust_email || says_email_is_verified(claims),
        claims: ClaimSet::pack(claims.members()).map_err(|_| Rejection::ClaimsMalformed)?,
        expires_at: times.expires_at(),
    });
    let caller = match workload {
        Some(id) => Caller::from_workload_token(token, WorkloadId::Spiffe(Arc::new(id))),
        None => Caller::from_token(token),
    };
    Ok(AcceptedClaims { caller, times })
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
        TokenProfile::Cognito { token_uses } => match claims.get("token_use").and_then(Value::as_str) {
            Some("id") if token_uses.id => audience_is_ours()?.ok_or(Rejection::AudienceMissing)?,
            Some("access") if token_uses.access => {
                let client_id = claims.get("client_id").ok_or(Rejection::AudienceMissing)?;
                let client_is_ours = is_ours(client_id.as_str().ok_or(Rejection::AudienceMalformed)?);
                client_is_ours && audience_is_ours()?.unwrap_or(true)
            }
            _ => return Err(Rejection::TokenUseNotAllowed),
        },
        TokenProfile::Oidc | TokenProfile::AccessToken | TokenProfile::Kubernetes | TokenProfile::Spiffe => {
            audience_is_ours()?.ok_or(Rejection::AudienceMissing)?
        }
    };
    if matches { Ok(()) } else { Err(Rejection::AudienceMismatch) }
}

/// The claims that an access token must have beside those of every token (RFC 9068 section 2.2).
fn check_access_token(claims: &SignedClaims, times: &TokenTimes) -> Result<(), Rejection> {
    let is_text = |name: &str| claims.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if !is_text("client_id") {
        return Err(Rejection::ClientIdMalformed);
    }
    if !is_text("jti") {
        return Err(Rejection::TokenIdMalformed);
    }
    times.issued_at().map(drop).ok_or(Rejection::IssuedAtMissing)
}

fn subject(claims: &SignedClaims, max_bytes: usize) -> Result<&str, Rejection> {
    match claims.get("sub") {
        Some(Value::String(subject))
            if (1..=max_bytes).contains(&subject.len()) && !subject.chars().any(char::is_control) =>
        {
            Ok(subject)
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

fn strings(value: &Value) -> Option<Vec<Box<str>>> {
    value.as_array()?.iter().map(|item| item.as_str().map(Into::into)).collect()
}

#[cfg(test)]
mod tests;
