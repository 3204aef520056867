//! `[limits]`: what clients may take of the server.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use access_broker_base::document::{Located, Table};

/// What clients may take of the server, whatever they send or leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// Connections at a time, over all listeners. A further one takes the place of one without a proven caller, or is
    /// closed as soon as it is accepted.
    pub max_connections: u32,
    /// Connections at a time on which no caller was proven so far. A further one takes the place of another of
    /// these.
    pub max_unproven_connections: u32,
    /// Connections at a time from one IPv4 address or one IPv6 /64. Further ones are closed.
    pub max_connections_per_address: u32,
    /// Addresses of proxies that many peers share: limits per address and per connection do not hold for them. They never
    /// hold for loopback and Unix domain sockets.
    pub trusted_proxies: Vec<IpNet>,
    /// TLS handshakes whose cryptography is under way at a time, over all listeners. Further ones wait.
    pub(crate) max_handshakes: u32,
    /// Connections in the middle of a handshake at a time from one IPv4 address or one IPv6 /64. Further ones are closed.
    pub max_handshakes_per_address: u32,
    /// How long a client may take for its first message of a TLS handshake, for the rest of it, and after it for the first
    /// bytes of HTTP/2: as long for each of them.
    pub handshake_timeout: Duration,
    /// Streams of authenticated callers at a time, over all connections: calls that are under way, and answers that are
    /// not delivered. A caller gets another one while it holds fewer than are free.
    pub max_streams: u32,
    /// Calls at a time on one connection, streams of health and reflection included.
    pub max_streams_per_connection: u32,
    /// Streams without a proven caller at a time, over all connections: health, reflection, and calls that wait for a key
    /// or a signature check.
    pub max_unproven_streams: u32,
    /// The same on one connection.
    pub max_unproven_streams_per_connection: u32,
    /// Bytes of request messages held at a time, over all connections. A caller may hold as much as is free.
    pub request_memory: u64,
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
    /// How long a call's message may take to arrive.
    pub message_timeout: Duration,
    /// How long a client may take for what it was sent: the next part of an answer, or any byte of the transport.
    pub delivery_timeout: Duration,
    /// Calls of authenticated callers at a time whose message has arrived, over all connections. A caller gets another
    /// place while it holds fewer than are free.
    pub max_calls_in_flight: u32,
    /// Signature checks of tokens that were not seen before, at a time.
    pub(crate) signature_checks: u32,
    /// Connections of the admin port at a time. A further one takes the place of one without a request, or is closed.
    pub(crate) admin_max_connections: u32,
    /// How long a request of the admin port may take to arrive, from the connection's begin to the end of its headers.
    pub(crate) admin_header_timeout: Duration,
}

impl LimitSettings {
    /// Whether many peers may share this address: loopback, or a proxy that the settings name.
    #[must_use]
    pub(crate) fn is_shared(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback() || self.trusted_proxies.iter().any(|proxies| proxies.contains(&address))
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            // Some tens of KiB each, so that all of them together fit into a small machine.
            max_connections: 4_096,
            max_unproven_connections: 1_024,
            // A machine with a connection for each of many processes, or a few behind one router.
            max_connections_per_address: 256,
            trusted_proxies: Vec::new(),
            // A few signatures each: more at a time only make every one of them late.
            max_handshakes: 32,
            max_handshakes_per_address: 64,
            handshake_timeout: Duration::from_secs(10),
            // Some 10 KiB each.
            max_streams: 4_096,
            max_streams_per_connection: 256,
            // Up to 30 KiB each, where an answer of reflection waits for its client.
            max_unproven_streams: 1_024,
            // A few streams of health, and a burst of new tokens.
            max_unproven_streams_per_connection: 64,
            request_memory: 64 * 1_024 * 1_024,
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
            message_timeout: Duration::from_secs(5),
            delivery_timeout: Duration::from_secs(20),
            max_calls_in_flight: 1_024,
            signature_checks: cores(),
            // Some probes and scrapers at a time, each for milliseconds.
            admin_max_connections: 64,
            admin_header_timeout: Duration::from_secs(5),
        }
    }
}

/// As many checks as can run.
fn cores() -> u32 {
    std::thread::available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok()).unwrap_or(1)
}

