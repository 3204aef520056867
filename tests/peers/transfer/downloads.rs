//! What a download URL makes S3 answer.

use access_broker::contract::proto::disposition::Type;
use access_broker::contract::proto::{Disposition, IssueDownloadUrlRequest, IssueUploadUrlRequest, ResponseOverrides};
use tonic::Code;

use super::clients::{HttpClient, HttpRequest};
use super::fixture::{Fixture, OVERRIDES, download, every_override, upload};
use super::servers::Peer;
use crate::registry::{Registry, register, register_on};
use crate::support::field_violations;

pub(super) fn register(registry: &mut Registry<'_>) {
    register_on!(registry, PEERS, [Curl, Requests, Node], every_override_replaces_a_header);
    register!(registry, [Curl, Requests, Node], a_file_name_arrives_in_ascii_and_in_full);
    register_on!(registry, PEERS, [], a_tier_makes_every_download_harmless);
}

/// Those that know overrides.
const PEERS: [Peer; 5] = [Peer::Embedded, Peer::Moto, Peer::Rclone, Peer::SeaweedFs, Peer::Rgw];

const FILE_NAME: &str = "Größe 100% \"final\".pdf";
const DISPOSITION: &str =
    "attachment; filename=\"Gr__e 100_ _final_.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20100%25%20%22final%22.pdf";

fn named() -> Disposition {
    Disposition { r#type: Type::Attachment.into(), filename: Some(FILE_NAME.to_owned()) }
}

async fn html_on(peer: Peer) -> Fixture {
    let fixture = Fixture::on(peer).await;
    let html = IssueUploadUrlRequest { content_type: Some("text/html".to_owned()), ..upload("page.html") };
    fixture.upload(html, b"<script>alert(1)</script>").await;
    fixture
}

async fn every_override_replaces_a_header(peer: Peer) {
    let fixture = html_on(peer).await;
    let request = IssueDownloadUrlRequest { response_overrides: Some(every_override()), ..download("page.html") };
    let issued = fixture.caller.issue_download(request).await.unwrap();
    let head = issued.head.filter(|_| peer != Peer::Moto);
    for signed in issued.get.into_iter().chain(head) {
        for mut client in HttpClient::all().await {
            let what = format!("{} by {} on {peer:?}", signed.method, client.name());
            let answer = client.send(&HttpRequest::promised(&signed)).await.expect_success(&what);
            for (name, value) in OVERRIDES {
                assert_eq!(answer.header(name), Some(value), "{what}: {name}");
            }
        }
    }
    fixture.finish().await;
}

async fn a_file_name_arrives_in_ascii_and_in_full() {
    let fixture = html_on(Peer::Embedded).await;
    let overrides = ResponseOverrides { disposition: Some(named()), ..ResponseOverrides::default() };
    let request = IssueDownloadUrlRequest { response_overrides: Some(overrides), ..download("page.html") };
    let get = HttpRequest::promised(&fixture.get(request).await);
    for mut client in HttpClient::all().await {
        let answer = client.send(&get).await.expect_success(client.name());
        assert_eq!(answer.header("content-disposition"), Some(DISPOSITION), "{}", client.name());
        let promise = IssueUploadUrlRequest { disposition: Some(named()), ..upload(client.name()) };
        let put = HttpRequest::promised(&fixture.put(promise).await).with_body(b"x");
        client.send(&put).await.expect_success(client.name());
        let stored = fixture.stored(client.name()).await.unwrap();
        assert_eq!(stored.header("content-disposition"), Some(DISPOSITION), "{}", client.name());
    }
    fixture.finish().await;
}

async fn a_tier_makes_every_download_harmless(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let key = "harmless/page.html";
    let html = IssueUploadUrlRequest {
        content_type: Some("text/html".to_owned()),
        content_disposition: Some("inline".to_owned()),
        ..upload(key)
    };
    fixture.upload(html, b"<script>alert(1)</script>").await;
    let answer = fixture.stored(key).await.unwrap();
    assert_eq!(answer.header("content-disposition"), Some("attachment"), "{peer:?}");
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"), "{peer:?}");

    let overrides = ResponseOverrides { disposition: Some(named()), ..ResponseOverrides::default() };
    let request = IssueDownloadUrlRequest { response_overrides: Some(overrides), ..download(key) };
    let get = HttpRequest::promised(&fixture.get(request).await);
    let answer = HttpClient::reqwest().send(&get).await.expect_success("a named attachment");
    assert_eq!(answer.header("content-disposition"), Some(DISPOSITION), "{peer:?}");

    let shown = ResponseOverrides {
        disposition: Some(Disposition { r#type: Type::Inline.into(), filename: None }),
        content_type: Some("text/html".to_owned()),
        ..ResponseOverrides::default()
    };
    let request = IssueDownloadUrlRequest { response_overrides: Some(shown), ..download(key) };
    let refused = fixture.caller.issue_download(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let fields = field_violations(&refused);
    assert_eq!(fields, ["response_overrides.content_disposition", "response_overrides.content_type"]);
    fixture.finish().await;
}
