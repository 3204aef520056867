//! Clients that mean harm, for as long as a phase lasts.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use access_broker::contract::proto::IssueDownloadUrlRequest;
use prost::Message;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};
use tonic::Code;

use super::world::KNOWN_KEY;
use crate::support::attacks::call::{Call, Kind};
use crate::support::attacks::floods::{continuation_flood, ping_flood, rapid_reset, settings_flood};
use crate::support::attacks::peer::{Peer, Taking};
use crate::support::raw::{DATA, RawClient, SETTINGS, frame};
use crate::support::{Client, error_info, forged_token};

/// Connections of clients that are slow or stop reading.
const BAD_PEERS: usize = 100;

/// Streams that one of them may have open.
const STREAMS: usize = 256;

/// More than the broker makes handshakes with at a time.
const SILENT: usize = 300;

/// Connections of a flood.
const FLOOD: usize = 2_000;

/// The files that this process and the broker need for everything else.
const FILES_IN_USE: usize = 500;

/// Where harm can be done, and the proof of somebody who may call.
#[derive(Debug, Clone)]
pub(super) struct Targets {
    pub(super) plain: SocketAddr,
    pub(super) tls: SocketAddr,
    pub(super) authorization: String,
    /// The first message of a TLS handshake.
    pub(super) client_hello: Vec<u8>,
}

/// Does something again and again, several times at once.
async fn keep_on<F>(times: usize, until: Instant, attack: impl Fn() -> F + Clone + Send + 'static)
where
    F: Future<Output = ()> + Send,
{
    let mut attackers = JoinSet::new();
    for _ in 0..times {
        let attack = attack.clone();
        attackers.spawn(async move {
            while Instant::now() < until {
                attack().await;
            }
        });
    }
    // A check that fails in one of them ends the test.
    attackers.join_all().await;
}

/// Calls whose messages arrive byte by byte, and never in full.
pub(super) async fn slow_clients(targets: &Targets, until: Instant) {
    let Targets { plain, authorization, .. } = targets.clone();
    keep_on(BAD_PEERS, until, move || {
        let authorization = authorization.clone();
        async move {
            let mut client = RawClient::greet(plain).await;
            client.open_call(1, &authorization).await;
            for byte in frame(DATA, 0, 1, &[0; 1_000]) {
                if Instant::now() > until || client.send(&[byte]).await.is_err() {
                    return;
                }
                time::sleep(Duration::from_millis(100)).await;
            }
        }
    })
    .await;
}

/// How many connections the limit for open files leaves room for.
fn flood_size() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let files: usize = limit.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX);
    FLOOD.min(files.saturating_sub(FILES_IN_USE))
}

/// More connections than anybody needs. Every other one says nothing at all.
pub(super) async fn connection_flood(targets: &Targets, until: Instant) {
    let mut clients = Vec::new();
    for number in 0..flood_size() {
        clients.push(match number % 2 {
            0 => RawClient::connect(targets.plain).await,
            _ => RawClient::greet(targets.plain).await,
        });
    }
    time::sleep_until(until).await;
}

/// Messages and metadata that are too large.
pub(super) async fn oversized_calls(targets: &Targets, until: Instant) {
    let Targets { plain, authorization, .. } = targets.clone();
    keep_on(2, until, move || {
        let authorization = authorization.clone();
        async move {
            let large = "x".repeat(100_000);
            let client = Client::connect(plain, &[&authorization]).await;
            let refused = client.download("media", &large).await.unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted, "{}", refused.message());
            assert_eq!(error_info(&refused).reason, "MESSAGE_TOO_LARGE");
            let metadata = [("authorization", authorization.as_bytes()), ("x-large", large.as_bytes())];
            let with_metadata = client.with_metadata(metadata);
            assert!(with_metadata.download("media", KNOWN_KEY).await.is_err());
        }
    })
    .await;
}

pub(super) async fn rapid_resets(targets: &Targets, until: Instant) {
    let address = targets.plain;
    keep_on(2, until, move || rapid_reset(address)).await;
}

pub(super) async fn continuation_floods(targets: &Targets, until: Instant) {
    let address = targets.plain;
    keep_on(2, until, move || continuation_flood(address)).await;
}

pub(super) async fn settings_floods(targets: &Targets, until: Instant) {
    let address = targets.plain;
    keep_on(2, until, move || settings_flood(address)).await;
}

