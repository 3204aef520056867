//! Clients that mean harm. After each of them an ordinary call on a new connection is answered, and nothing is left.

use std::fs;
use std::net::SocketAddr;

use super::broker::{Broker, authorization};
use super::raw::{
    CONTINUATION, DATA, DOWNLOAD, END_HEADERS, ENHANCE_YOUR_CALM, HEADERS, PING, PREFACE, RST_STREAM, RawClient,
    SETTINGS, frame, header_block,
};
use crate::serve_process::{configured, issuer, serving_at};
use crate::support::{Client, PATIENCE, Process, VARIABLES, eventually};

/// How often the cheap frames are sent.
const FLOOD: usize = 50_000;

/// Opens calls and resets each at once (CVE-2023-44487). The server must end it.
pub(crate) async fn rapid_reset(address: SocketAddr) {
    let mut client = RawClient::greet(address).await;
    let block = header_block(DOWNLOAD, &[]);
    let mut burst = Vec::new();
    for stream in (1..4_000).step_by(2) {
        burst.extend(frame(HEADERS, END_HEADERS, stream, &block));
        burst.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    // The server may close before it has taken all.
    let _sent = client.send(&burst).await;
    assert_calmed(client).await;
}

/// A header block without an end (CVE-2024-27316). The server must end it.
pub(crate) async fn continuation_flood(address: SocketAddr) {
    let mut client = RawClient::greet(address).await;
    client.send(&frame(HEADERS, 0, 1, &header_block(DOWNLOAD, &[]))).await.unwrap();
    let field = header_block("/x", &[("x-filler", &"y".repeat(1_000))]);
    for _ in 0..2_000 {
        if client.send(&frame(CONTINUATION, 0, 1, &field)).await.is_err() {
            break;
        }
    }
    client.frames_to_the_end().await;
}

/// Frames that each want an answer, from a client that reads none. Whether the server ends it or no longer reads either
/// is the server's choice.
async fn flood(address: SocketAddr, wanting_an_answer: &[u8]) {
    let mut client = RawClient::greet(address).await;
    for _ in 0..FLOOD / 1_000 {
        if client.send(&wanting_an_answer.repeat(1_000)).await.is_err() {
            break;
        }
    }
}

pub(crate) async fn settings_flood(address: SocketAddr) {
    flood(address, &frame(SETTINGS, 0, 0, &[])).await;
}

pub(crate) async fn ping_flood(address: SocketAddr) {
    flood(address, &frame(PING, 0, 0, &[7; 8])).await;
}

/// DATA frames without data.
async fn empty_data_flood(address: SocketAddr) {
    let mut client = RawClient::greet(address).await;
    client.send(&frame(HEADERS, END_HEADERS, 1, &header_block(DOWNLOAD, &[]))).await.unwrap();
    let empty = frame(DATA, 0, 1, &[]).repeat(1_000);
    for _ in 0..FLOOD / 1_000 {
        if client.send(&empty).await.is_err() {
            break;
        }
    }
}

/// Clients that stop in the middle of their preface.
async fn half_prefaces(address: SocketAddr) {
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = RawClient::connect(address).await;
        client.send(&PREFACE[..10]).await.unwrap();
        clients.push(client);
    }
}

/// What is no HTTP/2 at all.
async fn nonsense(address: SocketAddr) {
    let mut client = RawClient::connect(address).await;
    let _sent = client.send(b"GET / HTTP/1.1\r\nhost: broker\r\n\r\n").await;
    client.frames_to_the_end().await;
}

async fn assert_calmed(mut client: RawClient) {
    let frames = client.frames_to_the_end().await;
    let codes: Vec<u32> = frames.iter().filter_map(super::raw::Frame::goaway_code).collect();
    // A reset of the connection may overtake the frame that says why.
    assert!(codes.is_empty() || codes.contains(&ENHANCE_YOUR_CALM), "{codes:?}");
}

macro_rules! survives {
    ($($test:ident: $abuse:ident;)*) => { $(
        #[tokio::test]
        async fn $test() {
            let broker = Broker::start(|_| ()).await;
            for _ in 0..3 {
                $abuse(broker.address()).await;
                broker.assert_serves().await;
            }
            broker.wait_for_open(0).await;
            let counters = broker.counters();
            assert_eq!((counters.calls.panics.get(), counters.accept_errors.get()), (0, 0));
        }
    )* };
}

survives! {
    a_rapid_reset_does_no_harm: rapid_reset;
    a_flood_of_continuations_does_no_harm: continuation_flood;
    a_flood_of_settings_does_no_harm: settings_flood;
    a_flood_of_pings_does_no_harm: ping_flood;
    a_flood_of_empty_data_does_no_harm: empty_data_flood;
    half_a_preface_does_no_harm: half_prefaces;
    what_is_no_http_2_does_no_harm: nonsense;
}

/// A line of `/proc/PID/status`, in KiB.
fn resident_kib(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn open_files(process: &Process) -> usize {
    fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count()
}

#[tokio::test]
async fn no_abuse_leaves_memory_or_files_behind() {
    /// What an allocator may keep for the next time.
    const SLACK_KIB: u64 = 24 * 1_024;
    let issuer = issuer().await;
    let mut process = Process::start(
        &["serve", "--config", "broker.toml"],
        configured(super::broker::ISSUER, issuer.jwks()),
        &VARIABLES,
    );
    let address: SocketAddr = serving_at(&mut process).parse().unwrap();
    let call = async || Client::connect(address, &[&authorization(&issuer)]).await.download("media", "x").await;
    call().await.unwrap();
    let (memory, files) = (resident_kib(&process), open_files(&process));
    for _ in 0..2 {
        rapid_reset(address).await;
        continuation_flood(address).await;
        settings_flood(address).await;
        ping_flood(address).await;
        empty_data_flood(address).await;
        half_prefaces(address).await;
        call().await.unwrap();
    }
    eventually("as many files as before", PATIENCE, async || open_files(&process) <= files).await;
    let grown = resident_kib(&process).saturating_sub(memory);
    assert!(grown < SLACK_KIB, "{grown} KiB more than the {memory} KiB before");
}
