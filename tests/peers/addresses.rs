//! What one address can take that is neither loopback nor a proxy's.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{self};

use crate::registry::{Registry, register};
use crate::support::attacks::call::{Call, Kind};
use crate::support::attacks::peer::{End, Peer, Taking, connect_from};
use crate::support::attacks::target::Target;
use crate::support::own_network::{ANOTHER, BROKER, ONE};
use crate::support::pki::client_hello;
use crate::support::{PATIENCE, eventually};

pub(crate) fn register(registry: &mut Registry<'_>) {
    register!(
        registry,
        [OwnNetwork],
        an_address_has_so_many_connections_and_no_more,
        a_trusted_proxy_has_as_many_connections_as_it_needs,
        an_address_has_so_many_handshakes_and_no_more,
        a_connection_has_so_many_streams_without_a_proof_and_no_more
    );
}

const LIMIT: usize = 4;

/// A new peer from an address.
async fn peer(target: &Target, from: Ipv4Addr) -> Peer {
    Peer::connect_from(from, target.plain, Taking::Everything).await
}

/// Makes a call on a new connection, and tells whether it was answered: it was not when the connection was closed.
async fn is_served(target: &Target, from: Ipv4Addr) -> bool {
    let mut peer = peer(target, from).await;
    let call = Call::whole(Kind::WithToken, &target.authorization("good"));
    let _may_be_closed = peer.open(&call, 1).await;
    eventually("an answer or the end", PATIENCE, async || peer.is_closed() || !peer.ends().is_empty()).await;
    peer.ends() == [End::Answered]
}

/// Sends the beginning of a TLS handshake, and tells whether the server goes on with it.
async fn is_greeted_by_tls(target: &Target, from: Ipv4Addr) -> bool {
    let mut stream = connect_from(from, target.tls, None).await;
    let _may_be_closed = stream.write_all(&client_hello(target.authority())).await;
    let read = time::timeout(PATIENCE, stream.read(&mut [0; 16])).await;
    read.expect("an answer or the end").is_ok_and(|length| length > 0)
}

async fn an_address_has_so_many_connections_and_no_more() {
    let target = Target::listening_on(BROKER, &format!("max_connections_per_address = {LIMIT}")).await;
    let mut held = Vec::new();
    for _ in 0..LIMIT {
        held.push(peer(&target, ONE).await);
    }
    target.until_connections_are(LIMIT).await;
    assert!(!is_served(&target, ONE).await);
    assert!(is_served(&target, ANOTHER).await);
    assert!(held.iter().all(|peer| !peer.is_closed()));
    drop(held);
    target.until_connections_are(0).await;
    assert!(is_served(&target, ONE).await);
    target.finish();
}

async fn a_trusted_proxy_has_as_many_connections_as_it_needs() {
    let limits = format!("max_connections_per_address = {LIMIT}\ntrusted_proxies = [\"192.0.2.8/30\"]");
    let target = Target::listening_on(BROKER, &limits).await;
    let mut held = Vec::new();
    for from in [ONE, ANOTHER] {
        for _ in 0..2 * LIMIT {
            held.push(peer(&target, from).await);
        }
        assert!(is_served(&target, from).await);
    }
    assert!(held.iter().all(|peer| !peer.is_closed()));
    target.finish();
}

async fn an_address_has_so_many_handshakes_and_no_more() {
    let limits = format!("max_handshakes_per_address = {LIMIT}\nhandshake_timeout = \"5m\"");
    let target = Target::listening_on(BROKER, &limits).await;
    let mut silent: Vec<TcpStream> = Vec::new();
    for _ in 0..2 * LIMIT {
        silent.push(connect_from(ONE, target.tls, None).await);
    }
    assert!(is_greeted_by_tls(&target, ANOTHER).await);
    // Half of the silent ones were closed, and the others hold all that their address may have.
    assert!(!is_greeted_by_tls(&target, ONE).await);
    drop(silent);
    target.until_connections_are(0).await;
    assert!(is_greeted_by_tls(&target, ONE).await);
    target.finish();
}

async fn a_connection_has_so_many_streams_without_a_proof_and_no_more() {
    let limits = format!("max_unproven_streams_per_connection = {LIMIT}");
    let target = Target::listening_on(BROKER, &limits).await;
    let mut watching = peer(&target, ONE).await;
    let watch = Call::whole(Kind::Watch, "");
    watching.open(&watch, 2 * LIMIT).await.unwrap();
    eventually("the surplus ended", PATIENCE, async || watching.ends().len() == LIMIT).await;
    // Those with a proof do not count.
    let authorization = target.authorization("good");
    watching.open(&Call::whole(Kind::WithToken, &authorization), LIMIT).await.unwrap();
    eventually("calls answered", PATIENCE, async || watching.ends().len() == 2 * LIMIT).await;
    assert!(!watching.is_closed());
    // Nor do the streams of another connection.
    let mut another = peer(&target, ONE).await;
    another.open(&Call::whole(Kind::Check, ""), 1).await.unwrap();
    eventually("an answer", PATIENCE, async || another.ends() == [End::Answered]).await;
    target.finish();
}
