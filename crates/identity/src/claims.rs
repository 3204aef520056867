//! Checks the claims of a token and makes a caller from them.

mod kubernetes;
mod spiffe;

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::caller::{Caller, Names, TokenIdentity};
use super::claim_set::{Claim, ClaimSet, ClaimSetError};
use super::confirmation::{self, CertificateThumbprint};
use super::issuer::{IssuerSettings, TokenProfile};
use super::rejection::Rejection;
use super::token::SignedClaims;
use super::token_times::TokenTimes;
use super::workload::WorkloadId;
use access_broker_base::invisible::is_invisible;

/// The longest `sub`, in bytes: that of a SPIFFE id, which a JWT-SVID has as subject. OIDC Core 1.0 section 2 permits
/// 255, but the subjects of CI jobs, which hold repository, branch and environment, are longer.
const MAX_SUBJECT_BYTES: usize = super::workload::MAX_SPIFFE_ID_BYTES;

/// Claims that decide whether a token is accepted: they must be in the token itself.
const CLAIMS_READ_HERE: [&str; 12] =
    ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "token_use", "cnf", "events", "kubernetes.io"];

/// A caller, and what is checked at each use of its token.
#[derive(Debug)]
pub(super) struct AcceptedClaims {
    pub(super) caller: Caller,
    pub(super) times: TokenTimes,
    /// The client certificate that the token is bound to, if any.
    pub(super) bound_to: Option<Box<CertificateThumbprint>>,
}

/// Checks the claims of a token that the issuer's key has signed
/// ([RFC 7519 section 4.1](https://www.rfc-editor.org/rfc/rfc7519#section-4.1)).
///
/// # Invariant
///
/// A claim that cannot be read, or that is not in the token, is never treated as absent. `null` means absent only where
/// a missing value can grant nothing: groups, scopes, and claims that are not read here.
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
    // A logout token or another security event (RFC 8417 section 2.2) is about its subject, and not from it.
    if claims.get("events").is_some() {
        return Err(Rejection::SecurityEventToken);
    }
    let times = TokenTimes::read(claims)?;
    times.check(settings, now)?;
    check_audience(claims, settings)?;
    if settings.profile == TokenProfile::AccessToken {
        check_access_token(claims, &times)?;
    }
    let subject = subject(claims)?;
    let workload = if is_svid { Some(spiffe::workload(subject, issuer)?) } else { None };
    let bound_to = confirmation::bound_certificate(claims)?.map(Box::new);
    let set = ClaimSet::pack(claims.members(), settings.trust_email).map_err(|error| match error {
        ClaimSetError::TooLarge => Rejection::ClaimsMalformed,
        ClaimSetError::ClaimNamesMalformed => Rejection::ClaimNamesMalformed,
    })?;
    if CLAIMS_READ_HERE.iter().any(|name| set.get(name).is_some_and(Claim::is_elsewhere)) {
        return Err(Rejection::ClaimNamesMalformed);
    }
    if settings.required_claims.iter().any(|name| !set.has(name)) {
        return Err(Rejection::RequiredClaimMissing);
    }
    let mut groups = match claims.get(&settings.groups_claim) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(group)) => vec![group.as_str().into()],
        Some(other) => strings(other).ok_or(Rejection::GroupsMalformed)?,
    };
    if settings.profile == TokenProfile::Kubernetes {
        groups.extend(kubernetes::groups(subject, claims)?);
    }
    let scopes = match claims.get(&settings.scopes_claim) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(scopes)) => scopes.split_ascii_whitespace().map(Into::into).collect(),
        Some(other) => strings(other).ok_or(Rejection::ScopesMalformed)?,
    };
    let is_elsewhere = |name: &str| set.get(name).is_some_and(Claim::is_elsewhere);
    let token = Arc::new(TokenIdentity {
        issuer: Arc::clone(issuer),
        subject: subject.into(),
        groups: Names { listed: groups.into(), elsewhere: is_elsewhere(&settings.groups_claim) },
        scopes: Names { listed: scopes.into(), elsewhere: is_elsewhere(&settings.scopes_claim) },
        claims: set,
        expires_at: times.expires_at(),
    });
    let caller = match workload {
        Some(id) => Caller::from_workload_token(token, WorkloadId::Spiffe(Arc::new(id))),
        None => Caller::from_token(token),
    };
    Ok(AcceptedClaims { caller, times, bound_to })
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

/// The additional claims that an access token must have (RFC 9068 section 2.2).
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

/// `sub`, which must have only visible characters: it identifies the caller in the log.
fn subject(claims: &SignedClaims) -> Result<&str, Rejection> {
    let subject = claims.get("sub").and_then(Value::as_str).ok_or(Rejection::SubjectMalformed)?;
    // A space at either end is invisible.
    if subject.is_empty()
        || subject.trim() != subject
        || subject.len() > MAX_SUBJECT_BYTES
        || subject.chars().any(is_invisible)
    {
        return Err(Rejection::SubjectMalformed);
    }
    Ok(subject)
}

fn strings(value: &Value) -> Option<Vec<Box<str>>> {
    value.as_array()?.iter().map(|item| item.as_str().map(Into::into)).collect()
}

#[cfg(test)]
mod tests;