/// Clients that hang up within the handshake: before it, in the middle of their first message, or with rubbish.
pub(super) async fn aborted_handshakes(targets: &Targets, until: Instant) {
    let address = targets.tls;
    keep_on(10, until, move || async move {
        for begun in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/1.1\r\n\r\n"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun).await.unwrap();
            time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// Clients that ask, permit no answer to be sent, and read nothing, not even a ping. All their calls together are fewer
/// than the broker serves at a time: what is tried here is whether those that wait for their clients hold others up.
pub(super) async fn half_open_peers(targets: &Targets, until: Instant) {
    let message = IssueDownloadUrlRequest { key: KNOWN_KEY.to_owned(), ..Default::default() }.encode_to_vec();
    // A gRPC message: not compressed, its length, itself.
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let message = [&[0][..], &length, &message].concat();
    let Targets { plain, authorization, .. } = targets.clone();
    keep_on(BAD_PEERS, until, move || {
        let (authorization, message) = (authorization.clone(), message.clone());
        async move {
            let mut client = RawClient::greet(plain).await;
            // SETTINGS_INITIAL_WINDOW_SIZE is 4.
            client.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])).await.unwrap();
            for stream in (1..16).step_by(2) {
                client.open_call(stream, &authorization).await;
                client.send(&frame(DATA, 1, stream, &message)).await.unwrap();
            }
            // The broker gives up such a peer after 10 seconds.
            time::sleep_until(until.min(Instant::now() + Duration::from_secs(9))).await;
        }
    })
    .await;
}

/// Makes the same call on every stream that some connections may have, again wherever one has ended, and lets the peers
/// do something ten times a second.
async fn hold(
    address: SocketAddr,
    (connections, streams): (usize, usize),
    (call, taking): (Call, Taking),
    until: Instant,
    meanwhile: impl AsyncFn(&Peer),
) {
    let mut peers: Vec<Peer> = Vec::new();
    while Instant::now() < until {
        peers.retain(|peer| !peer.is_closed());
        while peers.len() < connections {
            peers.push(Peer::connect(address, taking).await);
        }
        for peer in &mut peers {
            let missing = streams.saturating_sub(peer.open_streams().len());
            // The broker may have closed it in the meantime.
            let _sent = peer.open(&call, missing).await;
            meanwhile(peer).await;
        }
        time::sleep(Duration::from_millis(100)).await;
    }
}

/// Streams of reflection and health that are never read, as many as there can be.
pub(super) async fn held_streams(targets: &Targets, until: Instant) {
    let half = |kind| {
        let call = Call::whole(kind, &targets.authorization);
        hold(targets.plain, (BAD_PEERS / 4, STREAMS), (call, Taking::NoData), until, async |_| ())
    };
    tokio::join!(half(Kind::Reflection), half(Kind::Watch));
}

/// Clients that take their answers byte by byte, and clients that never read from TCP.
pub(super) async fn unread_answers(targets: &Targets, until: Instant) {
    let call = |kind| Call::whole(kind, &targets.authorization);
    let (asking, watching) = ((call(Kind::WithToken), Taking::NoData), (call(Kind::Check), Taking::NoData));
    let deaf = (Call::repeated(Kind::Reflection, &targets.authorization, 32), Taking::NoBytes);
    let drip = async |peer: &Peer| drop(peer.open_windows(1).await);
    tokio::join!(
        hold(targets.plain, (4, 8), asking, until, drip),
        hold(targets.plain, (4, 8), watching, until, drip),
        hold(targets.plain, (8, 8), deaf, until, async |_| ()),
    );
}

/// One known caller who opens as many calls as it can and never sends their messages.
pub(super) async fn hogged_places(targets: &Targets, until: Instant) {
    let call = Call::without_message(Kind::WithToken, &targets.authorization);
    hold(targets.plain, (4, STREAMS), (call, Taking::Everything), until, async |_| ()).await;
}

/// Messages of which the end never comes.
pub(super) async fn half_messages(targets: &Targets, until: Instant) {
    let half = |kind| {
        let call = Call::half_sent(kind, &targets.authorization, 65_000, 60_000);
        hold(targets.plain, (BAD_PEERS / 4, 4), (call, Taking::Everything), until, async |_| ())
    };
    tokio::join!(half(Kind::WithToken), half(Kind::WithoutToken));
}

/// Clients that begin a TLS handshake, or not even that, and wait.
pub(super) async fn silent_handshakes(targets: &Targets, until: Instant) {
    let mut peers = Vec::new();
    for number in 0..SILENT {
        let mut peer = TcpStream::connect(targets.tls).await.unwrap();
        if number % 2 == 0 {
            peer.write_all(&targets.client_hello).await.unwrap();
        }
        peers.push(peer);
    }
    time::sleep_until(until).await;
}

pub(super) async fn ping_floods(targets: &Targets, until: Instant) {
    let address = targets.plain;
    keep_on(2, until, move || ping_flood(address)).await;
}

/// Tokens with false signatures, each another one.
pub(super) async fn forged_tokens(targets: &Targets, until: Instant) {
    let Targets { plain, authorization, .. } = targets.clone();
    keep_on(3, until, move || {
        let authorization = authorization.clone();
        async move {
            let client = Client::connect(plain, &[]).await;
            while Instant::now() < until {
                let forged = forged_token(&authorization);
                let refused = client.with_metadata([("authorization", forged.as_bytes())]);
                let refused = refused.download("media", KNOWN_KEY).await.unwrap_err();
                assert_eq!(refused.code(), Code::Unauthenticated, "{}", refused.message());
            }
        }
    })
    .await;
}
