//! How long good callers wait for their answers while others attack by HTTP/1.
//!
//! By default each attack lasts about a second. `ACCESS_BROKER_HTTP_LOAD_SECONDS` sets how long the whole takes. The
//! table is a report: only the answers, the memory and the counts are checked, which do not depend on the machine.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use super::client::{Http1Client, get, post_head};
use super::good_caller::{Connection, GoodCaller};
use super::many_connections::most;
use crate::support::attacks::target::Target;

/// How long all phases take by default, in seconds.
const SHORT: u64 = 6;

/// Connections of one attack, except for idle ones.
const CONNECTIONS: usize = 128;

/// The time between two bytes of a slow request.
const DRIP: Duration = Duration::from_millis(50);

/// What the memory of the process may grow by, in KiB.
const GROWTH_KIB: u64 = 128 * 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attack {
    None,
    SlowHeads,
    SlowBodies,
    UnreadAnswers,
    IdleConnections,
}

impl Attack {
    const ALL: [Self; 6] =
        [Self::None, Self::SlowHeads, Self::SlowBodies, Self::UnreadAnswers, Self::IdleConnections, Self::None];

    const fn connections(self) -> usize {
        match self {
            Self::None => 0,
            // They fill the buffers of the system.
            Self::UnreadAnswers => CONNECTIONS / 4,
            Self::SlowHeads | Self::SlowBodies | Self::IdleConnections => CONNECTIONS,
        }
    }

    /// Attacks until a time, and then closes its connections.
    async fn last(self, target: &Arc<Target>, until: Instant) {
        let mut attackers = JoinSet::new();
        for number in 0..self.connections() {
            let target = Arc::clone(target);
            attackers.spawn(async move {
                // Another connection, if the server has closed the last one.
                let attack = async {
                    loop {
                        self.run(&target, number).await;
                        time::sleep(DRIP).await;
                    }
                };
                let _over = time::timeout_at(until, attack).await;
            });
        }
        attackers.join_all().await;
        time::sleep_until(until).await;
    }

    /// Attacks with one connection until the server closes it.
    async fn run(self, target: &Target, number: usize) {
        let attacker = target.authorization("attacker");
        match self {
            Self::None => {}
            Self::SlowHeads => drip(target, b"GET /v1/", b'x').await,
            Self::SlowBodies => {
                let authorization = if number.is_multiple_of(2) { &attacker } else { "Bearer x" };
                drip(target, &post_head(authorization, 60_000), b' ').await;
            }
            Self::UnreadAnswers => {
                let requests = get(&attacker).repeat(64);
                let connecting = Http1Client::connect_with_small_buffer(target.plain);
                let Ok(mut client) = connecting.await else { return };
                while client.send(&requests).await.is_ok() {}
                // The buffers are full, or the connection is closed.
                while !client.is_reset() {
                    time::sleep(DRIP).await;
                }
            }
            Self::IdleConnections => {
                let mut clients = Vec::new();
                for _ in 0..most() / CONNECTIONS {
                    let Ok(mut client) = Http1Client::connect(target.plain).await else { continue };
                    if client.send(&get(&attacker)).await.is_ok() && client.answer().await.is_ok() {
                        clients.push(client);
                    }
                }
                std::future::pending::<()>().await;
            }
        }
    }
}

async fn drip(target: &Target, whole: &[u8], slowly: u8) {
    let Ok(mut client) = Http1Client::connect(target.plain).await else { return };
    if client.send(whole).await.is_ok() {
        while !client.is_closed() && client.send(&[slowly]).await.is_ok() {
            time::sleep(DRIP).await;
        }
    }
}

/// How long the calls of one phase took.
struct Times(Vec<Duration>);

impl Times {
    fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_callers_are_answered_during_every_attack() {
    let seconds = env::var("ACCESS_BROKER_HTTP_LOAD_SECONDS").map_or(SHORT, |seconds| seconds.parse().unwrap());
    let share = Duration::from_secs(seconds) / u32::try_from(Attack::ALL.len()).unwrap();
    let target = Arc::new(Target::start("").await);
    let mut before = None;
    let mut calm = [None; 2];
    println!("\n{:<16} {:>4} {:>6} {:>9} {:>9} {:>9} {:>6}", "attack", "", "calls", "p50", "p99", "max", "ratio");
    for attack in Attack::ALL {
        let kept = GoodCaller::start(&target, Connection::Kept).await;
        let new = GoodCaller::start(&target, Connection::New).await;
        attack.last(&target, Instant::now() + share).await;
        for ((name, caller), calm) in [("kept", kept), ("new", new)].into_iter().zip(&mut calm) {
            let times = Times::new(caller.stop().await);
            let [p50, p99, max] = [50, 99, 100].map(|percent| times.percentile(percent));
            let ratio = p99.as_secs_f64() / calm.get_or_insert(p99).as_secs_f64();
            let calls = times.0.len();
            println!(
                "{:<16} {name:>4} {calls:>6} {p50:>9.1?} {p99:>9.1?} {max:>9.1?} {ratio:>6.1}",
                format!("{attack:?}")
            );
        }
        // No client is connected now, so the server must have given everything back.
        target.until_no_call_is_open().await;
        target.until_connections_are(0).await;
        let (resident, peak) = (target.resident_kib(), target.peak_kib());
        println!("{:<16} {resident} KiB now, {peak} KiB at most", "");
        let allowed = *before.get_or_insert(resident) + GROWTH_KIB;
        assert!(peak < allowed, "{attack:?}: {peak} KiB at most, {allowed} KiB are allowed");
    }
    Arc::into_inner(target).unwrap().finish();
}
