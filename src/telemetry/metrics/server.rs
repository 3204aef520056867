//! Metrics of connections, and of calls that the server ended.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::samples::{as_gauge, encode_counters, encode_gauge};
use crate::calls::MalformedRequest;
use crate::telemetry::ServerCounters;

/// Reads the counters at each scrape.
#[derive(Debug)]
pub(super) struct ServerCollector(pub(super) Arc<ServerCounters>);

impl Collector for ServerCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counters = &self.0;
        let connections = [
            ("accepted", &counters.connections_accepted),
            ("refused", &counters.connections_refused),
            ("refused_address", &counters.connections_refused_address),
            ("refused_handshakes", &counters.connections_refused_handshakes),
            ("displaced", &counters.connections_displaced),
            ("stalled", &counters.connections_stalled),
            ("aged", &counters.connections_aged),
            ("idle", &counters.connections_idle),
            ("cut", &counters.connections_cut),
            ("handshake_failed", &counters.handshakes_failed),
            ("http1", &counters.http1_clients),
            ("http1_invalid", &counters.http1_invalid),
            ("not_http", &counters.not_http),
            ("accept_failed", &counters.accept_errors),
        ]
        .map(|(event, count)| ([("event", event)], count.get()));
        encode_counters(
            &mut encoder,
            "connections",
            "Connections on the listeners of calls, by event; docs/OPERATIONS.md lists the events.",
            connections,
        )?;
        let open = Some(as_gauge(counters.connections_open()));
        encode_gauge(&mut encoder, "connections_open", "Open connections on the listeners of calls.", None, open)?;
        let calls = [
            ("shed", &counters.calls.shed),
            ("timed_out", &counters.calls.deadlines_exceeded),
            ("client_deadline", &counters.calls.client_deadlines_exceeded),
            ("panicked", &counters.calls.panics),
            ("oversized", &counters.calls.oversized_messages),
            ("over_share", &counters.calls.over_share),
            ("stream_limit", &counters.streams_refused),
            ("oversized_metadata", &counters.oversized_metadata),
            ("unproven_limit", &counters.calls.unproven_refused),
            ("message_timed_out", &counters.calls.message_timeouts),
            ("undelivered", &counters.calls.undelivered),
            ("cross_site", &counters.calls.cross_site),
        ]
        .map(|(cause, count)| ([("cause", cause)], count.get()));
        encode_counters(
            &mut encoder,
            "calls_ended_by_server",
            "Calls that the server refused or ended because of a limit, a timeout or a panic, by cause.",
            calls,
        )?;
        let malformed = MalformedRequest::ALL
            .map(|malformed| ([("reason", malformed.code())], counters.calls.malformed.get(malformed).get()));
        let help = "Malformed requests, by reason. They reached no method.";
        encode_counters(&mut encoder, "malformed_requests", help, malformed)?;
        let errors =
            counters.http2_errors.all().map(|(frame, code, count)| ([("frame", frame), ("code", code)], count));
        let help = "HTTP/2 errors sent to clients, by frame (rst_stream ends a call, goaway a connection) and error code. NO_ERROR does not count.";
        encode_counters(&mut encoder, "http2_errors", help, errors)
    }
}
