//! Good callers and bad ones behind one Envoy, which mixes their calls on a few connections of its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::grpcio::Grpcio;
use super::proxy::Envoy;
use crate::registry::{Registry, register};
use crate::support::attacks::target::Target;

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(
        registry,
        [Envoy, Grpcio],
        five_hundred_channels_become_ready_and_are_answered_while_one_floods_with_calls,
        five_hundred_channels_become_ready_and_are_answered_while_one_floods_with_as_many_streams_as_envoy_permits,
        channels_that_do_not_watch_health_are_answered_while_another_takes_all_health_streams,
        callers_with_new_tokens_are_answered_in_time_while_others_forge
    );
}

/// Streams that Envoy lets each client have: as many as it likes, or a bound as an operator sets it.
const UNBOUNDED: u32 = 10_000;
const BOUNDED: u32 = 100;

/// What the clients of a broker are told to use. It has them watch the health of the broker.
const SERVICE_CONFIG: &str = include_str!("../../../deploy/grpc/service-config.json");

/// A broker behind an Envoy.
struct Proxied {
    target: Target,
    envoy: Envoy,
}

/// What a good caller saw.
struct Seen(Value);

impl Proxied {
    /// With so many streams for each client of the Envoy.
    async fn start(streams: u32) -> Self {
        let target = Target::start("").await;
        let envoy = Envoy::start_plain(target.plain, streams).await;
        Self { target, envoy }
    }

    /// A caller's token, without the scheme.
    fn token(&self, subject: &str) -> String {
        self.target.authorization(subject).trim_start_matches("Bearer ").to_owned()
    }

    /// A task for so many channels with so many calls at a time on each.
    fn attack(&self, what: &str, channels: usize, calls: usize) -> Value {
        json!({
            "do": what, "target": self.envoy.only_address().to_string(), "token": self.token("attacker"),
            "channels": channels, "calls": calls,
        })
    }

    /// So many callers with a channel each. Each of their calls has a token that the broker has not seen.
    async fn call(&self, callers: usize, calls: usize, service_config: &str) -> Seen {
        let tokens = |caller| (0..calls).map(move |call| self.token(&format!("caller-{caller}-{call}"))).collect();
        let tokens: Vec<Vec<String>> = (0..callers).map(tokens).collect();
        let task = json!({
            "do": "be_good_callers", "target": self.envoy.only_address().to_string(),
            "service_config": service_config, "callers": tokens,
        });
        Seen(Grpcio::start(task).await.says().await)
    }
}

impl Seen {
    /// All were ready and were answered. Gives the times of the calls in seconds, the shortest first.
    fn assert_all_answered(&self, callers: usize, calls: usize) -> Vec<f64> {
        let Self(seen) = self;
        let mut failures = BTreeMap::<&str, usize>::new();
        for failure in seen["failures"].as_array().unwrap() {
            *failures.entry(failure.as_str().unwrap()).or_default() += 1;
        }
        assert!(failures.is_empty(), "{failures:#?}");
        assert_eq!(seen["ready"], callers);
        let mut seconds: Vec<f64> = serde_json::from_value(seen["seconds"].clone()).unwrap();
        assert_eq!(seconds.len(), callers * calls);
        seconds.sort_by(f64::total_cmp);
        seconds
    }
}

/// Channels that are all open at once and call while another one floods.
async fn channels_are_served_during(flood: &str, streams: u32, channels: usize, service_config: &str) {
    /// As many as the flood has at a time, as far as Envoy lets it.
    const FLOOD: usize = 1_000;
    let proxied = Proxied::start(streams).await;
    let flood = Grpcio::start_attack(proxied.attack(flood, 1, FLOOD)).await;
    let seen = proxied.call(channels, 1, service_config).await;
    let codes = flood.end().await;
    println!("the flood: {codes}");
    let seconds = seen.assert_all_answered(channels, 1);
    println!("the slowest call: {:.3} s", seconds.last().unwrap());
}

async fn five_hundred_channels_become_ready_and_are_answered_while_one_floods_with_calls() {
    channels_are_served_during("flood_with_calls", UNBOUNDED, 500, SERVICE_CONFIG).await;
}

/// Nothing tells the health streams of one client of a proxy from those of another, so it is the proxy that bounds them.
async fn five_hundred_channels_become_ready_and_are_answered_while_one_floods_with_as_many_streams_as_envoy_permits() {
    channels_are_served_during("flood_with_health_streams", BOUNDED, 500, SERVICE_CONFIG).await;
}

/// Calls with new tokens must not wait for those who bring none.
async fn channels_that_do_not_watch_health_are_answered_while_another_takes_all_health_streams() {
    channels_are_served_during("flood_with_health_streams", UNBOUNDED, 100, "{}").await;
}

async fn callers_with_new_tokens_are_answered_in_time_while_others_forge() {
    const CALLERS: usize = 50;
    const CALLS: usize = 4;
    /// Of the median and of the slowest, in seconds. Both are several times what a busy machine needs.
    const IN_TIME: (f64, f64) = (1.0, 5.0);
    let proxied = Proxied::start(UNBOUNDED).await;
    let forgers = Grpcio::start_attack(proxied.attack("forge", 3, 64)).await;
    let seen = proxied.call(CALLERS, CALLS, SERVICE_CONFIG).await;
    let codes = forgers.end().await;
    println!("the forgers: {codes}");
    assert!(codes["OK"].is_null() && codes["UNAUTHENTICATED"].as_u64() > Some(0), "{codes}");
    let seconds = seen.assert_all_answered(CALLERS, CALLS);
    let (median, slowest) = (seconds[seconds.len() / 2], seconds.last().unwrap());
    println!("calls with new tokens: {median:.3} s at the median, {slowest:.3} s at the most");
    assert!(median < IN_TIME.0 && *slowest < IN_TIME.1, "{median} s at the median, {slowest} s at the most");
    proxied.target.finish();
}
