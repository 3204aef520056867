//! Connections that do nothing, as many as there may be, all from one address of loopback.

use super::good_caller::{Connection, GoodCaller};
use crate::support::attacks::call::{Call, Kind};
use crate::support::attacks::peer::{Peer, Taking};
use crate::support::attacks::target::Target;
use crate::support::raw::{PREFACE, RawClient, SETTINGS, frame};

const MOST: usize = 32;

/// Connections that have their places before a good caller comes, and new ones while it calls.
async fn good_callers_get_in<P>(limits: &str, attacker: impl AsyncFn(&Target) -> P) {
    let target = Target::start(limits).await;
    let mut attackers = Vec::new();
    for _ in 0..MOST {
        attackers.push(attacker(&target).await);
    }
    let newcomer = GoodCaller::start(&target, Connection::New).await;
    let kept = GoodCaller::start(&target, Connection::Kept).await;
    // Not faster than a caller can make its first call: the last one to come is displaced last.
    for _ in 0..MOST / 4 {
        for _ in 0..4 {
            attackers.push(attacker(&target).await);
        }
        newcomer.answered_again(1).await;
    }
    newcomer.answered_again(5).await;
    kept.answered_again(5).await;
    newcomer.stop().await;
    kept.stop().await;
    target.finish();
}

fn by_unproven() -> String {
    format!("max_unproven_connections = {MOST}")
}

fn by_all() -> String {
    format!("max_connections = {MOST}")
}

async fn silent(target: &Target) -> RawClient {
    RawClient::connect(target.plain).await
}

async fn half_a_preface(target: &Target) -> RawClient {
    let mut client = RawClient::connect(target.plain).await;
    let _may_be_closed = client.send(&PREFACE[..10]).await;
    client
}

async fn greeting(target: &Target) -> RawClient {
    let mut client = RawClient::connect(target.plain).await;
    let _may_be_closed = client.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
    client
}

#[tokio::test]
async fn silent_connections_give_way_to_callers() {
    good_callers_get_in(&by_unproven(), silent).await;
    good_callers_get_in(&by_all(), silent).await;
}

#[tokio::test]
async fn connections_that_have_begun_to_speak_give_way_to_callers() {
    good_callers_get_in(&by_unproven(), half_a_preface).await;
    good_callers_get_in(&by_unproven(), greeting).await;
    good_callers_get_in(&by_all(), greeting).await;
}

/// One stream is as cheap to a peer as none.
#[tokio::test]
async fn connections_that_only_watch_health_give_way_to_callers() {
    good_callers_get_in(&by_unproven(), async |target| {
        let mut peer = Peer::connect(target.plain, Taking::Everything).await;
        let _may_be_closed = peer.open(&Call::whole(Kind::Watch, ""), 1).await;
        peer
    })
    .await;
}

/// Calls whose headers prove nothing and whose messages never come.
#[tokio::test]
async fn connections_with_calls_that_prove_nothing_give_way_to_callers() {
    good_callers_get_in(&by_unproven(), async |target| {
        let mut peer = Peer::connect(target.plain, Taking::Everything).await;
        let _may_be_closed = peer.open(&Call::without_message(Kind::Check, ""), 1).await;
        peer
    })
    .await;
}