/// A longest time, and how it is written. The shortest is a second throughout.
type Longest = (Duration, &'static str);

const ONE_MINUTE: Longest = (Duration::from_mins(1), "1m");
const FIVE_MINUTES: Longest = (Duration::from_mins(5), "5m");
const ONE_HOUR: Longest = (Duration::from_hours(1), "1h");
const ONE_DAY: Longest = (Duration::from_hours(24), "24h");

pub(super) fn read(mut table: Table<'_>) -> LimitSettings {
    let default = LimitSettings::default();
    let settings = LimitSettings {
        max_connections: count(&mut table, "max_connections", 100_000, default.max_connections),
        max_unproven_connections: count(
            &mut table,
            "max_unproven_connections",
            100_000,
            default.max_unproven_connections,
        ),
        max_connections_per_address: count(
            &mut table,
            "max_connections_per_address",
            100_000,
            default.max_connections_per_address,
        ),
        trusted_proxies: networks(&mut table, "trusted_proxies"),
        max_handshakes: count(&mut table, "max_handshakes", 10_000, default.max_handshakes),
        max_handshakes_per_address: count(
            &mut table,
            "max_handshakes_per_address",
            10_000,
            default.max_handshakes_per_address,
        ),
        handshake_timeout: duration(&mut table, "handshake_timeout", FIVE_MINUTES, default.handshake_timeout),
        max_streams: count(&mut table, "max_streams", 1_000_000, default.max_streams),
        max_streams_per_connection: count(
            &mut table,
            "max_streams_per_connection",
            10_000,
            default.max_streams_per_connection,
        ),
        max_unproven_streams: count(&mut table, "max_unproven_streams", 100_000, default.max_unproven_streams),
        max_unproven_streams_per_connection: count(
            &mut table,
            "max_unproven_streams_per_connection",
            10_000,
            default.max_unproven_streams_per_connection,
        ),
        request_memory: memory(&mut table, "request_memory", default.request_memory),
        max_reset_streams: count(&mut table, "max_reset_streams", 10_000, default.max_reset_streams),
        max_metadata_size: size(&mut table, "max_metadata_size", 64, default.max_metadata_size),
        max_message_size: size(&mut table, "max_message_size", 1_024, default.max_message_size),
        connection_age: duration(&mut table, "connection_age", ONE_DAY, default.connection_age),
        connection_age_grace: duration(&mut table, "connection_age_grace", ONE_HOUR, default.connection_age_grace),
        connection_idle: duration(&mut table, "connection_idle", ONE_DAY, default.connection_idle),
        keepalive_interval: duration(&mut table, "keepalive_interval", ONE_HOUR, default.keepalive_interval),
        keepalive_timeout: duration(&mut table, "keepalive_timeout", FIVE_MINUTES, default.keepalive_timeout),
        call_timeout: duration(&mut table, "call_timeout", FIVE_MINUTES, default.call_timeout),
        message_timeout: duration(&mut table, "message_timeout", FIVE_MINUTES, default.message_timeout),
        delivery_timeout: duration(&mut table, "delivery_timeout", FIVE_MINUTES, default.delivery_timeout),
        max_calls_in_flight: count(&mut table, "max_calls_in_flight", 100_000, default.max_calls_in_flight),
        signature_checks: count(&mut table, "signature_checks", 1_024, default.signature_checks),
        admin_max_connections: count(&mut table, "admin_max_connections", 1_024, default.admin_max_connections),
        admin_header_timeout: duration(&mut table, "admin_header_timeout", ONE_MINUTE, default.admin_header_timeout),
    };
    let least = 2 * u64::from(settings.max_message_size);
    if settings.request_memory < least {
        let location = table.location_of("request_memory");
        table.report("request_memory", &location, "must be at least twice max_message_size, or one message fills it");
    }
    table.finish();
    settings
}

/// Addresses and networks, such as `10.0.0.7` and `10.1.0.0/16`.
fn networks(table: &mut Table<'_>, key: &'static str) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for Located { value, location } in table.strings(key).unwrap_or_default() {
        match value.parse::<IpNet>().or_else(|_| value.parse::<IpAddr>().map(IpNet::from)) {
            Ok(network) => networks.push(network),
            Err(_) => {
                table.report(key, &location, format!("holds {value:?}, which is neither an IP address nor a network"));
            }
        }
    }
    networks
}

/// At least what one message needs, at most what a large machine has to spare.
fn memory(table: &mut Table<'_>, key: &'static str, default: u64) -> u64 {
    let Some(Located { value, location }) = table.byte_size(key) else { return default };
    if !(1_024 * 1_024..=16 * 1_024 * 1_024 * 1_024).contains(&value) {
        table.report(key, &location, "must be between 1MiB and 16GiB");
    }
    value
}

/// None at all is never allowed: it would serve nobody.
fn count(table: &mut Table<'_>, key: &'static str, most: u32, default: u32) -> u32 {
    let Some(Located { value, location }) = table.integer(key) else { return default };
    let count = u32::try_from(value).ok().filter(|count| (1..=most).contains(count));
    if count.is_none() {
        table.report(key, &location, format!("must be between 1 and {most}"));
    }
    count.unwrap_or(default)
}

/// At least what an ordinary call needs.
fn size(table: &mut Table<'_>, key: &'static str, most_kib: u32, default: u32) -> u32 {
    let Some(Located { value, location }) = table.byte_size(key) else { return default };
    let size = u32::try_from(value).ok().filter(|size| (4 * 1_024..=most_kib * 1_024).contains(size));
    if size.is_none() {
        table.report(key, &location, format!("must be between 4KiB and {most_kib}KiB"));
    }
    size.unwrap_or(default)
}

fn duration(table: &mut Table<'_>, key: &'static str, (longest, written): Longest, default: Duration) -> Duration {
    let Some(Located { value, location }) = table.duration(key) else { return default };
    if !(Duration::from_secs(1)..=longest).contains(&value) {
        table.report(key, &location, format!("must be between 1s and {written}"));
    }
    value
}
