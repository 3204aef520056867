//! The expected bucket owner, and requester pays.

use super::peer::{Answer, BUCKET, Peer, an_hour};

#[tokio::test]
async fn a_request_for_the_bucket_of_another_owner_is_refused() {
    let peer = Peer::start_with(|options| options.owner = Some("111122223333".to_owned())).await;
    for (owner, status) in
        [(None, 200), (Some("111122223333"), 200), (Some("999922223333"), 403), (Some("11112222333"), 403)]
    {
        let get = peer.get("notes.txt").set_expected_bucket_owner(owner.map(str::to_owned));
        let answer = peer.send(&get.presigned(an_hour()).await.unwrap(), "").await;
        assert_eq!(answer.status, status, "GET for {owner:?}");
        let put = peer.put("new").set_expected_bucket_owner(owner.map(str::to_owned));
        let answer = peer.send(&put.presigned(an_hour()).await.unwrap(), "x").await;
        assert_eq!(answer.status, status, "PUT for {owner:?}");
        if status == 403 {
            assert_eq!(answer.code(), "AccessDenied");
        }
    }
}

#[tokio::test]
async fn a_bucket_without_an_owner_expects_none() {
    let peer = Peer::start().await;
    let get = peer.get("notes.txt").expected_bucket_owner("999922223333").presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&get, "").await.status, 200);
}

#[tokio::test]
async fn requesters_who_pay_say_so() {
    let peer = Peer::start_with(|options| options.requester_pays = true).await;
    let silent = peer.send(&peer.get("notes.txt").presigned(an_hour()).await.unwrap(), "").await;
    assert_eq!((silent.status, silent.code()), (403, "AccessDenied"));
    let in_header = peer.get("notes.txt").request_payer("requester".into()).presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&in_header, "").await.status, 200);
    let other = peer.get("notes.txt").request_payer("owner".into()).presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&other, "").await.status, 403);
    let in_query = peer.get("notes.txt").customize().mutate_request(|request| {
        let uri = format!("{}&x-amz-request-payer=requester", request.uri());
        request.set_uri(uri).unwrap();
    });
    let in_query = in_query.presigned(an_hour()).await.unwrap();
    assert!(in_query.uri().contains("x-amz-request-payer=requester"), "{}", in_query.uri());
    assert_eq!(Answer::read(peer.http.get(in_query.uri())).await.status, 200);
    let head = peer.sdk.head_object().bucket(BUCKET).key("notes.txt");
    assert_eq!(peer.send(&head.presigned(an_hour()).await.unwrap(), "").await.status, 403);
}
