//! URLs that stay the same, for caches.

use access_broker::contract::proto::{IssueDownloadUrlRequest, IssueDownloadUrlResponse};
use tonic::Code;

use super::clients::{HttpClient, HttpRequest};
use super::fixture::{Fixture, download, upload};
use super::servers::Peer;
use crate::registry::{Registry, register, register_on};
use crate::support::{Client, field_violations};

pub(super) fn register(registry: &mut Registry<'_>) {
    register_on!(
        registry,
        [Peer::Embedded, Peer::Rclone],
        [],
        equal_requests_of_different_callers_get_equal_urls_that_work
    );
    register!(registry, [], other_requests_get_other_urls);
}

fn stable(key: &str) -> IssueDownloadUrlRequest {
    IssueDownloadUrlRequest { stable: true, ..download(key) }
}

/// Two answers from the same window, however close its end is.
async fn within_one_window(callers: [&Client; 2], key: &str) -> [IssueDownloadUrlResponse; 2] {
    // A window lasts for half an hour: the second attempt is within one.
    for _ in 0..3 {
        let first = callers[0].issue_download(stable(key)).await.unwrap();
        let second = callers[1].issue_download(stable(key)).await.unwrap();
        let third = callers[0].issue_download(stable(key)).await.unwrap();
        // Equal before and after: no window began in between.
        if first.expires_at == third.expires_at {
            return [first, second];
        }
    }
    panic!("every attempt was at the end of a window");
}

async fn equal_requests_of_different_callers_get_equal_urls_that_work(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    fixture.upload(upload("a b.jpg"), b"cached").await;
    let reader = fixture.reader().await;
    let [one, two] = within_one_window([&fixture.caller, &reader], "a b.jpg").await;
    assert_ne!(one.decision_id, two.decision_id);
    assert_eq!((&one.get, &one.head, &one.expires_at), (&two.get, &two.head, &two.expires_at));
    let get = one.get.unwrap();
    assert!(!get.url.contains("x-access-broker"), "it is nobody's");
    let mut client = HttpClient::reqwest();
    let got = client.send(&HttpRequest::promised(&get)).await.expect_success("the GET URL");
    assert_eq!(got.body, b"cached", "{peer:?}");
    let head = HttpRequest::promised(&one.head.unwrap());
    client.send(&head).await.expect_success("the HEAD URL");
    fixture.finish().await;
}

async fn other_requests_get_other_urls() {
    let fixture = Fixture::embedded().await;
    let reader = fixture.reader().await;
    let [one, two] = [&fixture.caller, &reader].map(|caller| caller.issue_download(download("a")));
    assert_ne!(one.await.unwrap().get, two.await.unwrap().get, "not asked for");
    let [a, b] = [fixture.get(stable("a")).await, fixture.get(stable("b")).await];
    assert_ne!(a.url, b.url);

    let refused = fixture.caller.issue_download(stable("once/a")).await.unwrap_err();
    assert_eq!((refused.code(), field_violations(&refused)), (Code::InvalidArgument, vec!["stable".to_owned()]));
    fixture.finish().await;
}
