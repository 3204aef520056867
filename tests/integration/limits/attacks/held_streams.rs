//! As many open streams as a peer can have, each with an answer that it does not take.

use std::time::Duration;

use super::good_caller::{Connection, GoodCaller};
use crate::support::attacks::call::{Call, Kind};
use crate::support::attacks::peer::{Peer, Taking};
use crate::support::attacks::target::Target;
use crate::support::eventually;

const CONNECTIONS: usize = 100;
const STREAMS: usize = 256;

/// What all of it may cost.
const MOST_KIB: u64 = 256 * 1_024;

/// How long the memory may take to come back, and to how many quarters of what it was.
const COME_BACK: Duration = Duration::from_mins(1);
const QUARTERS: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_held_open_cost_little_memory_which_comes_back() {
    let target = Target::start("").await;
    let good = GoodCaller::start(&target, Connection::Kept).await;
    good.answered_again(50).await;
    let before = target.resident_kib();

    // These have the largest answers, those stay open by themselves.
    for kind in [Kind::Reflection, Kind::Watch] {
        let call = Call::whole(kind, &target.authorization("attacker"));
        let mut peers = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut peer = Peer::connect(target.plain, Taking::NoData).await;
            // The server may close the connection before it has taken all.
            let _sent = peer.open(&call, STREAMS).await;
            peers.push(peer);
        }
        good.answered_again(50).await;
    }
    let peak = target.peak_kib();
    assert!(peak <= MOST_KIB, "{peak} KiB at the peak, {before} KiB before");
    good.answered_again(5).await;
    good.stop().await;

    let memory = format!("memory near the {before} KiB before the attack, which took {peak} KiB");
    eventually(&memory, COME_BACK, async || {
        let now = target.resident_kib();
        (now * 4 <= before * QUARTERS).then_some(()).ok_or(now)
    })
    .await;
    target.until_no_call_is_open().await;
    target.finish();
}
