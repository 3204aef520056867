//! Checks the claims of a token and makes a caller from them.

mod audience;
mod kubernetes;
mod names;
mod spiffe;
mod subject;

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::caller::{Caller, TokenIdentity};
use super::claim_path::ClaimPath;
use super::claim_set::{Claim, ClaimSet, ClaimSetError};
use super::confirmation::{self, CertificateThumbprint};
use super::issuer::{IssuerSettings, TokenProfile};
use super::rejection::Rejection;
use super::token::SignedClaims;
use super::token_times::TokenTimes;
use super::workload::WorkloadId;

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
    if settings.tenant.as_deref().is_some_and(|tenant| claims.get("tid").and_then(Value::as_str) != Some(tenant)) {
        return Err(Rejection::TenantMismatch);
    }
    // A logout token or another security event (RFC 8417 section 2.2) is about its subject, and not from it.
    if claims.get("events").is_some() {
        return Err(Rejection::SecurityEventToken);
    }
    let times = TokenTimes::read(claims)?;
    times.check(settings, now)?;
    audience::check(claims, settings)?;
    if settings.profile == TokenProfile::AccessToken {
        check_access_token(claims, &times)?;
    }
    let set = ClaimSet::pack(claims.members(), settings.trust_email).map_err(|error| match error {
        ClaimSetError::TooLarge => Rejection::ClaimsMalformed,
        ClaimSetError::ClaimNamesMalformed => Rejection::ClaimNamesMalformed,
    })?;
    let read_by_path = settings.audience_claim.iter().chain(&settings.subject_claims);
    let is_elsewhere = |name| set.get(name).is_some_and(Claim::is_elsewhere);
    if CLAIMS_READ_HERE.into_iter().chain(read_by_path.map(ClaimPath::top_level_name)).any(is_elsewhere) {
        return Err(Rejection::ClaimNamesMalformed);
    }
    let subject = subject::read(claims, &set, &settings.subject_claims)?;
    let workload = if is_svid { Some(spiffe::workload(subject.as_str(), issuer)?) } else { None };
    let bound_to = confirmation::bound_certificate(claims)?.map(Box::new);
    if !settings.required_claims.iter().all(|path| set.has_path(path)) {
        return Err(Rejection::RequiredClaimMissing);
    }
    let mut groups = names::groups(claims, &set, settings)?;
    if settings.profile == TokenProfile::Kubernetes {
        let of_account = kubernetes::groups(subject.as_str(), claims)?;
        groups.listed = groups.listed.into_iter().chain(of_account).collect();
    }
    let token = Arc::new(TokenIdentity {
        issuer: Arc::clone(issuer),
        subject,
        groups,
        scopes: names::scopes(claims, &set, settings)?,
        claims: set,
        expires_at: times.expires_at(),
    });
    let caller = match workload {
        Some(id) => Caller::from_workload_token(token, WorkloadId::Spiffe(Arc::new(id))),
        None => Caller::from_token(token),
    };
    Ok(AcceptedClaims { caller, times, bound_to })
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

#[cfg(test)]
mod tests;
