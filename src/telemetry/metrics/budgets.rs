//! Metrics of the budgets that calls share.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::samples::{as_gauge, encode_counters, encode_gauge, encode_gauges};
use crate::admission::{Budgets, UnprovenKind};

/// Reads the budgets at each scrape.
#[derive(Debug)]
pub(super) struct BudgetCollector(pub(super) Option<Budgets>);

impl Collector for BudgetCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let read = |read: fn(&Budgets) -> u64| self.0.as_ref().map_or(0, read);
        let encoder = &mut encoder;
        let unproven = |kind| self.0.as_ref().map(|budgets| budgets.streams.unproven.budget(kind));
        let of_callers = ([("kind", "caller")], as_gauge(read(|budgets| budgets.streams.proven.held())));
        let others = UnprovenKind::ALL.map(|kind| {
            let open = unproven(kind).map_or(0, |streams| streams.open() as u64);
            ([("kind", kind.name())], as_gauge(open))
        });
        let help = "Open streams that count toward a limit, by kind: caller (authenticated), or the purpose of an unauthenticated stream.";
        encode_gauges(encoder, "streams_open", help, None, [of_callers].into_iter().chain(others))?;
        let displaced = UnprovenKind::ALL
            .map(|kind| ([("kind", kind.name())], unproven(kind).map_or(0, |streams| streams.taken_away())));
        let help = "Unauthenticated streams that were closed to admit one of another connection, by kind.";
        encode_counters(encoder, "streams_displaced", help, displaced)?;
        let calls = Some(as_gauge(read(|budgets| budgets.places.held())));
        encode_gauge(
            encoder,
            "calls_in_flight",
            "Calls in flight that count toward limits.max_calls_in_flight.",
            None,
            calls,
        )?;
        let bytes = Some(as_gauge(read(|budgets| budgets.message_memory.held())));
        encode_gauge(
            encoder,
            "request_memory",
            "Memory that request messages take, of limits.request_memory.",
            Some(&Unit::Bytes),
            bytes,
        )?;
        let waiting = Some(as_gauge(read(|budgets| budgets.turns.waiting() as u64)));
        let help = "Calls that wait for the signature check of a token.";
        encode_gauge(encoder, "signature_checks_waiting", help, None, waiting)
    }
}
