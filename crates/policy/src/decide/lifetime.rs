//! How long a URL may work: what is asked, what the tier allows, what the token has left.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::refusal::RefusalReason;
use access_broker_identity::Caller;

/// The longest life of a URL: the limit of SigV4 query signatures
/// ([AWS](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html), `X-Amz-Expires`).
pub const MAX_TTL: Duration = Duration::from_hours(7 * 24);

/// How long the caller wants the URL to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LifetimeRequest {
    /// The wish; `None` takes the tier's default. Whole seconds, at least one.
    pub ttl: Option<Duration>,
    /// Refuse rather than shorten.
    pub require_full_ttl: bool,
    /// Let equal requests within the tier's window get the same URL.
    pub stable: bool,
}

/// What narrowed the life of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryLimit {
    /// Nothing: the caller got the time it asked for.
    RequestedTtl,
    /// The caller asked for no time and got the tier's default.
    TierDefaultTtl,
    /// The tier's largest TTL.
    TierMaxTtl,
    /// The end of the caller's token, where the tier ties URLs to it.
    TokenExpiry,
    /// The end of the credentials that sign.
    SigningCredentialsExpiry,
}

/// How long the policy lets a URL work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// When the signature begins to count, in whole seconds: at the decision or, for a URL that shall stay the same, at
    /// the start of its window.
    pub starts_at: SystemTime,
    /// From then on, in whole seconds, from one to [`MAX_TTL`].
    pub ttl: Duration,
    /// What made it no longer than this.
    pub limited_by: ExpiryLimit,
    /// Until when it must work: a presigner that cannot keep this must refuse.
    pub required_until: Option<SystemTime>,
    /// Whether equal requests shall get equal URLs.
    pub stable: bool,
}

impl Lifetime {
    /// When the URL stops working, if nothing else ends it.
    #[must_use]
    pub fn ends_at(&self) -> SystemTime {
        self.starts_at + self.ttl
    }
}

/// What a tier says about the life of URLs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LifetimeObligations {
    pub(crate) max_ttl: Duration,
    pub(crate) default_ttl: Duration,
    pub(crate) end_with_token: bool,
}

impl LifetimeObligations {
    /// The least of what was asked, what the tier allows and, where the tier says so, what the token has left.
    ///
    /// With a `window`, everything is counted from the window's start and not from now, so that it comes out the same
    /// throughout: the wish is met up to the window's last second, and the tier's limit never exceeded in its first.
    pub(crate) fn agree(
        self,
        wanted: LifetimeRequest,
        window: Option<Duration>,
        caller: &Caller,
        now: SystemTime,
    ) -> Result<Lifetime, RefusalReason> {
        let (asked, mut limited_by) = match wanted.ttl {
            Some(ttl) => (ttl, ExpiryLimit::RequestedTtl),
            None => (self.default_ttl, ExpiryLimit::TierDefaultTtl),
        };
        // Signatures count whole seconds.
        let now = start_of(now, Duration::from_secs(1));
        let starts_at = window.map_or(now, |window| start_of(now, window));
        let mut ttl = asked + window.unwrap_or_default();
        if self.max_ttl < ttl {
            (ttl, limited_by) = (self.max_ttl, ExpiryLimit::TierMaxTtl);
        }
        if self.end_with_token {
            // A caller without a token has nothing that the URL could end with, so it gets none.
            let token_end = caller.token().map_or(now, |token| start_of(token.expires_at, Duration::from_secs(1)));
            if token_end <= now {
                return Err(RefusalReason::TokenEnded);
            }
            let left = token_end.duration_since(starts_at).unwrap_or_default();
            if left < ttl {
                (ttl, limited_by) = (left, ExpiryLimit::TokenExpiry);
            }
        }
        let (ends_at, required_until) = (starts_at + ttl, now + asked);
        if wanted.require_full_ttl && ends_at < required_until {
            return Err(RefusalReason::FullTtlNotAllowed(ends_at.duration_since(now).unwrap_or_default()));
        }
        let required_until = wanted.require_full_ttl.then_some(required_until);
        Ok(Lifetime { starts_at, ttl, limited_by, required_until, stable: window.is_some() })
    }
}

/// The last multiple of `step`, which is whole seconds, since the epoch.
fn start_of(instant: SystemTime, step: Duration) -> SystemTime {
    let since_epoch = instant.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let into_step = since_epoch.checked_rem(step.as_secs()).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since_epoch - into_step)
}
