//! A call that got no answer from a service.

use super::failure::Failure;

/// Why a call got no answer from a service.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The call failed, and its caller gets the reason.
    Failed(Failure),
    /// The client ended its request early.
    Lost,
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
