//! `[limits]`: what clients may take of the server.

use std::time::Duration;

use crate::document::{Located, Table};

/// What clients may take of the server, whatever they send or leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// Connections at a time, over all listeners. Further ones are closed as soon as they are accepted.
    pub max_connections: u32,
    /// TLS handshakes at a time, over all listeners. Further ones wait for one that ends, up to the time of a handshake.
    pub max_handshakes: u32,
    /// How long a TLS handshake may take, the wait for others before it, and after it the first bytes of HTTP/2: as long
    /// for each of them.
    pub handshake_timeout: Duration,
    /// Calls at a time on one connection, streams of health and reflection included.
    pub max_streams_per_connection: u32,
    /// Streams that the server may reset for a client's errors before it drops the connection.
    pub max_reset_streams: u32,
    /// The largest metadata of a call, in bytes as HTTP/2 counts them (RFC 9113 section 6.5.2).
    pub max_metadata_size: u32,
    /// The largest request message, in bytes.
    pub max_message_size: u32,
    /// How old a connection may become, give or take a tenth, before its client is told to open another.
    pub connection_age: Duration,
    /// How long calls in flight may take after that.
    pub connection_age_grace: Duration,
    /// How long a connection may be without a call.
    pub connection_idle: Duration,
    /// How often a peer is asked for a sign of life.
    pub keepalive_interval: Duration,
    /// How long it may take to give one.
    pub keepalive_timeout: Duration,
    /// How long a call may take before its answer begins.
    pub call_timeout: Duration,
    /// Calls of authenticated callers at a time, over all connections. Further ones are refused.
    pub max_calls_in_flight: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            // Some tens of KiB each, so that all of them together fit into a small machine.
            max_connections: 4_096,
            // A few signatures each: more at a time only make every one of them late.
            max_handshakes: 256,
            handshake_timeout: Duration::from_secs(10),
            max_streams_per_connection: 256,
            // hyper's own would be four times as many (RUSTSEC-2024-0003).
            max_reset_streams: 256,
            // Room for the largest token and little else.
            max_metadata_size: 16 * 1_024,
            // Several times the longest key, its metadata and its header values.
            max_message_size: 64 * 1_024,
            // Long enough for a handshake to cost nothing, short enough for load to find a new server.
            connection_age: Duration::from_mins(10),
            connection_age_grace: Duration::from_mins(1),
            connection_idle: Duration::from_mins(15),
            // Below the idle limits of common load balancers, from about a minute upwards.
            keepalive_interval: Duration::from_mins(1),
            keepalive_timeout: Duration::from_secs(20),
            // Above the longest wait of a call with the other defaults: keys, then S3.
            call_timeout: Duration::from_secs(15),
            max_calls_in_flight: 1_024,
        }
    }
}

/// A longest time, and how it is written. The shortest is a second throughout.
type Longest = (Duration, &'static str);

const FIVE_MINUTES: Longest = (Duration::from_mins(5), "5m");
const ONE_HOUR: Longest = (Duration::from_hours(1), "1h");
const ONE_DAY: Longest = (Duration::from_hours(24), "24h");

/// Reads the section.
pub(super) fn read(mut table: Table<'_>) -> LimitSettings {
    let LimitSettings {
        max_connections,
        max_handshakes,
        handshake_timeout,
        max_streams_per_connection,
        max_reset_streams,
        max_metadata_size,
        max_message_size,
        connection_age,
        connection_age_grace,
        connection_idle,
        keepalive_interval,
        keepalive_timeout,
        call_timeout,
        max_calls_in_flight,
    } = LimitSettings::default();
    let settings = LimitSettings {
        max_connections: count(&mut table, "max_connections", 100_000, max_connections),
        max_handshakes: count(&mut table, "max_handshakes", 10_000, max_handshakes),
        max_streams_per_connection: count(&mut table, "max_streams_per_connection", 10_000, max_streams_per_connection),
        handshake_timeout: duration(&mut table, "handshake_timeout", FIVE_MINUTES, handshake_timeout),
        max_reset_streams: count(&mut table, "max_reset_streams", 10_000, max_reset_streams),
        max_metadata_size: size(&mut table, "max_metadata_size", 64, max_metadata_size),
        max_message_size: size(&mut table, "max_message_size", 1_024, max_message_size),
        connection_age: duration(&mut table, "connection_age", ONE_DAY, connection_age),
        connection_age_grace: duration(&mut table, "connection_age_grace", ONE_HOUR, connection_age_grace),
        connection_idle: duration(&mut table, "connection_idle", ONE_DAY, connection_idle),
        keepalive_interval: duration(&mut table, "keepalive_interval", ONE_HOUR, keepalive_interval),
        keepalive_timeout: duration(&mut table, "keepalive_timeout", FIVE_MINUTES, keepalive_timeout),
        call_timeout: duration(&mut table, "call_timeout", FIVE_MINUTES, call_timeout),
        max_calls_in_flight: count(&mut table, "max_calls_in_flight", 100_000, max_calls_in_flight),
    };
    table.finish();
    settings
}

/// None at all is never allowed: it would serve nobody.
fn count(table: &mut Table<'_>, key: &'static str, most: u32, default: u32) -> u32 {
    let Some(Located { value, place }) = table.integer(key) else { return default };
    let count = u32::try_from(value).ok().filter(|count| (1..=most).contains(count));
    if count.is_none() {
        table.report(key, &place, format!("must be between 1 and {most}"));
    }
    count.unwrap_or(default)
}

/// At least what an ordinary call needs.
fn size(table: &mut Table<'_>, key: &'static str, most_kib: u32, default: u32) -> u32 {
    let Some(Located { value, place }) = table.byte_size(key) else { return default };
    let size = u32::try_from(value).ok().filter(|size| (4 * 1_024..=most_kib * 1_024).contains(size));
    if size.is_none() {
        table.report(key, &place, format!("must be between 4KiB and {most_kib}KiB"));
    }
    size.unwrap_or(default)
}

fn duration(table: &mut Table<'_>, key: &'static str, (longest, written): Longest, default: Duration) -> Duration {
    let Some(Located { value, place }) = table.duration(key) else { return default };
    if !(Duration::from_secs(1)..=longest).contains(&value) {
        table.report(key, &place, format!("must be between 1s and {written}"));
    }
    value
}
