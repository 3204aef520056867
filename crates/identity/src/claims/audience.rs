//! Whether a token is for this service.

use serde_json::Value;

use crate::issuer::{IssuerSettings, TokenProfile};
use crate::rejection::Rejection;
use crate::token::SignedClaims;

pub(super) fn check(claims: &SignedClaims, settings: &IssuerSettings) -> Result<(), Rejection> {
    let is_ours = |audience: &str| settings.audiences.iter().any(|ours| ours == audience);
    let aud_is_ours = || one_is_ours(claims.get("aud"), is_ours);
    let matches = match (settings.profile, &settings.audience_claim) {
        (TokenProfile::Cognito { token_uses }, _) => match claims.get("token_use").and_then(Value::as_str) {
            Some("id") if token_uses.id => aud_is_ours()?.ok_or(Rejection::AudienceMissing)?,
            Some("access") if token_uses.access => {
                let client_id = claims.get("client_id").ok_or(Rejection::AudienceMissing)?;
                let client_is_ours = is_ours(client_id.as_str().ok_or(Rejection::AudienceMalformed)?);
                client_is_ours && aud_is_ours()?.unwrap_or(true)
            }
            _ => return Err(Rejection::TokenUseNotAllowed),
        },
        (TokenProfile::Oidc | TokenProfile::AccessToken, Some(claim)) => {
            let claim_is_ours = one_is_ours(claims.find(claim), is_ours)?.ok_or(Rejection::AudienceMissing)?;
            let may_lack_aud = settings.ignores_aud || claims.get("aud").is_some_and(is_empty);
            claim_is_ours && (may_lack_aud || aud_is_ours()?.unwrap_or(true))
        }
        _ => aud_is_ours()?.ok_or(Rejection::AudienceMissing)?,
    };
    if matches { Ok(()) } else { Err(Rejection::AudienceMismatch) }
}

/// Whether one of a claim's audiences is ours. `None` without the claim.
fn one_is_ours(claim: Option<&Value>, is_ours: impl Fn(&str) -> bool) -> Result<Option<bool>, Rejection> {
    match claim {
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
    }
}

/// How some issuers write that a token has no audience.
fn is_empty(aud: &Value) -> bool {
    aud.as_str().is_some_and(str::is_empty) || aud.as_array().is_some_and(Vec::is_empty)
}
