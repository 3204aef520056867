//! All budgets of calls.

use std::sync::Arc;

use super::open_stream::{AcceptedStreams, StreamBudgets};
use super::shares::Shares;
use super::signature_turns::SignatureTurns;
use super::unproven_streams::UnprovenBudgets;

/// The budgets that all calls share. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Budgets {
    pub(crate) streams: StreamBudgets,
    /// Slots for calls whose message has arrived, shared by caller.
    pub(crate) places: Arc<Shares>,
    /// Bytes of request messages, shared by caller.
    pub(crate) message_memory: Arc<Shares>,
    /// Signature checks, shared by connection.
    pub(crate) turns: Arc<SignatureTurns>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct BudgetLimits {
    /// Streams of authenticated callers.
    pub(crate) streams: u64,
    /// Unauthenticated streams, of each kind.
    pub(crate) unproven_streams: usize,
    /// The same per connection.
    pub(crate) unproven_streams_per_connection: usize,
    pub(crate) places: u64,
    /// Bytes of request messages.
    pub(crate) message_memory: u64,
    pub(crate) signature_checks: usize,
}

impl Budgets {
    /// Budgets with nothing taken.
    #[must_use]
    pub(crate) fn new(limits: BudgetLimits) -> Self {
        let unproven = UnprovenBudgets::new(limits.unproven_streams, limits.unproven_streams_per_connection);
        // Streams of health, and calls whose caller is being authenticated.
        let unproven_in_all = limits.unproven_streams.saturating_mul(2);
        let all = usize::try_from(limits.streams).unwrap_or(usize::MAX).saturating_add(unproven_in_all);
        let (accepted, proven) = (AcceptedStreams::new(all), Shares::new(limits.streams));
        Self {
            streams: StreamBudgets { accepted, proven, unproven },
            places: Shares::new(limits.places),
            message_memory: Shares::new(limits.message_memory),
            turns: SignatureTurns::new(limits.signature_checks),
        }
    }
}
