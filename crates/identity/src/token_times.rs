//! The times in a token.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::issuer::IssuerSettings;
use super::rejection::Rejection;
use super::token::SignedClaims;
use access_broker_base::clock::LAST_SECOND_OF_9999;

/// `exp`, `nbf` and `iat` (RFC 7519 sections 4.1.4 to 4.1.6), read once and checked at each use of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenTimes {
    expires_at: SystemTime,
    not_before: Option<SystemTime>,
    issued_at: Option<SystemTime>,
}

impl TokenTimes {
    /// Reads the times. `exp` is required.
    pub(super) fn read(claims: &SignedClaims) -> Result<Self, Rejection> {
        let time = |name: &str, malformed| claims.get(name).map(|date| numeric_date(date).ok_or(malformed)).transpose();
        Ok(Self {
            expires_at: time("exp", Rejection::ExpiryMalformed)?.ok_or(Rejection::ExpiryMissing)?,
            not_before: time("nbf", Rejection::NotBeforeMalformed)?,
            issued_at: time("iat", Rejection::IssuedAtMalformed)?,
        })
    }

    /// `exp`.
    pub(super) const fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// `iat`.
    pub(super) const fn issued_at(&self) -> Option<SystemTime> {
        self.issued_at
    }

    /// Checks that the token is valid at `now`, by the rules of its issuer.
    pub(super) fn check(&self, settings: &IssuerSettings, now: SystemTime) -> Result<(), Rejection> {
        // A sum that overflows, because the clock is far off, counts as expired and as not yet valid.
        if self.expires_at.checked_add(settings.leeway).is_none_or(|end| now >= end) {
            return Err(Rejection::TokenExpired);
        }
        let latest_start = now.checked_add(settings.leeway).unwrap_or(SystemTime::UNIX_EPOCH);
        if self.not_before.is_some_and(|not_before| not_before > latest_start) {
            return Err(Rejection::NotYetValid);
        }
        if self.issued_at.is_some_and(|issued_at| issued_at > latest_start) {
            return Err(Rejection::IssuedInFuture);
        }
        if let Some(longest) = settings.max_token_lifetime {
            let issued_at = self.issued_at.ok_or(Rejection::IssuedAtMissing)?;
            if self.expires_at.duration_since(issued_at).is_ok_and(|lifetime| lifetime > longest) {
                return Err(Rejection::LifetimeTooLong);
            }
        }
        Ok(())
    }
}

/// A `NumericDate` (RFC 7519 section 2): seconds since 1970, which may have a fraction.
fn numeric_date(date: &Value) -> Option<SystemTime> {
    let since_epoch = match date.as_u64() {
        Some(seconds) => Duration::from_secs(seconds),
        None => Duration::try_from_secs_f64(date.as_f64()?).ok()?,
    };
    if since_epoch.as_secs() > LAST_SECOND_OF_9999 { None } else { SystemTime::UNIX_EPOCH.checked_add(since_epoch) }
}
