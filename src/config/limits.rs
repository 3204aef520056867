//! `[limits]`: what clients can use of the server.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use access_broker_base::document::Table;

/// What clients can use of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// Connections at a time, on all listeners. A further one replaces one without an authenticated caller, or is
    /// closed as soon as it is accepted.
    pub max_connections: u32,
    /// Connections at a time without an authenticated caller. A further one replaces another of these.
    pub max_unproven_connections: u32,
    /// Connections at a time from one IPv4 address or one IPv6 /64. Further ones are closed.
    pub max_connections_per_address: u32,
    /// Addresses of proxies that many clients share: limits per address and per connection do not apply to them, nor to
    /// loopback and Unix domain sockets.
    pub trusted_proxies: Vec<IpNet>,
    /// TLS handshakes whose cryptography runs at a time, on all listeners. Further ones wait.
    pub(crate) max_handshakes: u32,
    /// Connections in the middle of a handshake at a time from one IPv4 address or one IPv6 /64. Further ones are
    /// closed.
    pub max_handshakes_per_address: u32,
    /// The limit for each of three phases: the client's first TLS message, the rest of the handshake, and the first
    /// bytes of HTTP/2.
    pub handshake_timeout: Duration,
    /// Streams of authenticated callers at a time, on all connections: calls in flight, and answers that are not yet
    /// delivered. A caller gets another one while it holds fewer than are free.
    pub max_streams: u32,
    /// Calls at a time on one connection, including streams of health and reflection.
    pub max_streams_per_connection: u32,
    /// Streams without an authenticated caller at a time, on all connections: health, reflection, and calls that wait
    /// for a key or a signature check.
    pub max_unproven_streams: u32,
    /// The same on one connection.
    pub max_unproven_streams_per_connection: u32,
    /// Bytes of request messages held at a time, on all connections. A caller may hold as much as is free.
    pub request_memory: u64,
    /// Streams that the server resets because of a client's errors before it closes the connection.
    pub max_reset_streams: u32,
    /// The largest metadata of a call, in bytes as HTTP/2 counts them (RFC 9113 section 6.5.2).
    pub max_metadata_size: u32,
    /// The largest request message, in bytes.
    pub max_message_size: u32,
    /// The age at which GOAWAY asks a client to open another connection, a tenth more or less.
    pub connection_age: Duration,
    /// How long calls in flight may take after that.
    pub connection_age_grace: Duration,
    /// How long a connection may be without a call.
    pub connection_idle: Duration,
    /// How often a silent peer is pinged.
    pub keepalive_interval: Duration,
    /// How long it may take to answer.
    pub keepalive_timeout: Duration,
    /// How long a call may take before its answer begins.
    pub call_timeout: Duration,
    /// How long a call's message may take to arrive.
    pub message_timeout: Duration,
    /// How long a client may take to receive the next part of an answer, or any byte of the transport.
    pub delivery_timeout: Duration,
    /// Calls of authenticated callers at a time whose message has arrived, on all connections. A caller gets another
    /// one while it holds fewer than are free.
    pub max_calls_in_flight: u32,
    /// Signature checks of tokens that were not seen before, at a time.
    pub(crate) signature_checks: u32,
    /// Connections of the admin port at a time. A further one replaces a slow one, or is closed.
    pub(crate) admin_max_connections: u32,
    /// How long a request to the admin port may take to arrive, from the start of the connection to the end of its
    /// headers.
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
            // Some tens of KiB each: all of them fit into a small machine.
            max_connections: 4_096,
            max_unproven_connections: 1_024,
            // Enough for one machine with many processes, or for a few machines behind one router.
            max_connections_per_address: 256,
            trusted_proxies: Vec::new(),
            // A few signatures each: more at a time only delay all of them.
            max_handshakes: 32,
            max_handshakes_per_address: 64,
            handshake_timeout: Duration::from_secs(10),
            // Some 10 KiB each.
            max_streams: 4_096,
            max_streams_per_connection: 256,
            // Up to 30 KiB each, while an answer of reflection waits for its client.
            max_unproven_streams: 1_024,
            // A few streams of health, and a burst of new tokens.
            max_unproven_streams_per_connection: 64,
            request_memory: 64 * 1_024 * 1_024,
            // A quarter of hyper's default (RUSTSEC-2024-0003).
            max_reset_streams: 256,
            // Room for the largest token and little else.
            max_metadata_size: 16 * 1_024,
            // Several times the longest key, its metadata and its header values.
            max_message_size: 64 * 1_024,
            // Long enough to make handshakes cheap, short enough for load to move to a new server.
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

