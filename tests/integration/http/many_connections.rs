//! Idle connections, as many as the limits allow.

use std::fs;

use super::good_caller::{Connection, GoodCaller};
use super::{DOWNLOAD, get};
use crate::support::attacks::target::Target;
use crate::support::http1::Http1Client;

/// Connections of one test. Each needs an open file in this process, which other tests share.
const MOST: usize = 400;

/// The open files that other tests may need.
const FILES_IN_USE: usize = 400;

/// The allowed memory of one idle connection, in KiB: several times what it uses.
const KIB_PER_CONNECTION: u64 = 64;

/// The allowed growth of the memory by anything else, in KiB.
const OTHER_KIB: u64 = 16 * 1_024;

/// The number of connections that the limit for open files permits.
fn most() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let files: usize = limit.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX);
    MOST.min(files.saturating_sub(FILES_IN_USE))
}

/// Opens connections and sends this on each. The server may have closed some of them.
async fn open(target: &Target, connections: usize, request: &str) -> Vec<Http1Client> {
    let mut clients = Vec::new();
    for _ in 0..connections {
        let mut client = Http1Client::connect(target.plain).await;
        if !request.is_empty() {
            assert_eq!(client.ask(request).await.status, 200);
        }
        clients.push(client);
    }
    clients
}

fn request(target: &Target) -> String {
    get(DOWNLOAD, &[&format!("authorization: {}", target.authorization("idle"))])
}

#[tokio::test]
async fn idle_connections_take_bounded_memory_and_end_by_their_limit() {
    let target = Target::start("connection_idle = \"2s\"").await;
    let mut kept = GoodCaller::start(&target, Connection::Kept).await;
    let mut newcomer = GoodCaller::start(&target, Connection::New).await;
    let before = target.resident_kib();
    let idle = open(&target, most(), &request(&target)).await;
    kept.answered_again(5).await;
    newcomer.answered_again(5).await;
    let allowed = before + idle.len() as u64 * KIB_PER_CONNECTION + OTHER_KIB;
    let peak = target.peak_kib();
    assert!(peak < allowed, "{peak} KiB with {} connections, {before} KiB before", idle.len());
    for mut client in idle {
        assert!(client.answer().await.is_none());
    }
    kept.answered_again(5).await;
    kept.stop().await;
    newcomer.stop().await;
    target.until_no_call_is_open().await;
    target.until_connections_are(0).await;
    target.finish();
}

/// A connection without an authenticated caller, and one of a caller with many, give way.
#[tokio::test]
async fn idle_connections_give_way_to_callers() {
    const LIMIT: usize = 50;
    for (limit, is_authenticated) in
        [("max_unproven_connections", false), ("max_connections", false), ("max_connections", true)]
    {
        let target = Target::start(&format!("{limit} = {LIMIT}")).await;
        let request = if is_authenticated { request(&target) } else { String::new() };
        let mut idle = open(&target, LIMIT, &request).await;
        let mut newcomer = GoodCaller::start(&target, Connection::New).await;
        let mut kept = GoodCaller::start(&target, Connection::Kept).await;
        newcomer.answered_again(10).await;
        kept.answered_again(10).await;
        newcomer.stop().await;
        kept.stop().await;
        let mut closed = 0;
        for client in &mut idle {
            closed += u32::from(client.is_closed().await);
        }
        assert!(closed > 0, "{limit} {is_authenticated}: a connection gave way");
        drop(idle);
        target.until_connections_are(0).await;
        target.finish();
    }
}
