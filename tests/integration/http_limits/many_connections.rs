//! Idle connections, as many as the limits allow.

use std::fs;

use super::client::{Http1Client, get};
use super::good_caller::{Connection, GoodCaller};
use crate::support::attacks::target::Target;

/// Connections of one test. Each needs an open file in this process, which other tests share.
const MOST: usize = 1_000;

/// The open files that all else may need.
const FILES_IN_USE: usize = 400;

/// What one idle connection may take, in KiB: several times what it takes.
const KIB_PER_CONNECTION: u64 = 64;

/// What else may be added to the memory of the process meanwhile, in KiB.
const OTHER_KIB: u64 = 16 * 1_024;

/// How many connections the limit for open files leaves room for.
pub(super) fn most() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let files: usize = limit.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX);
    MOST.min(files.saturating_sub(FILES_IN_USE))
}

/// Opens connections and sends this on each. The server may have closed some of them.
async fn open(target: &Target, connections: usize, request: &[u8]) -> Vec<Http1Client> {
    let mut clients = Vec::new();
    for _ in 0..connections {
        let mut client = Http1Client::connect(target.plain).await.unwrap();
        if !request.is_empty() {
            client.send(request).await.unwrap();
            assert_eq!(client.answer().await.unwrap().status, 200);
        }
        clients.push(client);
    }
    clients
}

#[tokio::test]
async fn idle_connections_take_bounded_memory_and_end_by_their_limit() {
    let target = Target::start("connection_idle = \"5s\"").await;
    let mut kept = GoodCaller::start(&target, Connection::Kept).await;
    let mut newcomer = GoodCaller::start(&target, Connection::New).await;
    let before = target.resident_kib();
    let mut idle = open(&target, most(), &get(&target.authorization("idle"))).await;
    kept.answered_again(5).await;
    newcomer.answered_again(5).await;
    let allowed = before + idle.len() as u64 * KIB_PER_CONNECTION + OTHER_KIB;
    let peak = target.peak_kib();
    assert!(peak < allowed, "{peak} KiB with {} connections, {before} KiB before", idle.len());
    for client in &mut idle {
        client.closed().await;
    }
    kept.answered_again(5).await;
    kept.stop().await;
    newcomer.stop().await;
    target.until_no_call_is_open().await;
    drop(idle);
    target.until_connections_are(0).await;
    target.finish();
}

/// A connection without an authenticated caller, and one of a caller with many, give way.
#[tokio::test]
async fn idle_connections_give_way_to_callers() {
    const LIMIT: usize = 100;
    for (limit, is_authenticated) in
        [("max_unproven_connections", false), ("max_connections", false), ("max_connections", true)]
    {
        let target = Target::start(&format!("{limit} = {LIMIT}")).await;
        let request = if is_authenticated { get(&target.authorization("idle")) } else { Vec::new() };
        let mut idle = open(&target, LIMIT, &request).await;
        let mut newcomer = GoodCaller::start(&target, Connection::New).await;
        let mut kept = GoodCaller::start(&target, Connection::Kept).await;
        newcomer.answered_again(20).await;
        kept.answered_again(20).await;
        newcomer.stop().await;
        kept.stop().await;
        let closed = idle.iter_mut().map(Http1Client::is_closed).filter(|closed| *closed).count();
        assert!(closed > 0, "{limit} {is_authenticated}: a connection gave way");
        drop(idle);
        target.until_connections_are(0).await;
        target.finish();
    }
}
