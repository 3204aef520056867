//! TLS peers that begin a handshake, or not even that, and say no more.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::attacks::target::Target;
use crate::support::pki::client_hello;

/// More than there are places for handshakes.
const PEERS: usize = 300;

/// A good client must not wait for them: their time is longer than a test's patience.
const LIMITS: &str = "handshake_timeout = \"5m\"";

/// Whatever `said` is, of a whole `ClientHello`.
async fn silent_peers(said: impl Fn(&[u8]) -> &[u8]) {
    let target = Target::start(LIMITS).await;
    let hello = client_hello(target.authority());
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        let mut peer = TcpStream::connect(target.tls).await.unwrap();
        peer.write_all(said(&hello)).await.unwrap();
        peers.push(peer);
    }
    for _ in 0..3 {
        target.assert_serves_by_tls().await;
    }
    drop(peers);
    target.assert_serves_by_tls().await;
    target.finish();
}

#[tokio::test]
async fn tls_peers_that_say_nothing_keep_no_client_waiting() {
    silent_peers(|_| &[]).await;
}

#[tokio::test]
async fn tls_peers_that_stop_within_their_first_message_keep_no_client_waiting() {
    silent_peers(|hello| &hello[..hello.len() - 1]).await;
}

#[tokio::test]
async fn tls_peers_that_stop_after_their_first_message_keep_no_client_waiting() {
    silent_peers(|hello| hello).await;
}
