//! How a call ends that is not served.

use super::failure::Failure;

/// Why there is no answer of a service.
#[derive(Debug)]
pub(crate) enum Unserved {
    /// The call failed, and its caller is told why.
    Failed(Failure),
    /// The client ended its request early.
    Lost,
}

impl From<Failure> for Unserved {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
