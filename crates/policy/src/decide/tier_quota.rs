//! The limits of one tier.

use super::rate_limit::RateLimit;

/// How often URLs may be issued in a tier. `None`: no such limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierQuota {
    /// To each caller by itself. `None`: no limit.
    pub caller: Option<RateLimit>,
    /// To all callers together.
    pub total: Option<RateLimit>,
}
