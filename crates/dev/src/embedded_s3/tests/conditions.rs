//! Conditional uploads and deletions.

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::peer::{BUCKET, Peer, an_hour};

async fn etag_of(peer: &Peer, key: &str) -> String {
    peer.sdk.head_object().bucket(BUCKET).key(key).send().await.unwrap().e_tag.unwrap()
}

#[tokio::test]
async fn an_upload_replaces_only_what_it_expects() {
    let peer = Peer::start().await;
    let put = peer.put("swap").if_match("\"00000000000000000000000000000000\"").presigned(an_hour()).await.unwrap();
    let answer = peer.send(&put, "one").await;
    assert_eq!((answer.status, answer.code()), (404, "NoSuchKey"));

    assert_eq!(peer.send(&peer.put("swap").presigned(an_hour()).await.unwrap(), "one").await.status, 200);
    let answer = peer.send(&put, "two").await;
    assert_eq!((answer.status, answer.code()), (412, "PreconditionFailed"));

    let swap = peer.put("swap").if_match(etag_of(&peer, "swap").await).presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&swap, "two").await.status, 200);
    let again = peer.send(&swap, "three").await;
    assert_eq!((again.status, again.code()), (412, "PreconditionFailed"));
    let stored = peer.send(&peer.get("swap").presigned(an_hour()).await.unwrap(), "").await;
    assert_eq!(stored.body.as_ref(), b"two");
}

#[tokio::test]
async fn of_two_swaps_at_once_one_wins() {
    let peer = Peer::start().await;
    assert_eq!(peer.send(&peer.put("race").presigned(an_hour()).await.unwrap(), "first").await.status, 200);
    let swap = peer.put("race").if_match(etag_of(&peer, "race").await).presigned(an_hour()).await.unwrap();
    let (one, other) = (Bytes::from(vec![1; 2_000_000]), Bytes::from(vec![2; 2_000_000]));
    let (first, second) = tokio::join!(peer.send(&swap, one.clone()), peer.send(&swap, other.clone()));
    let mut statuses = [first.status, second.status];
    let winner = if first.status == 200 { one } else { other };
    statuses.sort_unstable();
    assert!(matches!(statuses, [200, 409 | 412]), "{statuses:?}");
    let stored = peer.send(&peer.get("race").presigned(an_hour()).await.unwrap(), "").await;
    assert!(stored.body == winner);
}

/// The condition is checked again when the content has arrived: it takes account of an upload in between.
#[tokio::test]
async fn a_slow_swap_loses_to_what_was_written_meanwhile() {
    let peer = Peer::start().await;
    let plain = peer.put("slow").presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&plain, "first").await.status, 200);
    let swap = peer.put("slow").if_match(etag_of(&peer, "slow").await).presigned(an_hour()).await.unwrap();

    let target = swap.uri().strip_prefix(&peer.server.url()).unwrap();
    let (_, etag) = swap.headers().find(|(name, _)| *name == "if-match").unwrap();
    let head = format!(
        "PUT {target} HTTP/1.1\r\nhost: {}\r\nif-match: {etag}\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n",
        peer.server.local_addr()
    );
    let mut stream = TcpStream::connect(peer.server.local_addr()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the content after the first check of the condition.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(peer.send(&plain, "meanwhile").await.status, 200);
    stream.write_all(b"swap!").await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 412");
    let stored = peer.send(&peer.get("slow").presigned(an_hour()).await.unwrap(), "").await;
    assert_eq!(stored.body.as_ref(), b"meanwhile");
}

#[tokio::test]
async fn a_refused_upload_keeps_the_attributes_of_the_object() {
    let peer = Peer::start().await;
    let first = peer.put("kept").tagging("a=1").presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&first, "first").await.status, 200);
    let second = peer.put("kept").tagging("a=2").if_none_match("*").presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&second, "second").await.status, 412);
    let tags = peer.sdk.get_object_tagging().bucket(BUCKET).key("kept").send().await.unwrap();
    assert_eq!(tags.tag_set().first().unwrap().value(), "1");
}

#[tokio::test]
async fn a_deletion_takes_only_what_it_expects() {
    let peer = Peer::start().await;
    assert_eq!(peer.send(&peer.put("gone").presigned(an_hour()).await.unwrap(), "x").await.status, 200);
    let delete = |etag: &str| peer.sdk.delete_object().bucket(BUCKET).key("gone").if_match(etag);
    let wrong = delete("\"00000000000000000000000000000000\"").presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&wrong, "").await.status, 412);
    let right = delete(&etag_of(&peer, "gone").await).presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&right, "").await.status, 204);
    assert_eq!(peer.send(&right, "").await.status, 204, "there is nothing left to protect");
}
