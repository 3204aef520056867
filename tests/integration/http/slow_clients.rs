//! Slow clients of HTTP/1: every connection ends by a limit, callers are answered meanwhile, and nothing is held
//! afterwards.
//!
//! By default all forms of a test come at a time, and each connection is made once. `ACCESS_BROKER_HTTP_LOAD_SECONDS`
//! sets how long each test takes; its forms then come one after the other, and connections are made again and again. The
//! table is a report: only the answers, the memory and the counts are checked, which do not depend on the machine.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use super::good_caller::{Connection, GoodCaller};
use super::{DOWNLOAD, get, request};
use crate::support::attacks::target::Target;
use crate::support::http1::Http1Client;
use crate::support::{PATIENCE, eventually};

/// For slow requests. The idle limit is longer than the pause of a good caller.
const REQUEST_LIMITS: &str = "handshake_timeout = \"1s\"\nmessage_timeout = \"1s\"\nconnection_idle = \"2s\"";

/// For answers that are not read. Other limits are longer than the test.
const ANSWER_LIMITS: &str = "delivery_timeout = \"1s\"\nhandshake_timeout = \"5m\"\nmessage_timeout = \"5m\"";

/// The growth of the program's memory that is allowed, in KiB: the buffers of each connection, and as much again.
const GROWTH_KIB: u64 = 64 * 1_024;

/// Connections of one form. The system keeps twice as many until the program accepts them, and loses further ones.
const CONNECTIONS: usize = 64;

const ACCEPTED: &str = "access_broker_connections_total{event=\"accepted\"}";

/// The time between two parts of a slow request.
const STEP: Duration = Duration::from_millis(100);

/// A head that arrives byte by byte.
const HEAD: &str =
    "GET /v1/downloadUrl?bucket=media&key=x HTTP/1.1\r\nhost: broker\r\nx-slow: yyyyyyyyyyyyyyyyyyyyyyyyy";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Heads,
    /// Heads after a call on the same connection.
    LateHeads,
    /// Bodies of an authenticated caller, byte by byte.
    Bodies,
    /// The same in chunks of one byte.
    Chunks,
    RejectedBodies,
    /// One call, and then nothing.
    Idle,
    /// Many requests at once, whose answers are not read.
    UnreadDescriptions,
    UnreadRefusals,
    UnreadUrls,
}

impl Form {
    const SLOW: [Self; 6] =
        [Self::Heads, Self::LateHeads, Self::Bodies, Self::Chunks, Self::RejectedBodies, Self::Idle];

    const UNREAD: [Self; 3] = [Self::UnreadDescriptions, Self::UnreadRefusals, Self::UnreadUrls];

    /// How many connections are open at a time.
    const fn connections(self) -> usize {
        match self {
            Self::Heads | Self::LateHeads | Self::Bodies | Self::Chunks | Self::RejectedBodies | Self::Idle => {
                CONNECTIONS
            }
            Self::UnreadDescriptions => 16,
            // Each must fill the buffers of the system, some megabytes, with small answers.
            Self::UnreadRefusals | Self::UnreadUrls => 2,
        }
    }

    /// The bytes that come at once.
    fn first(self, good: &str) -> String {
        let body = |authorization: &str, length: &str| {
            request("POST", "/v1/downloadUrl", &[authorization, "content-type: application/json", length], "")
        };
        let rejected = "authorization: Bearer other";
        match self {
            Self::Heads => HEAD[..1].to_owned(),
            Self::LateHeads | Self::Idle => get(DOWNLOAD, &[good]),
            Self::Bodies => body(good, "content-length: 60000"),
            Self::Chunks => body(good, "transfer-encoding: chunked"),
            Self::RejectedBodies => body(rejected, "content-length: 60000"),
            Self::UnreadDescriptions => get("/openapi.json", &[]).repeat(64),
            Self::UnreadRefusals => get(DOWNLOAD, &[rejected]).repeat(64),
            Self::UnreadUrls => get(DOWNLOAD, &[good]).repeat(64),
        }
    }

