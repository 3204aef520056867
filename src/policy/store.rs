//! The policy in force.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Policy;

/// Holds the policy in force and lets a newer one take its place at once, for every later decision.
#[derive(Debug)]
pub struct PolicyStore(ArcSwap<Policy>);

impl PolicyStore {
    /// Begins with a policy: there is no state without one.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self(ArcSwap::from_pointee(policy))
    }

    /// The policy in force.
    #[must_use]
    pub fn current(&self) -> Arc<Policy> {
        self.0.load_full()
    }

    /// Puts a policy in force.
    pub fn replace(&self, policy: Policy) {
        self.0.store(Arc::new(policy));
    }
}
