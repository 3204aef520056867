//! The limits of one tier.

use super::rate_limit::RateLimit;

/// How often URLs are issued in a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierQuota {
    /// To each caller. `None`: no limit.
    pub caller: Option<RateLimit>,
    /// To all callers together. `None`: no limit.
    pub total: Option<RateLimit>,
}
