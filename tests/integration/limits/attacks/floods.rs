//! Cheap frames, very many of them.

use super::good_caller::{Connection, GoodCaller};
use crate::support::attacks::call::{Call, Kind};
use crate::support::attacks::peer::{Peer, Taking, WINDOW_UPDATE};
use crate::support::attacks::target::Target;
use crate::support::raw::{DATA, PING, SETTINGS, frame};

const PRIORITY: u8 = 2;

/// How often each frame is sent, by each of a few peers.
const FRAMES: usize = 400_000;
const PEERS: usize = 2;

/// Sends a frame again and again, to a connection with one open stream. A good caller is answered all the time.
async fn flood(unit: Vec<u8>) {
    let target = Target::start("").await;
    let good = GoodCaller::start(&target, Connection::Kept).await;
    let burst = unit.repeat(1_000);
    let call = Call::without_message(Kind::WithToken, &target.authorization("attacker"));
    let mut flooding = tokio::task::JoinSet::new();
    for _ in 0..PEERS {
        let (mut peer, call, burst) = (Peer::connect(target.plain, Taking::NoData).await, call.clone(), burst.clone());
        peer.open(&call, 1).await.unwrap();
        flooding.spawn(async move {
            for _ in 0..FRAMES / 1_000 {
                // The server may end it, or leave it waiting.
                if peer.send(&burst).await.is_err() {
                    break;
                }
            }
        });
    }
    good.answered_again(20).await;
    flooding.join_all().await;
    good.answered_again(20).await;
    good.stop().await;
    target.until_no_call_is_open().await;
    target.finish();
}

macro_rules! floods {
    ($($test:ident: $unit:expr;)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            flood($unit).await;
        }
    )* };
}

floods! {
    pings_keep_no_caller_waiting: frame(PING, 0, 0, &[7; 8]);
    settings_keep_no_caller_waiting: frame(SETTINGS, 0, 0, &[]);
    // Depends on stream 3, with the weight 15.
    priorities_keep_no_caller_waiting: frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 15]);
    windows_keep_no_caller_waiting: frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes());
    empty_data_keeps_no_caller_waiting: frame(DATA, 0, 1, &[]);
}
