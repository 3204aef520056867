//! `[server]`: addresses and life cycle.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::key_proxy;
use access_broker_base::document::{Located, Table};
use access_broker_identity::KeyProxy;

/// Loopback, because it has no transport security.
const DEFAULT_ADMIN_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9_090);

/// Time for whoever routes calls to learn that this server stops: Kubernetes removes a pod from its endpoints beside the
/// signal, not before it.
const DEFAULT_DRAIN_DELAY: Duration = Duration::from_secs(5);

/// The longest delay: whatever watches health has looked by then.
const MAX_DRAIN_DELAY: Duration = Duration::from_mins(1);

/// With the delay before it, well below the 30 seconds after which Kubernetes kills a pod.
const DEFAULT_SHUTDOWN_GRACE: Duration = Duration::from_secs(20);

/// Long enough for a second and a third attempt to fetch keys, and shorter than the time limit of a rollout.
const DEFAULT_STARTUP_WAIT: Duration = Duration::from_secs(30);

/// The longest wait: a rollout has timed out by then.
const MAX_STARTUP_WAIT: Duration = Duration::from_mins(10);

/// The longest grace: a drain must end.
const MAX_SHUTDOWN_GRACE: Duration = Duration::from_mins(10);

/// Room for the tokens of some 85,000 callers, so that a process with all defaults stays below 128 MiB when it is full.
const DEFAULT_TOKEN_CACHE_SIZE: u64 = 80 * 1_024 * 1_024;

const MAX_TOKEN_CACHE_SIZE: u64 = 4 * 1_024 * 1_024 * 1_024;

/// The longest inspection of an object: callers have given up by then.
const MAX_S3_TIMEOUT: Duration = Duration::from_secs(30);

/// Long enough for a request that is repeated once, and short enough for a caller who waits.
const DEFAULT_S3_TIMEOUT: Duration = Duration::from_secs(5);

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Where `/livez`, `/readyz` and `/metrics` are served.
    pub admin_addr: SocketAddr,
    /// Whether clients such as grpcurl may ask for the schema.
    pub reflection: bool,
    /// How many bytes of memory may go into remembering accepted tokens. With 0 every call costs a signature check.
    pub token_cache_size: u64,
    /// How long one HEAD request of the broker's own may take.
    pub s3_timeout: Duration,
    /// How long a start waits for all issuers' keys and all buckets' credentials, before the server serves with what it
    /// has.
    pub startup_wait: Duration,
    /// How the key servers of issuers are reached that say nothing else.
    pub key_proxy: KeyProxy,
    /// How long calls are still accepted and served after a signal to stop, while health says `NOT_SERVING`.
    pub drain_delay: Duration,
    /// How long calls in flight may take after that.
    pub shutdown_grace: Duration,
}

/// Reads the section, and where gRPC is served if there is no `[[listener]]`.
pub(super) fn read(mut table: Table<'_>) -> (ServerSettings, Option<Located<SocketAddr>>) {
    let startup_wait = table.duration("startup_wait");
    if let Some(Located { value, location }) = &startup_wait
        && *value > MAX_STARTUP_WAIT
    {
        table.report("startup_wait", location, "must not be longer than 10m");
    }
    let drain_delay = table.duration("drain_delay");
    if let Some(Located { value, location }) = &drain_delay
        && *value > MAX_DRAIN_DELAY
    {
        table.report("drain_delay", location, "must not be longer than 1m");
    }
    let shutdown_grace = table.duration("shutdown_grace");
    if let Some(Located { value, location }) = &shutdown_grace
        && *value > MAX_SHUTDOWN_GRACE
    {
        table.report("shutdown_grace", location, "must not be longer than 10m");
    }
    let token_cache_size = table.byte_size("token_cache_size");
    if let Some(Located { value, location }) = &token_cache_size
        && *value > MAX_TOKEN_CACHE_SIZE
    {
        table.report("token_cache_size", location, "must not be larger than 4GiB");
    }
    let s3_timeout = table.duration("s3_timeout");
    if let Some(Located { value, location }) = &s3_timeout
        && !(Duration::from_secs(1)..=MAX_S3_TIMEOUT).contains(value)
    {
        table.report("s3_timeout", location, "must be between 1s and 30s");
    }
    let key_proxy = key_proxy::read(&mut table);
    let grpc_addr = address(&mut table, "grpc_addr");
    let settings = ServerSettings {
        admin_addr: address(&mut table, "admin_addr").map_or(DEFAULT_ADMIN_ADDRESS, |address| address.value),
        reflection: table.boolean("reflection").is_none_or(|reflection| reflection.value),
        token_cache_size: token_cache_size.map_or(DEFAULT_TOKEN_CACHE_SIZE, |size| size.value),
        s3_timeout: s3_timeout.map_or(DEFAULT_S3_TIMEOUT, |timeout| timeout.value),
        startup_wait: startup_wait.map_or(DEFAULT_STARTUP_WAIT, |wait| wait.value),
        key_proxy: key_proxy.map_or(KeyProxy::Environment, KeyProxy::except_nearby),
        drain_delay: drain_delay.map_or(DEFAULT_DRAIN_DELAY, |delay| delay.value),
        shutdown_grace: shutdown_grace.map_or(DEFAULT_SHUTDOWN_GRACE, |grace| grace.value),
    };
    table.finish();
    (settings, grpc_addr)
}

fn address(table: &mut Table<'_>, key: &'static str) -> Option<Located<SocketAddr>> {
    let Located { value, location } = table.string(key)?;
    match value.parse() {
        Ok(address) => Some(Located { value: address, location }),
        Err(_) => {
            table.report(key, &location, "must be an IP address and a port, such as \"127.0.0.1:50051\"");
            None
        }
    }
}
