//! Why a call has no caller.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::rejection::Rejection;

/// Why a call is unauthenticated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthenticationError {
    /// The proof is rejected. A retry does not help.
    #[error("the proof of identity is rejected: {0}")]
    Rejected(#[from] Rejection),
    /// The proof cannot be checked now.
    #[error("the signing keys of {issuer} are unavailable")]
    KeysUnavailable {
        /// Its `iss`.
        issuer: Arc<str>,
        /// When to try again: 1 to 60 seconds.
        retry_after: Duration,
    },
}
