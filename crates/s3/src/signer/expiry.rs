//! Limits the lifetime of a URL to that of the credentials.

use std::time::{Duration, SystemTime};

use crate::presign::PresignError;
use crate::sigv4::ExpiresIn;
use access_broker_policy::{ExpiryLimit, Lifetime};

/// Credentials with a shorter remaining time are treated as missing, unless the caller requests a shorter lifetime:
/// they will be renewed soon, and a retry is better than a URL that expires before its use.
const SHORTEST_CUT: Duration = Duration::from_mins(1);

/// Without credentials, the next attempt to load them follows within seconds.
pub(super) const CREDENTIALS_UNAVAILABLE: PresignError =
    PresignError::CredentialsUnavailable { retry_after: Duration::from_secs(5) };

/// The lifetime of a signature, from its start: the permitted lifetime, limited by `signs_until`, which is `None` for
/// credentials without an expiry.
pub(super) fn limit(
    lifetime: &Lifetime,
    signs_until: Option<SystemTime>,
    now: SystemTime,
) -> Result<(ExpiresIn, ExpiryLimit), PresignError> {
    let permitted = ExpiresIn::floor(lifetime.ttl).map_err(|_| PresignError::UnsignableLifetime)?;
    let Some(signs_until) = signs_until.filter(|until| *until < lifetime.ends_at()) else {
        return Ok((permitted, lifetime.limited_by));
    };
    let left = signs_until.duration_since(now).unwrap_or_default();
    if left < SHORTEST_CUT {
        return Err(CREDENTIALS_UNAVAILABLE);
    }
    if lifetime.required_until.is_some_and(|required| signs_until < required) {
        let available = Duration::from_secs(left.as_secs());
        return Err(PresignError::FullTtlUnavailable { available });
    }
    let from_start = signs_until.duration_since(lifetime.starts_at).unwrap_or_default();
    let cut = ExpiresIn::floor(from_start).map_err(|_| CREDENTIALS_UNAVAILABLE)?;
    Ok((cut, ExpiryLimit::SigningCredentialsExpiry))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn lifetime(started_ago: u64, ttl: u64, required: Option<u64>) -> Lifetime {
        Lifetime {
            starts_at: at(NOW - started_ago),
            ttl: Duration::from_secs(ttl),
            limited_by: ExpiryLimit::TierMaxTtl,
            required_until: required.map(|seconds| at(NOW + seconds)),
            stable: started_ago > 0,
        }
    }

    fn limited(lifetime: Lifetime, usable: u64) -> Result<(u32, ExpiryLimit), PresignError> {
        limit(&lifetime, Some(at(NOW + usable)), at(NOW)).map(|(expires_in, limit)| (expires_in.seconds(), limit))
    }

    fn fresh(ttl: u64, usable: u64, require_full_ttl: bool) -> Result<(u32, ExpiryLimit), PresignError> {
        limited(lifetime(0, ttl, require_full_ttl.then_some(ttl)), usable)
    }

    #[test]
    fn permitted_life_stands_where_credentials_cover_it() {
        assert_eq!(fresh(900, 900, true), Ok((900, ExpiryLimit::TierMaxTtl)));
        let week = lifetime(0, 604_800, Some(604_800));
        assert_eq!(limit(&week, None, at(NOW)), Ok((ExpiresIn::MAX, ExpiryLimit::TierMaxTtl)));
    }

    #[test]
    fn life_is_cut_to_the_credentials() {
        assert_eq!(fresh(900, 899, false), Ok((899, ExpiryLimit::SigningCredentialsExpiry)));
        assert_eq!(fresh(900, 60, false), Ok((60, ExpiryLimit::SigningCredentialsExpiry)));
    }

    #[test]
    fn cut_is_refused_where_the_full_life_is_required() {
        let available = Duration::from_secs(899);
        assert_eq!(fresh(900, 899, true), Err(PresignError::FullTtlUnavailable { available }));
    }

    #[test]
    fn dying_credentials_count_as_none() {
        assert_eq!(fresh(900, 59, false), Err(CREDENTIALS_UNAVAILABLE));
        assert_eq!(fresh(900, 59, true), Err(CREDENTIALS_UNAVAILABLE));
        assert_eq!(fresh(30, 29, false), Err(CREDENTIALS_UNAVAILABLE));
        assert_eq!(fresh(1, 0, false), Err(CREDENTIALS_UNAVAILABLE));
    }

    #[test]
    fn short_life_is_fine_where_dying_credentials_cover_it() {
        assert_eq!(fresh(30, 30, true), Ok((30, ExpiryLimit::TierMaxTtl)));
    }

    #[test]
    fn fractions_of_credentials_are_not_given_away() {
        let until = at(NOW) + Duration::from_millis(899_999);
        let (expires_in, _) = limit(&lifetime(0, 900, None), Some(until), at(NOW)).unwrap();
        assert_eq!(expires_in.seconds(), 899);
    }

    #[test]
    fn stable_life_counts_from_the_start_of_its_window() {
        let signing_end = ExpiryLimit::SigningCredentialsExpiry;
        assert_eq!(limited(lifetime(600, 4_500, Some(900)), 3_900), Ok((4_500, ExpiryLimit::TierMaxTtl)));
        // Limited, but not below the required remaining time.
        assert_eq!(limited(lifetime(600, 4_500, Some(900)), 900), Ok((1_500, signing_end)));
        let available = Duration::from_secs(899);
        let refused = limited(lifetime(600, 4_500, Some(900)), 899);
        assert_eq!(refused, Err(PresignError::FullTtlUnavailable { available }));
        // The remaining time decides, not the lifetime of the signature.
        assert_eq!(limited(lifetime(600, 4_500, None), 59), Err(CREDENTIALS_UNAVAILABLE));
    }

    #[test]
    fn lives_outside_sigv4s_range_are_refused() {
        assert_eq!(fresh(0, 900, false), Err(PresignError::UnsignableLifetime));
        assert_eq!(fresh(604_801, 9_999_999, false), Err(PresignError::UnsignableLifetime));
    }
}
