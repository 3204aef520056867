//! How long a URL works: the least of what is requested, the tier's limit and the remaining life of the token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::refusal::RefusalReason;
use access_broker_identity::Caller;

/// The longest life of a URL: the limit of SigV4 query signatures
/// ([AWS](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html), `X-Amz-Expires`).
pub const MAX_TTL: Duration = Duration::from_hours(7 * 24);

/// The requested life of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LifetimeRequest {
    /// The requested life; `None` takes the tier's default. Whole seconds, at least one.
    pub ttl: Option<Duration>,
    /// Refuse the call instead of shortening the life.
    pub require_full_ttl: bool,
    /// Equal requests within the tier's window get the same URL.
    pub stable: bool,
}

/// What limited the life of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryLimit {
    /// Nothing: the caller got the requested life.
    RequestedTtl,
    /// The request had no life, and the caller got the tier's default.
    TierDefaultTtl,
    /// The tier's largest TTL.
    TierMaxTtl,
    /// The expiry of the caller's token, in a tier with `end_with_token`.
    TokenExpiry,
    /// The expiry of the signing credentials.
    SigningCredentialsExpiry,
}

/// The life that the policy gives to a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// The start of the signature's life, in whole seconds: the decision or, for a stable URL, the start of its window.
    pub starts_at: SystemTime,
    /// The life from then on, in whole seconds, from one to [`MAX_TTL`].
    pub ttl: Duration,
    /// What made it no longer than this.
    pub limited_by: ExpiryLimit,
    /// The URL must work until then: a presigner that cannot keep this must refuse the call.
    pub required_until: Option<SystemTime>,
    /// Whether equal requests get equal URLs.
    pub stable: bool,
}

impl Lifetime {
    /// When the URL expires at the latest.
    #[must_use]
    pub fn ends_at(&self) -> SystemTime {
        self.starts_at + self.ttl
    }
}

/// The settings of a tier about the life of URLs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LifetimeObligations {
    pub(crate) max_ttl: Duration,
    pub(crate) default_ttl: Duration,
    pub(crate) end_with_token: bool,
}

impl LifetimeObligations {
    /// The least of what was requested, the tier's limit and, with `end_with_token`, the remaining life of the token.
    ///
    /// With a `window`, everything is counted from the window's start and not from now, so that the result is the same in
    /// the whole window: it covers the requested life in the window's last second, and keeps the tier's limit in its first.
    pub(crate) fn agree(
        self,
        request: LifetimeRequest,
        window: Option<Duration>,
        caller: &Caller,
        now: SystemTime,
    ) -> Result<Lifetime, RefusalReason> {
        let (requested, mut limited_by) = match request.ttl {
            Some(ttl) => (ttl, ExpiryLimit::RequestedTtl),
            None => (self.default_ttl, ExpiryLimit::TierDefaultTtl),
        };
        // Signatures count whole seconds.
        let now = start_of(now, Duration::from_secs(1));
        let starts_at = window.map_or(now, |window| start_of(now, window));
        let mut ttl = requested + window.unwrap_or_default();
        if self.max_ttl < ttl {
            (ttl, limited_by) = (self.max_ttl, ExpiryLimit::TierMaxTtl);
        }
        if self.end_with_token {
            // Without a token there is no expiry to follow, so the call is refused.
            let token_end = caller.token().map_or(now, |token| start_of(token.expires_at, Duration::from_secs(1)));
            if token_end <= now {
                return Err(RefusalReason::TokenEnded);
            }
            let left = token_end.duration_since(starts_at).unwrap_or_default();
            if left < ttl {
                (ttl, limited_by) = (left, ExpiryLimit::TokenExpiry);
            }
        }
        let (ends_at, required_until) = (starts_at + ttl, now + requested);
        if request.require_full_ttl && ends_at < required_until {
            return Err(RefusalReason::FullTtlNotAllowed(ends_at.duration_since(now).unwrap_or_default()));
        }
        let required_until = request.require_full_ttl.then_some(required_until);
        Ok(Lifetime { starts_at, ttl, limited_by, required_until, stable: window.is_some() })
    }
}

/// The last multiple of `step`, which is whole seconds, since the epoch.
fn start_of(instant: SystemTime, step: Duration) -> SystemTime {
    let since_epoch = instant.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let into_step = since_epoch.checked_rem(step.as_secs()).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since_epoch - into_step)
}
