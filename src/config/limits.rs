//! `[limits]`: what clients may take of the server.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use access_broker_base::document::Table;

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

const SECOND: Duration = Duration::from_secs(1);
const ONE_MINUTE: Duration = Duration::from_mins(1);
const FIVE_MINUTES: Duration = Duration::from_mins(5);
const ONE_HOUR: Duration = Duration::from_hours(1);
const ONE_DAY: Duration = Duration::from_hours(24);

const KIB: u32 = 1_024;

pub(super) fn read(mut table: Table<'_>) -> LimitSettings {
    table.describe(
        "What clients may take of the server. Each limit per connection or caller has a limit on the total.",
        "",
    );
    let default = LimitSettings::default();
    let settings = LimitSettings {
        max_connections: table
            .setting("max_connections", "Connections at a time, over all listeners. When there are as many, a new one takes the place of one on which no caller was authenticated: of the oldest that has had no call for two seconds or, if there is none, of the oldest. If all have an authenticated caller, an idle one gives way of the caller that has most, if that is more than an eighth of all. If there is none, the new connection is accepted and closed at once, so that its client can try another server. The admin port is apart. Each takes an open file: see [open files](#open-files).")
            .count()
            .within(1..=100_000)
            .or(default.max_connections),
        max_unproven_connections: table
            .setting("max_unproven_connections", "Connections at a time on which no caller was authenticated so far, by the same rule.")
            .count()
            .within(1..=100_000)
            .or(default.max_unproven_connections),
        max_connections_per_address: table
            .setting("max_connections_per_address", "Connections at a time from one IPv4 address or one IPv6 /64. Further ones are closed at once. Does not hold for loopback, Unix domain sockets, `trusted_proxies`, and the proxy of the pod where a listener has `trusted_hop = \"pod\"`: many clients share such an address, and the limits per caller apply to each of them.")
            .count()
            .within(1..=100_000)
            .or(default.max_connections_per_address),
        trusted_proxies: table
            .setting("trusted_proxies", "Proxies and balancers through which many clients come: an ingress gateway, a balancer that hides its clients' addresses. No limit per address or per connection holds for them. It has nothing to do with whose identity headers are believed: that is `trusted_hop` of a listener.")
            .list("IP address or network")
            .limits("IP addresses and networks, such as `\"10.0.0.7\"` and `\"10.1.0.0/16\"`; from the environment separated by commas")
            .each(network)
            .unwrap_or_default()
            .into_iter()
            .map(|network| network.value)
            .collect(),
        max_handshakes: table
            .setting("max_handshakes", "TLS handshakes whose cryptography is under way at a time. Further ones wait. A handshake takes its place from the client's complete first message to the server's answer, not while bytes are awaited.")
            .count()
            .within(1..=10_000)
            .or(default.max_handshakes),
        max_handshakes_per_address: table
            .setting("max_handshakes_per_address", "Connections at a time from one address, as above, that have not finished their TLS handshake. Further ones are closed at once.")
            .count()
            .within(1..=10_000)
            .or(default.max_handshakes_per_address),
        handshake_timeout: table
            .setting("handshake_timeout", "How long a client may take for each of three phases: its first TLS message, the rest of the handshake, and the first bytes of HTTP/2.")
            .duration()
            .within(SECOND..=FIVE_MINUTES)
            .or(default.handshake_timeout),
        max_streams: table
            .setting("max_streams", "Open streams of authenticated callers, over all connections: calls under way, and answers that are not delivered. [Shared out by caller](#how-a-total-is-shared-out).")
            .count()
            .within(1..=1_000_000)
            .or(default.max_streams),
        max_streams_per_connection: table
            .setting("max_streams_per_connection", "Calls at a time on one connection. Clients learn of it by SETTINGS and wait.")
            .count()
            .within(1..=10_000)
            .or(default.max_streams_per_connection),
        max_unproven_streams: table
            .setting("max_unproven_streams", "Open streams without an authenticated caller, over all connections. There are three budgets of this size: streams of health, calls that wait for a key or for the check of a new token's signature, and refused calls whose request is still arriving. Reflection has an eighth of this size, and requests that are no call of a method another eighth. When a budget is used up, a connection with few takes one from the connection with most, whose oldest stream ends. Refused ones are answered with [`OVERLOADED`](ERRORS.md#overloaded); requests that are no call of a method get their answer all the same, 405 and 415 without a text.")
            .count()
            .within(1..=100_000)
            .or(default.max_unproven_streams),
        max_unproven_streams_per_connection: table
            .setting("max_unproven_streams_per_connection", "The same on one connection. Does not hold where `max_connections_per_address` does not.")
            .count()
            .within(1..=10_000)
            .or(default.max_unproven_streams_per_connection),
        request_memory: table
            .setting("request_memory", "Request messages that are held at a time, over all connections. [Shared out by caller](#how-a-total-is-shared-out).")
            .size()
            .within(1 << 20..=16 << 30)
            .limits("at least twice `max_message_size`")
            .or(default.request_memory),
        max_reset_streams: table
            .setting("max_reset_streams", "Streams of one connection that the server may reset for the client's errors. Then the connection is closed.")
            .count()
            .within(1..=10_000)
            .or(default.max_reset_streams),
        max_metadata_size: table
            .setting("max_metadata_size", "The metadata of one call, as HTTP/2 counts it: 32 bytes for each name and value beside their own.")
            .size()
            .within(4 * KIB..=64 * KIB)
            .or(default.max_metadata_size),
        max_message_size: table
            .setting("max_message_size", "A request message. Larger ones are answered with [`MESSAGE_TOO_LARGE`](ERRORS.md#message_too_large). A message of health or reflection may have 4 KiB, always.")
            .size()
            .within(4 * KIB..=1_024 * KIB)
            .or(default.max_message_size),
        connection_age: table
            .setting("connection_age", "The age at which a client is told by GOAWAY to open another connection, a tenth more or less. Its calls in flight finish. This is how load finds its way to new servers behind a balancer of connections.")
            .duration()
            .within(SECOND..=ONE_DAY)
            .or(default.connection_age),
        connection_age_grace: table
            .setting("connection_age_grace", "How long these calls may take. Then the connection is closed. Streams of health and reflection end here.")
            .duration()
            .within(SECOND..=ONE_HOUR)
            .or(default.connection_age_grace),
        connection_idle: table
            .setting("connection_idle", "How long a connection may be without a call. A stream of health is a call.")
            .duration()
            .within(SECOND..=ONE_DAY)
            .or(default.connection_idle),
        keepalive_interval: table
            .setting("keepalive_interval", "How often a peer is pinged that sends nothing.")
            .duration()
            .within(SECOND..=ONE_HOUR)
            .or(default.keepalive_interval),
        keepalive_timeout: table
            .setting("keepalive_timeout", "How long it may take to answer. Then the connection is closed.")
            .duration()
            .within(SECOND..=FIVE_MINUTES)
            .or(default.keepalive_timeout),
        call_timeout: table
            .setting("call_timeout", "How long a call may take, the wait for its message included. The client's own deadline holds if it is shorter. Both are answered with [`CALL_TIMED_OUT`](ERRORS.md#call_timed_out). Streams of health and reflection last as long as they like.")
            .duration()
            .within(SECOND..=FIVE_MINUTES)
            .or(default.call_timeout),
        message_timeout: table
            .setting("message_timeout", "How long the message of a call may take to arrive, once its caller is authenticated. Then the call is answered with [`CALL_TIMED_OUT`](ERRORS.md#call_timed_out).")
            .duration()
            .within(SECOND..=FIVE_MINUTES)
            .or(default.message_timeout),
        delivery_timeout: table
            .setting("delivery_timeout", "How long a client may take for the next part of an answer. Then its stream is reset. A connection that takes no byte at all for that time is closed, and so is one that has not taken an answer after 1.25 times that time.")
            .duration()
            .within(SECOND..=FIVE_MINUTES)
            .or(default.delivery_timeout),
        max_calls_in_flight: table
            .setting("max_calls_in_flight", "Calls at a time, over all connections, whose callers were authenticated and whose messages have arrived. [Shared out by caller](#how-a-total-is-shared-out). Health and reflection are exempt.")
            .count()
            .within(1..=100_000)
            .or(default.max_calls_in_flight),
        signature_checks: table
            .setting("signature_checks", "Signatures of new tokens that are checked at a time. Connections take turns, so that one that sends forged tokens delays no other. Tokens that were accepted before need no check.")
            .count()
            .within(1..=1_024)
            .or(default.signature_checks),
        admin_max_connections: table
            .setting("admin_max_connections", "Connections of the admin port at a time. A further one takes the place of the oldest connection that has not sent its whole request, or has been reading its answer for longer than `admin_header_timeout`. If there is none, the further one is closed at once.")
            .count()
            .within(1..=1_024)
            .or(default.admin_max_connections),
        admin_header_timeout: table
            .setting("admin_header_timeout", "How long a request of the admin port may take to arrive. Its answer may take 30 seconds more. Each connection serves one request.")
            .duration()
            .within(SECOND..=ONE_MINUTE)
            .or(default.admin_header_timeout),
    };
    let least = 2 * u64::from(settings.max_message_size);
    if settings.request_memory < least {
        let location = table.location_of("request_memory");
        table.report("request_memory", &location, "must be at least twice max_message_size, or one message fills it");
    }
    table.finish();
    settings
}

/// An address or a network, such as `10.0.0.7` and `10.1.0.0/16`.
fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| format!("has {text:?}, which is neither an IP address nor a network"))
}
