//! Messages that are too large, or never end.

use access_broker::grpc::SERVICE_NAME;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use super::good_caller::{Connection, GoodCaller};
use crate::support::attacks::call::{Call, Kind};
use crate::support::attacks::peer::{End, Peer, Taking};
use crate::support::attacks::target::Target;
use crate::support::{PATIENCE, error_info, eventually, tcp_channel};

#[tokio::test]
async fn a_message_of_ten_megabytes_is_refused_before_it_has_come() {
    let target = Target::start("message_timeout = \"1m\"\ncall_timeout = \"1m\"").await;
    for kind in Kind::ALL {
        let mut peer = Peer::connect(target.plain, Taking::Everything).await;
        peer.open(&Call::half_sent(kind, &target.authorization("attacker"), 10_000_000, 1_000), 4).await.unwrap();
        eventually(&format!("the end of {kind:?}"), PATIENCE, async || peer.open_streams().is_empty()).await;
        assert_eq!(peer.ends(), [End::Answered; 4], "{kind:?}");
    }
    let whole = target.client("good").await.download("media", &"x".repeat(10_000_000)).await.unwrap_err();
    assert_eq!((whole.code(), error_info(&whole).reason.as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    target.until_no_call_is_open().await;
    target.finish();
}

#[tokio::test]
async fn health_and_reflection_take_small_messages_only() {
    let target = Target::start("").await;
    let channel = tcp_channel(target.plain).await;
    let mut health = HealthClient::new(channel.clone());
    let mut reflection = ServerReflectionClient::new(channel);
    let mut ask = async |name: String| {
        let request = HealthCheckRequest { service: name.clone() };
        let checked = health.check(request.clone()).await.map(drop);
        let watched = match health.watch(request).await {
            Ok(stream) => stream.into_inner().message().await.map(drop),
            Err(status) => Err(status),
        };
        let symbol = Some(MessageRequest::FileContainingSymbol(name));
        let request = ServerReflectionRequest { message_request: symbol, ..Default::default() };
        let reflected = match reflection.server_reflection_info(tokio_stream::once(request)).await {
            // A stream may also end without a word.
            Ok(stream) => stream.into_inner().message().await.is_ok_and(|answer| answer.is_some()),
            Err(_) => false,
        };
        (checked.map_err(|status| status.code()), watched.map_err(|status| status.code()), reflected)
    };
    assert_eq!(ask(SERVICE_NAME.to_owned()).await, (Ok(()), Ok(()), true));
    let too_large = Err(Code::ResourceExhausted);
    assert_eq!(ask("x".repeat(5 * 1_024)).await, (too_large, too_large, false));
    target.finish();
}

/// Messages that stop before their ends, several times what `request_memory` holds, and whose time is not over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_messages_keep_no_caller_waiting() {
    /// What each of them sends, of how much it announces.
    const SENT: usize = 60_000;
    const ANNOUNCED: u32 = 65_000;
    /// For each kind of call. The window of a connection permits four messages at least.
    const PEERS: usize = 40;
    let target = Target::start("request_memory = \"4MiB\"\nmessage_timeout = \"1m\"\ncall_timeout = \"1m\"").await;
    let good = GoodCaller::start(&target, Connection::Kept).await;
    let newcomer = GoodCaller::start(&target, Connection::New).await;
    let mut peers = Vec::new();
    for kind in [Kind::WithToken, Kind::WithoutToken] {
        let call = Call::half_sent(kind, &target.authorization("attacker"), ANNOUNCED, SENT);
        for _ in 0..PEERS {
            let peer = Peer::connect(target.plain, Taking::Everything).await;
            peers.push((call.clone(), peer));
        }
    }
    for _ in 0..8 {
        for (call, peer) in &mut peers {
            let _sent = peer.open(call, 4).await;
        }
        good.answered_again(5).await;
        newcomer.answered_again(5).await;
    }
    good.stop().await;
    newcomer.stop().await;
    drop(peers);
    target.until_no_call_is_open().await;
    target.finish();
}
