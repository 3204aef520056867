//! `[server]`: addresses, start and stop.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::key_proxy;
use access_broker_base::document::{Located, Table};
use access_broker_identity::KeyProxy;

/// Loopback, because it has no transport security.
const DEFAULT_ADMIN_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9_090);

/// Time for load balancers to learn that this server stops: Kubernetes removes a pod from its endpoints at the same
/// time as it sends the signal, not before.
const DEFAULT_DRAIN_DELAY: Duration = Duration::from_secs(5);

/// By then, every load balancer has checked health.
const MAX_DRAIN_DELAY: Duration = Duration::from_mins(1);

/// With the delay before it, well below the 30 seconds after which Kubernetes kills a pod.
const DEFAULT_SHUTDOWN_GRACE: Duration = Duration::from_secs(20);

/// A stop must end.
const MAX_SHUTDOWN_GRACE: Duration = Duration::from_mins(10);

/// Long enough for a second and a third attempt to fetch keys, and shorter than the time limit of a rollout.
const DEFAULT_STARTUP_WAIT: Duration = Duration::from_secs(30);

/// By then, a rollout has timed out.
const MAX_STARTUP_WAIT: Duration = Duration::from_mins(10);

/// Room for the tokens of some 85,000 callers. A process with all defaults stays below 128 MiB when it is full.
const DEFAULT_TOKEN_CACHE_SIZE: u64 = 80 * 1_024 * 1_024;

const MAX_TOKEN_CACHE_SIZE: u64 = 4 * 1_024 * 1_024 * 1_024;

/// Long enough for one retry, and short enough for a caller who waits.
const DEFAULT_S3_TIMEOUT: Duration = Duration::from_secs(5);

/// Callers do not wait longer than the upper bound.
const S3_TIMEOUTS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30);

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Where `/livez`, `/readyz` and `/metrics` are served.
    pub admin_addr: SocketAddr,
    /// Whether gRPC server reflection is served.
    pub reflection: bool,
    /// Bytes of memory for accepted tokens. With 0 every call needs a signature check.
    pub token_cache_size: u64,
    /// How long a HEAD request of the broker may take.
    pub s3_timeout: Duration,
    /// How long a start waits for all issuers' keys and all buckets' credentials before the server serves without some.
    pub startup_wait: Duration,
    /// The proxy for key servers of issuers that do not set their own.
    pub key_proxy: KeyProxy,
    /// How long calls are accepted and served after a signal to stop, while health is `NOT_SERVING`.
    pub drain_delay: Duration,
    /// How long calls in flight may take after `drain_delay`.
    pub shutdown_grace: Duration,
}

/// Reads the section, and where gRPC is served if there is no `[[listener]]`.
pub(super) fn read(mut table: Table<'_>) -> (ServerSettings, Option<Located<SocketAddr>>) {
    table.describe("Addresses, start and stop of the server.", "");
    let grpc_addr = table
        .setting(
            "grpc_addr",
            "Where gRPC is served if there is no `[[listener]]`: without TLS, and with tokens as proof. Port 0 takes a \
             free port.",
        )
        .parsed("IP:port", address)
        .limits("not with `[[listener]]`")
        .absent("127.0.0.1:50051")
        .optional();
    let settings = ServerSettings {
        admin_addr: table
            .setting("admin_addr", "Where `/livez`, `/readyz` and `/metrics` are served over plain HTTP.")
            .parsed("IP:port", address)
            .or(DEFAULT_ADMIN_ADDRESS),
        reflection: table
            .setting("reflection", "Serves gRPC server reflection, without a token. It shows the API, never data.")
            .flag()
            .or(true),
        token_cache_size: table
            .setting(
                "token_cache_size",
                "Memory for accepted tokens, whose signatures are not checked again. `80MiB` is enough for about \
                 85,000 callers; `0B` turns the cache off.",
            )
            .size()
            .at_most(MAX_TOKEN_CACHE_SIZE)
            .or(DEFAULT_TOKEN_CACHE_SIZE),
        s3_timeout: table
            .setting(
                "s3_timeout",
                "How long a HEAD request of the broker may take, including one retry: for `must_exist`, `pin_version` \
                 and `VerifyUpload`.",
            )
            .duration()
            .within(S3_TIMEOUTS)
            .or(DEFAULT_S3_TIMEOUT),
        startup_wait: table
            .setting(
                "startup_wait",
                "How long health stays `NOT_SERVING` after a start until all parts are available. Calls are answered. See \
                 [readiness](#readiness).",
            )
            .duration()
            .at_most(MAX_STARTUP_WAIT)
            .or(DEFAULT_STARTUP_WAIT),
        key_proxy: key_proxy::read(
            &mut table,
            "The proxy for requests to the key servers of all issuers. See [through a proxy](#through-a-proxy).",
            "`environment`",
        )
        .map_or(KeyProxy::Environment, |proxy| proxy.value.except_nearby()),
        drain_delay: table
            .setting(
                "drain_delay",
                "How long the server accepts and serves calls after SIGTERM or SIGINT, while health is `NOT_SERVING`. \
                 See [stopping](#stopping).",
            )
            .duration()
            .at_most(MAX_DRAIN_DELAY)
            .or(DEFAULT_DRAIN_DELAY),
        shutdown_grace: table
            .setting(
                "shutdown_grace",
                "How long calls in flight may take after `drain_delay`. Then they are cancelled.",
            )
            .duration()
            .at_most(MAX_SHUTDOWN_GRACE)
            .or(DEFAULT_SHUTDOWN_GRACE),
    };
    table.finish();
    (settings, grpc_addr)
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "must be an IP address and a port, such as \"127.0.0.1:50051\"")
}
