//! Slow clients of HTTP/1. Good callers are answered, every slow connection ends by a limit, and everything is given
//! back.
//!
//! By default the attacks take a few seconds. `ACCESS_BROKER_SLOW_FORMS_SECONDS` sets how long they take together; the
//! table of the time that good callers wait is printed, and not judged: it depends on the machine.

mod good_callers;

use std::env;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use super::{get, post};
use crate::support::PATIENCE;
use crate::support::attacks::peer::connect_from;
use crate::support::attacks::target::Target;
use good_callers::{GoodCallers, Waits};

const SHORT: u64 = 4;

/// The shortest that there are. The idle limit is longer than the pause of a good caller.
const LIMITS: &str = "handshake_timeout = \"2s\"\nmessage_timeout = \"2s\"\ndelivery_timeout = \"2s\"\n\
                      connection_idle = \"3s\"\ncall_timeout = \"20s\"";

/// What the broker may need at the peak.
const MOST_KIB: u64 = 256 * 1_024;

/// The time between two bytes of a slow client.
const STEP: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A head, byte by byte.
    Heads,
    /// The same after a call on the same connection.
    LateHeads,
    /// Bodies of a known caller, byte by byte.
    Bodies,
    /// The same in chunks of one byte.
    Chunks,
    /// Bodies of callers that are not known.
    RejectedBodies,
    /// One call, and then nothing.
    Idle,
    /// Many requests at once, whose answers are not read.
    UnreadAnswers,
    /// The same of a known caller.
    UnreadUrls,
}

impl Form {
    const ALL: [Self; 8] = [
        Self::Heads,
        Self::LateHeads,
        Self::Bodies,
        Self::Chunks,
        Self::RejectedBodies,
        Self::Idle,
        Self::UnreadAnswers,
        Self::UnreadUrls,
    ];

    /// How many connections are open at a time.
    const fn connections(self) -> usize {
        match self {
            Self::Heads | Self::LateHeads => 300,
            Self::Bodies | Self::Chunks | Self::RejectedBodies => 200,
            // More than there may be without an authenticated caller.
            Self::Idle => 1_200,
            Self::UnreadAnswers => 60,
            // Each must fill the buffers of the system, some megabytes.
            Self::UnreadUrls => 4,
        }
    }

    /// What comes first, and what comes after it, byte by byte and for ever.
    fn sent(self, authorization: &str) -> (String, &'static str) {
        let head = "GET /v1/downloadUrl?bucket=media&key=x HTTP/1.1\r\nhost: broker\r\nx-slow: ";
        let body = |authorization: &str, length: &str| {
            let lines = [authorization, "content-type: application/json", length];
            super::request("POST", "/v1/downloadUrl", &lines, "")
        };
        match self {
            Self::Heads => ("G".to_owned(), &head[1..]),
            Self::LateHeads => (get("/openapi.json", &[]), head),
            Self::Bodies => (body(authorization, "content-length: 60000"), " "),
            Self::Chunks => (body(authorization, "transfer-encoding: chunked"), "1\r\n \r\n"),
            Self::RejectedBodies => (body("authorization: Bearer other", "content-length: 60000"), " "),
            Self::Idle => (get("/openapi.json", &[]), ""),
            Self::UnreadAnswers => (get("/openapi.json", &[]).repeat(400), ""),
            Self::UnreadUrls => (post("/v1/downloadUrl", &[authorization], super::DOWNLOAD_JSON).repeat(100), ""),
        }
    }

    const fn reads(self) -> bool {
        !matches!(self, Self::UnreadAnswers | Self::UnreadUrls)
    }

    /// Makes a connection, and returns when the broker has ended it.
    async fn connect_and_stay(self, address: SocketAddr, authorization: &str) {
        let (first, slow) = self.sent(authorization);
        if !self.reads() {
            return send_without_reading(address, &first).await;
        }
        let Ok(stream) = TcpStream::connect(address).await else { return };
        let (mut read, mut write) = stream.into_split();
        let sending = async {
            if write.write_all(first.as_bytes()).await.is_err() {
                return;
            }
            // The last byte is repeated.
            for byte in slow.bytes().chain(std::iter::repeat_n(b'y', usize::from(slow.len() > 10) * 10_000)) {
                time::sleep(STEP).await;
                if write.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
            if self == Self::Chunks || slow == " " {
                while write.write_all(slow.as_bytes()).await.is_ok() {
                    time::sleep(STEP).await;
                }
            }
        };
        let reading = async {
            let mut bytes = [0; 4_096];
            while read.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
        };
        // The connection is open until the broker closes it.
        tokio::join!(sending, reading);
    }
}

async fn send_without_reading(address: SocketAddr, requests: &str) {
    let stream = connect_from(Ipv4Addr::UNSPECIFIED, address, Some(2_048)).await;
    let (_unread, mut write) = stream.into_split();
    // At the end of the limit for deliveries, the connection is reset, and a write fails.
    while write.write_all(requests.as_bytes()).await.is_ok() {}
}

/// Keeps connections of one form open for a time, and waits until the broker has ended all of them.
async fn attack(target: &Target, form: Form, lasts: Duration) {
    let authorization: Arc<str> = format!("authorization: {}", target.authorization("attacker")).into();
    let (address, until) = (target.plain, Instant::now() + lasts);
    let mut attackers = JoinSet::new();
    for _ in 0..form.connections() {
        let authorization = Arc::clone(&authorization);
        attackers.spawn(async move {
            loop {
                form.connect_and_stay(address, &authorization).await;
                if Instant::now() >= until {
                    break;
                }
                // A new one is cheap, but this is no flood of connections.
                time::sleep(STEP).await;
            }
        });
        // As the backlog of a listener permits.
        time::sleep(Duration::from_millis(1)).await;
    }
    let ended = async { while attackers.join_next().await.transpose().unwrap().is_some() {} };
    time::timeout(lasts + PATIENCE, ended).await.unwrap_or_else(|_| panic!("{form:?}: connections stay open"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_end_by_limits_and_good_callers_are_answered() {
    let seconds = env::var("ACCESS_BROKER_SLOW_FORMS_SECONDS").map_or(SHORT, |seconds| seconds.parse().unwrap());
    let share = Duration::from_secs(seconds) / (u32::try_from(Form::ALL.len()).unwrap() + 1);
    let target = Target::start(LIMITS).await;
    let good = GoodCallers::start(&target).await;
    time::sleep(share.max(Duration::from_secs(1))).await;
    let calm = good.take_waits();
    let mut table = format!("{:<16} {calm}\n", "calm");
    for form in Form::ALL {
        attack(&target, form, share).await;
        good.answered_again(5).await;
        let waits: Waits = good.take_waits();
        let ratio = waits.p99().as_secs_f64() / calm.p99().as_secs_f64();
        writeln!(table, "{:<16} {waits}, {ratio:.1} times calm", format!("{form:?}")).unwrap();
        // One is kept; the other one is new for each call.
        target.until_connections_are_at_most(2).await;
    }
    let calls = good.stop().await;
    let peak = target.peak_kib();
    println!("{table}{calls} good calls, all answered; {peak} KiB at the peak");
    target.until_no_call_is_open().await;
    assert!(peak <= MOST_KIB, "{peak} KiB at the peak");
    target.finish();
}