    /// The bytes that come after so many steps.
    fn slowly(self, step: usize) -> &'static str {
        match self {
            Self::Heads => HEAD.get(step + 1..step + 2).unwrap_or("y"),
            Self::LateHeads => HEAD.get(step..=step).unwrap_or("y"),
            Self::Bodies | Self::RejectedBodies => " ",
            Self::Chunks => "1\r\n \r\n",
            Self::Idle | Self::UnreadDescriptions | Self::UnreadRefusals | Self::UnreadUrls => "",
        }
    }

    /// The status of the last answer before the connection ends, if answers are read.
    const fn last_status(self) -> Option<u16> {
        match self {
            Self::Heads | Self::UnreadDescriptions | Self::UnreadRefusals | Self::UnreadUrls => None,
            Self::LateHeads | Self::Idle => Some(200),
            Self::Bodies | Self::Chunks => Some(504),
            Self::RejectedBodies => Some(401),
        }
    }

    /// Makes a connection, and returns the status of its last answer when the broker has ended it.
    async fn connect_and_stay(self, target: &Target, first: &str) -> Option<u16> {
        if Self::UNREAD.contains(&self) {
            let mut client = Http1Client::connect_with_small_buffer(target.plain).await.unwrap();
            client.send_until_closed(first.as_bytes()).await;
            return None;
        }
        let mut client = Http1Client::connect(target.plain).await;
        let _may_be_closed = client.send(first).await;
        let (mut last, mut step) = (None, 0);
        loop {
            match time::timeout(STEP, client.read_answer(true)).await {
                Ok(Some(answer)) => last = Some(answer.status),
                Ok(None) => return last,
                Err(_) => {
                    let _may_be_closed = client.send(self.slowly(step)).await;
                    step += 1;
                }
            }
        }
    }
}

/// Attacks until a time, and waits until the broker has ended every connection as it must.
async fn attack(target: &Arc<Target>, forms: &[Form], until: Instant) {
    let good = format!("authorization: {}", target.authorization("attacker"));
    let accepted = async || target.metrics().await.sum(ACCEPTED);
    let mut attackers = JoinSet::new();
    for form in forms {
        let expected = accepted().await + form.connections() as u64;
        let first: Arc<str> = form.first(&good).into();
        for _ in 0..form.connections() {
            let (target, first, form) = (Arc::clone(target), Arc::clone(&first), *form);
            attackers.spawn(async move {
                loop {
                    let staying = form.connect_and_stay(&target, &first);
                    let stayed = time::timeout(PATIENCE, staying).await;
                    let last = stayed.unwrap_or_else(|_| panic!("{form:?}: the connection stays open"));
                    assert_eq!(last, form.last_status(), "{form:?}");
                    if Instant::now() >= until {
                        break;
                    }
                    // A new one is cheap, but this is no flood of connections.
                    time::sleep(STEP).await;
                }
            });
        }
        eventually("accepted connections", PATIENCE, async || accepted().await >= expected).await;
    }
    while let Some(ended) = attackers.join_next().await {
        ended.unwrap();
    }
    // Without attackers, callers are measured.
    time::sleep_until(until).await;
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

/// Runs these forms at a program with these limits, with calm before them.
async fn callers_are_answered_during(limits: &str, forms: &[Form]) {
    let calm = Vec::new();
    let (phases, share) = match env::var("ACCESS_BROKER_HTTP_LOAD_SECONDS") {
        Ok(seconds) => {
            let one_by_one = forms.iter().map(|form| vec![*form]);
            let phases: Vec<_> = std::iter::once(calm.clone()).chain(one_by_one).chain([calm]).collect();
            let share = Duration::from_secs(seconds.parse().unwrap()) / u32::try_from(phases.len()).unwrap();
            (phases, share)
        }
        Err(_) => (vec![calm, forms.to_vec()], Duration::ZERO),
    };
    let target = Arc::new(Target::start(limits).await);
    let mut before = None;
    let mut calm = [None; 2];
    println!("\n{:>4} {:>6} {:>9} {:>9} {:>9} {:>6}", "", "calls", "p50", "p99", "max", "ratio");
    for forms in phases {
        let mut kept = GoodCaller::start(&target, Connection::Kept).await;
        let mut new = GoodCaller::start(&target, Connection::New).await;
        attack(&target, &forms, Instant::now() + share).await;
        kept.answered_again(5).await;
        new.answered_again(5).await;
        println!("{forms:?}");
        for ((name, caller), calm) in [("kept", kept), ("new", new)].into_iter().zip(&mut calm) {
            let times = Times::new(caller.stop().await);
            let [p50, p99, max] = [50, 99, 100].map(|percent| times.percentile(percent));
            let ratio = p99.as_secs_f64() / calm.get_or_insert(p99).as_secs_f64();
            let calls = times.0.len();
            println!("{name:>4} {calls:>6} {p50:>9.1?} {p99:>9.1?} {max:>9.1?} {ratio:>6.1}");
        }
        // No client is connected now, so the server must have given everything back.
        target.until_no_call_is_open().await;
        target.until_connections_are(0).await;
        let (resident, peak) = (target.resident_kib(), target.peak_kib());
        println!("{resident} KiB now, {peak} KiB at most");
        let allowed = *before.get_or_insert(resident) + GROWTH_KIB;
        assert!(peak < allowed, "{forms:?}: {peak} KiB at most, {allowed} KiB are allowed");
    }
    Arc::into_inner(target).unwrap().finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_requests_end_by_limits_and_callers_are_answered() {
    callers_are_answered_during(REQUEST_LIMITS, &Form::SLOW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_with_unread_answers_end_by_a_limit_and_callers_are_answered() {
    callers_are_answered_during(ANSWER_LIMITS, &Form::UNREAD).await;
}
