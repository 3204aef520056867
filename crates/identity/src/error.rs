//! Why a call has no caller.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::rejection::Rejection;

/// Why there is no caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthenticationError {
    /// The proof is not accepted, and will not be.
    #[error("the proof of identity is not accepted: {0}")]
    Rejected(#[from] Rejection),
    /// The proof cannot be checked now.
    #[error("the keys of {issuer} are not available")]
    KeysUnavailable {
        /// Its `iss`.
        issuer: Arc<str>,
        /// When to try again: 1 to 60 seconds.
        retry_after: Duration,
    },
}