#[expect(clippy::too_many_lines, reason = "one statement for each setting")]
pub(super) fn read(mut table: Table<'_>) -> LimitSettings {
    table.describe(
        "What clients can use of the server. Each limit per connection or per caller has a limit on the total.",
        "",
    );
    let default = LimitSettings::default();
    let settings = LimitSettings {
        max_connections: table
            .setting(
                "max_connections",
                "Connections at a time, on all listeners. At the limit, a new one [replaces another or is \
                 closed](#connections-at-the-limit). Each uses an [open file](#open-files).",
            )
            .count()
            .within(1..=100_000)
            .or(default.max_connections),
        max_unproven_connections: table
            .setting(
                "max_unproven_connections",
                "Connections at a time without an authenticated caller. At the limit, a new one [replaces one of \
                 them](#connections-at-the-limit).",
            )
            .count()
            .within(1..=100_000)
            .or(default.max_unproven_connections),
        max_connections_per_address: table
            .setting(
                "max_connections_per_address",
                "Connections at a time from one IPv4 address or one IPv6 /64. Further ones are closed at once. Does \
                 not apply to [shared addresses](#shared-addresses).",
            )
            .count()
            .within(1..=100_000)
            .or(default.max_connections_per_address),
        trusted_proxies: table
            .setting(
                "trusted_proxies",
                "Proxies and load balancers whose address many clients [share](#shared-addresses). Not related to \
                 `trusted_hop`, which says whose identity headers are believed.",
            )
            .list("string")
            .limits("IP addresses and networks, such as `10.0.0.7` and `10.1.0.0/16`")
            .each(network)
            .unwrap_or_default()
            .into_iter()
            .map(|network| network.value)
            .collect(),
        max_handshakes: table
            .setting(
                "max_handshakes",
                "TLS handshakes at a time between the client's complete first message and the server's answer, which \
                 is where cryptography runs. Further ones wait.",
            )
            .count()
            .within(1..=10_000)
            .or(default.max_handshakes),
        max_handshakes_per_address: table
            .setting(
                "max_handshakes_per_address",
                "Connections at a time from one address that have not finished their TLS handshake. Further ones are \
                 closed at once. Does not apply to [shared addresses](#shared-addresses).",
            )
            .count()
            .within(1..=10_000)
            .or(default.max_handshakes_per_address),
        handshake_timeout: table
            .setting(
                "handshake_timeout",
                "The limit for each of three phases: the client's first TLS message, the rest of the handshake, and \
                 the first bytes of HTTP/2.",
            )
            .duration()
            .within(SECOND..=FIVE_MINUTES)
            .or(default.handshake_timeout),
        max_streams: table
            .setting(
                "max_streams",
                "Open streams of authenticated callers, on all connections: calls in flight, and answers that are not \
                 yet delivered. [Shared among callers](#how-a-total-is-shared-out).",
            )
            .count()
            .within(1..=1_000_000)
            .or(default.max_streams),
        max_streams_per_connection: table
            .setting(
                "max_streams_per_connection",
                "Calls at a time on one connection. Clients learn the limit from HTTP/2 SETTINGS and wait.",
            )
            .count()
            .within(1..=10_000)
            .or(default.max_streams_per_connection),
        max_unproven_streams: table
            .setting(
                "max_unproven_streams",
                "Open streams without an authenticated caller, on all connections, for each of [several kinds of \
                 requests](#streams-without-an-authenticated-caller).",
            )
            .count()
            .within(1..=100_000)
            .or(default.max_unproven_streams),
        max_unproven_streams_per_connection: table
            .setting(
                "max_unproven_streams_per_connection",
                "As `max_unproven_streams`, on one connection. Does not apply to [shared \
                 addresses](#shared-addresses).",
            )
            .count()
            .within(1..=10_000)
            .or(default.max_unproven_streams_per_connection),
        request_memory: table
            .setting(
                "request_memory",
                "Memory for request messages, on all connections. [Shared among callers](#how-a-total-is-shared-out).",
            )
            .size()
            .within(1 << 20..=16 << 30)
            .limits("at least twice `max_message_size`")
            .or(default.request_memory),
        max_reset_streams: table
            .setting(
                "max_reset_streams",
                "Streams of one connection that the server resets because of the client's errors. At the limit, the \
                 connection is closed.",
            )
            .count()
            .within(1..=10_000)
            .or(default.max_reset_streams),
        max_metadata_size: table
            .setting(
                "max_metadata_size",
                "The metadata of one call: each entry counts the lengths of name and value plus 32 bytes.",
            )
            .size()
            .within(4 * KIB..=64 * KIB)
            .or(default.max_metadata_size),
        max_message_size: table
            .setting(
                "max_message_size",
                "One request message. Larger ones are answered with \
                 [`MESSAGE_TOO_LARGE`](ERRORS.md#message_too_large). Messages of health and reflection always have a \
                 limit of 4 KiB.",
            )
            .size()
            .within(4 * KIB..=1_024 * KIB)
            .or(default.max_message_size),
        connection_age: table
            .setting(
                "connection_age",
                "The age at which GOAWAY asks a client to open another connection, a tenth more or less. So clients \
                 [move to new servers](#age-of-connections).",
            )
            .duration()
            .within(SECOND..=ONE_DAY)
            .or(default.connection_age),
        connection_age_grace: table
            .setting(
                "connection_age_grace",
                "How long calls in flight may take after the GOAWAY of `connection_age`. Then the connection is \
                 closed, with its streams of health and reflection.",
            )
            .duration()
            .within(SECOND..=ONE_HOUR)
            .or(default.connection_age_grace),
        connection_idle: table
            .setting(
                "connection_idle",
                "How long a connection may be without a call. A stream of health counts as a call.",
            )
            .duration()
            .within(SECOND..=ONE_DAY)
            .or(default.connection_idle),
        keepalive_interval: table
            .setting("keepalive_interval", "How often the server pings a peer that sends nothing.")
            .duration()
            .within(SECOND..=ONE_HOUR)
            .or(default.keepalive_interval),
        keepalive_timeout: table
            .setting("keepalive_timeout", "How long the peer may take to answer a ping. Then the connection is closed.")
            .duration()
            .within(SECOND..=FIVE_MINUTES)
            .or(default.keepalive_timeout),
        call_timeout: table
            .setting(
                "call_timeout",
                "How long a call may take, including the wait for its message: this time or the client's deadline, \
                 whichever is shorter. Then the answer is [`CALL_TIMED_OUT`](ERRORS.md#call_timed_out).",
            )
            .duration()
            .within(SECOND..=FIVE_MINUTES)
            .or(default.call_timeout),
        message_timeout: table
            .setting(
                "message_timeout",
                "How long the message of an authenticated call may take to arrive. Then the answer is \
                 [`CALL_TIMED_OUT`](ERRORS.md#call_timed_out).",
            )
            .duration()
            .within(SECOND..=FIVE_MINUTES)
            .or(default.message_timeout),
        delivery_timeout: table
            .setting(
                "delivery_timeout",
                "How long a client may take to receive the next part of an answer. Then its stream is reset, or its \
                 [connection is closed](#slow-readers).",
            )
            .duration()
            .within(SECOND..=FIVE_MINUTES)
            .or(default.delivery_timeout),
        max_calls_in_flight: table
            .setting(
                "max_calls_in_flight",
                "Authenticated calls in progress, after their message has arrived, on all connections. [Shared among \
                 callers](#how-a-total-is-shared-out). Health and reflection do not count.",
            )
            .count()
            .within(1..=100_000)
            .or(default.max_calls_in_flight),
        signature_checks: table
            .setting(
                "signature_checks",
                "Signatures of new tokens that are checked at a time. Connections take turns. Tokens that were \
                 accepted before need no check.",
            )
            .count()
            .within(1..=1_024)
            .absent("one for each core")
            .optional()
            .map_or(default.signature_checks, |checks| checks.value),
        admin_max_connections: table
            .setting(
                "admin_max_connections",
                "Connections of the admin port at a time. At the limit, a new one [replaces a slow one or is \
                 closed](#the-admin-port).",
            )
            .count()
            .within(1..=1_024)
            .or(default.admin_max_connections),
        admin_header_timeout: table
            .setting(
                "admin_header_timeout",
                "How long a request to the admin port may take to arrive. Its answer may take 30 seconds more.",
            )
            .duration()
            .within(SECOND..=ONE_MINUTE)
            .or(default.admin_header_timeout),
    };
    let least = 2 * u64::from(settings.max_message_size);
    if settings.request_memory < least {
        let location = table.location_of("request_memory");
        table.report("request_memory", &location, "must be at least twice max_message_size");
    }
    table.finish();
    settings
}

/// An address or a network, such as `10.0.0.7` and `10.1.0.0/16`.
fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| format!("has {text:?}, which is not an IP address or a network"))
}
