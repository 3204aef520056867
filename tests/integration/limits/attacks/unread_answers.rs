//! Peers that ask and do not take the answers: by a window of HTTP/2 that stays closed, by one that opens a byte at a
//! time, and by TCP that is never read.

use std::time::Duration;

use tokio::time::{self, Instant};

use super::good_caller::{Connection, GoodCaller};
use crate::support::PATIENCE;
use crate::support::attacks::call::{Call, Kind};
use crate::support::attacks::peer::{Peer, Taking};
use crate::support::attacks::target::Target;

/// The least that there is. Without it a stream stays until its connection is old, which takes minutes.
const LIMITS: &str = "delivery_timeout = \"2s\"";

/// Streams of each kind, each on a connection of its own.
const STREAMS: usize = 8;

/// Holds streams of every kind, and lets their peers do something once a second until all have ended.
async fn hold_all_kinds(taking: Taking, once_a_second: impl AsyncFn(&Peer)) {
    let target = Target::start(LIMITS).await;
    let good = GoodCaller::start(&target, Connection::Kept).await;
    let mut peers = Vec::new();
    for kind in Kind::ALL {
        let mut peer = Peer::connect(target.plain, taking).await;
        peer.open(&Call::whole(kind, &target.authorization("attacker")), STREAMS).await.unwrap();
        peers.push((kind, peer));
    }
    let begun = Instant::now();
    loop {
        let open: Vec<_> = peers.iter().filter(|(_, peer)| !peer.open_streams().is_empty()).collect();
        if open.is_empty() {
            break;
        }
        let kinds: Vec<Kind> = open.iter().map(|(kind, _)| *kind).collect();
        assert!(begun.elapsed() < PATIENCE, "streams are still open: {kinds:?}");
        for (_, peer) in open {
            once_a_second(peer).await;
        }
        time::sleep(Duration::from_secs(1)).await;
    }
    good.answered_again(5).await;
    good.stop().await;
    target.until_no_call_is_open().await;
    target.finish();
}

#[tokio::test]
async fn an_answer_that_a_client_leaves_no_window_for_is_reset() {
    hold_all_kinds(Taking::NoData, async |_| ()).await;
}

#[tokio::test]
async fn an_answer_that_a_client_takes_byte_by_byte_is_reset() {
    // A connection that was closed in the meantime is what this is about.
    hold_all_kinds(Taking::NoData, async |peer| drop(peer.open_windows(1).await)).await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_loses_its_connection() {
    /// Their answers are some 6 MiB, which is more than all buffers on the way hold.
    const FILLING: (usize, usize) = (8, 32);
    let target = Target::start(LIMITS).await;
    let good = GoodCaller::start(&target, Connection::Kept).await;
    let mut peers = Vec::new();
    for kind in Kind::ALL {
        let mut peer = Peer::connect(target.plain, Taking::NoBytes).await;
        let (streams, requests) = FILLING;
        peer.open(&Call::repeated(Kind::Reflection, &target.authorization("attacker"), requests), streams)
            .await
            .unwrap();
        peer.open(&Call::whole(kind, &target.authorization("attacker")), STREAMS).await.unwrap();
        peers.push(peer);
    }
    // Only the good caller's is left.
    target.until_connections_are(1).await;
    good.answered_again(5).await;
    good.stop().await;
    target.until_no_call_is_open().await;
    drop(peers);
    target.finish();
}
