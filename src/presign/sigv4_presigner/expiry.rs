//! How long a URL may truthfully claim to work.

use std::time::Duration;

use crate::policy::{ExpiryLimit, Lifetime};
use crate::presign::presigner::PresignError;
use crate::presign::signing_time::ExpiresIn;

/// Credentials with less than this are as good as none, unless the caller asks for still less: they are about to be
/// renewed, and a URL that dies in a client's hands is worse than a retry.
const SHORTEST_CUT: Duration = Duration::from_mins(1);

/// When credentials are missing, the next attempt to load them is seconds away.
pub(super) const CREDENTIALS_UNAVAILABLE: PresignError =
    PresignError::CredentialsUnavailable { retry_after: Duration::from_secs(5) };

/// The life of a signature: what was permitted, cut to how long the credentials are usable.
pub(super) fn limit(lifetime: Lifetime, usable: Duration) -> Result<(ExpiresIn, ExpiryLimit), PresignError> {
    let permitted = ExpiresIn::floor(lifetime.ttl).map_err(|_| PresignError::UnsignableLifetime)?;
    if usable >= permitted.duration() {
        return Ok((permitted, lifetime.limited_by));
    }
    if usable < SHORTEST_CUT {
        return Err(CREDENTIALS_UNAVAILABLE);
    }
    let available = ExpiresIn::floor(usable).map_err(|_| CREDENTIALS_UNAVAILABLE)?;
    if lifetime.require_full_ttl {
        return Err(PresignError::FullTtlUnavailable { available: available.duration() });
    }
    Ok((available, ExpiryLimit::SigningCredentialsExpiry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(ttl: u64, usable: u64, require_full_ttl: bool) -> Result<(u32, ExpiryLimit), PresignError> {
        let ttl = Duration::from_secs(ttl);
        let lifetime = Lifetime { ttl, limited_by: ExpiryLimit::TierMaxTtl, require_full_ttl };
        limit(lifetime, Duration::from_secs(usable)).map(|(expires_in, limit)| (expires_in.seconds(), limit))
    }

    #[test]
    fn permitted_life_stands_where_credentials_cover_it() {
        assert_eq!(limited(900, 900, true), Ok((900, ExpiryLimit::TierMaxTtl)));
        assert_eq!(limited(604_800, u64::MAX, true), Ok((604_800, ExpiryLimit::TierMaxTtl)));
    }

    #[test]
    fn life_is_cut_to_the_credentials() {
        assert_eq!(limited(900, 899, false), Ok((899, ExpiryLimit::SigningCredentialsExpiry)));
        assert_eq!(limited(900, 60, false), Ok((60, ExpiryLimit::SigningCredentialsExpiry)));
    }

    #[test]
    fn cut_is_refused_where_the_full_life_is_required() {
        let available = Duration::from_secs(899);
        assert_eq!(limited(900, 899, true), Err(PresignError::FullTtlUnavailable { available }));
    }

    #[test]
    fn dying_credentials_count_as_none() {
        assert_eq!(limited(900, 59, false), Err(CREDENTIALS_UNAVAILABLE));
        assert_eq!(limited(900, 59, true), Err(CREDENTIALS_UNAVAILABLE));
        assert_eq!(limited(30, 29, false), Err(CREDENTIALS_UNAVAILABLE));
        assert_eq!(limited(1, 0, false), Err(CREDENTIALS_UNAVAILABLE));
    }

    #[test]
    fn short_life_is_fine_where_dying_credentials_cover_it() {
        assert_eq!(limited(30, 30, true), Ok((30, ExpiryLimit::TierMaxTtl)));
    }

    #[test]
    fn fractions_of_credentials_are_not_given_away() {
        let lifetime =
            Lifetime { ttl: Duration::from_mins(15), limited_by: ExpiryLimit::TierMaxTtl, require_full_ttl: false };
        let (expires_in, _) = limit(lifetime, Duration::from_millis(899_999)).unwrap();
        assert_eq!(expires_in.seconds(), 899);
    }

    #[test]
    fn lives_outside_sigv4s_range_are_refused() {
        assert_eq!(limited(0, 900, false), Err(PresignError::UnsignableLifetime));
        assert_eq!(limited(604_801, u64::MAX, false), Err(PresignError::UnsignableLifetime));
    }
}
