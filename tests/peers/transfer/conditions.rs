//! Uploads that depend on what is there.

use access_broker::contract::proto::IssueUploadUrlRequest;
use tonic::Code;

use super::clients::{HttpClient, HttpRequest};
use super::fixture::{Fixture, upload};
use super::servers::Peer;
use crate::registry::{Registry, register, register_on};
use crate::support::field_violations;

pub(super) fn register(registry: &mut Registry<'_>) {
    register_on!(
        registry,
        PEERS,
        [],
        a_create_only_upload_works_once,
        an_upload_swaps_the_content_that_it_was_promised_for
    );
    register!(
        registry,
        [],
        a_tier_that_forbids_overwriting_makes_every_upload_create_only,
        nothing_is_swapped_for_what_is_not_there,
        of_uploads_at_the_same_time_one_wins
    );
}

/// Those that know conditions.
const PEERS: [Peer; 4] = [Peer::Embedded, Peer::Moto, Peer::SeaweedFs, Peer::Rgw];

async fn a_create_only_upload_works_once(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let mut client = HttpClient::reqwest();
    let promise = IssueUploadUrlRequest { create_only: Some(true), ..upload("a") };
    let put = HttpRequest::promised(&fixture.put(promise).await);
    client.send(&put.clone().with_body(b"first")).await.expect_success("the first");
    let again = client.send(&put.with_body(b"second")).await;
    assert_eq!(again.status, 412, "{peer:?}");
    assert_eq!(fixture.stored("a").await.unwrap().body, b"first", "{peer:?}");
    fixture.finish().await;
}

async fn a_tier_that_forbids_overwriting_makes_every_upload_create_only() {
    let fixture = Fixture::embedded().await;
    let mut client = HttpClient::reqwest();
    let put = HttpRequest::promised(&fixture.put(upload("once/a")).await);
    assert_eq!(put.headers["if-none-match"], "*");
    client.send(&put.clone().with_body(b"first")).await.expect_success("the first");
    assert_eq!(client.send(&put.with_body(b"second")).await.status, 412);

    let swap = IssueUploadUrlRequest { if_match: Some("\"x\"".to_owned()), ..upload("once/a") };
    let refused = fixture.caller.issue_upload(swap).await.unwrap_err();
    assert_eq!((refused.code(), field_violations(&refused)), (Code::InvalidArgument, vec!["if_match".to_owned()]));
    fixture.finish().await;
}

async fn an_upload_swaps_the_content_that_it_was_promised_for(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let mut client = HttpClient::reqwest();
    let first = fixture.upload(upload("a"), b"first").await;
    let promise = IssueUploadUrlRequest { if_match: first.header("etag").map(str::to_owned), ..upload("a") };
    let swap = HttpRequest::promised(&fixture.put(promise).await);
    if peer.verifies_signatures() {
        client.send(&swap.clone().without_header("if-match").with_body(b"x")).await.expect_refusal("no condition");
    }
    client.send(&swap.clone().with_body(b"second")).await.expect_success("the swap");
    let late = client.send(&swap.with_body(b"third")).await;
    assert_eq!(late.status, 412, "{peer:?}");
    assert_eq!(fixture.stored("a").await.unwrap().body, b"second", "{peer:?}");
    fixture.finish().await;
}

async fn nothing_is_swapped_for_what_is_not_there() {
    let fixture = Fixture::embedded().await;
    let promise = IssueUploadUrlRequest { if_match: Some("\"abc\"".to_owned()), ..upload("missing") };
    let put = HttpRequest::promised(&fixture.put(promise).await).with_body(b"x");
    HttpClient::reqwest().send(&put).await.expect_refusal("a swap for nothing");
    assert!(fixture.stored("missing").await.is_none());
    fixture.finish().await;
}

async fn of_uploads_at_the_same_time_one_wins() {
    let fixture = Fixture::embedded().await;
    let promise = IssueUploadUrlRequest { create_only: Some(true), ..upload("race") };
    let put = HttpRequest::promised(&fixture.put(promise).await);
    let contents: Vec<Vec<u8>> = (0..8_u8).map(|number| vec![number; 100_000]).collect();
    let mut uploads = tokio::task::JoinSet::new();
    for content in &contents {
        let put = put.clone().with_body(content);
        uploads.spawn(async move { (put.body.clone(), HttpClient::reqwest().send(&put).await.status) });
    }
    let answers = uploads.join_all().await;
    let winners: Vec<_> = answers.iter().filter(|(_, status)| *status == 200).collect();
    let others_are_refused = answers.iter().all(|(_, status)| matches!(status, 200 | 409 | 412));
    assert!(
        winners.len() == 1 && others_are_refused,
        "{:?}",
        answers.iter().map(|answer| answer.1).collect::<Vec<_>>()
    );
    assert_eq!(Some(fixture.stored("race").await.unwrap().body), winners[0].0);
    fixture.finish().await;
}
