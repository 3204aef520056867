//! Buckets with several ways to them.

use access_broker::contract::proto::{IssueDownloadUrlRequest, IssueUploadUrlRequest};
use tonic::Code;

use super::clients::{HttpClient, HttpRequest};
use super::fixture::{Fixture, Settings, download, upload};
use super::servers::S3Server;
use crate::registry::{Registry, register};
use crate::support::error_info;

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(registry, [Curl, Requests, Node], a_caller_picks_the_host_of_its_urls);
    register!(registry, [], a_tier_picks_the_endpoint_and_forbids_others, the_broker_looks_by_an_endpoint_of_its_own);
}

const POLICY: &str = r#"
tier = [
    { name = "all", bucket = "media", prefix = "", download = { }, upload = { overwrite = true } },
    { name = "by-name", bucket = "media", prefix = "by name/", download = { }, endpoints = ["by-name"] },
    { name = "both", bucket = "media", prefix = "both/", download = { }, endpoints = ["by-name", "default"] },
]
grant = [{ tiers = ["all", "by-name", "both"], operations = ["download", "upload"], to = { authenticated = true } }]
"#;

fn by(endpoint: &str, key: &str) -> IssueDownloadUrlRequest {
    IssueDownloadUrlRequest { endpoint: Some(endpoint.to_owned()), ..download(key) }
}

/// The embedded server by its address, and by the name `localhost`.
async fn by_address_and_by_name() -> Fixture {
    let s3 = S3Server::embedded(|_| {}).await;
    let by_name = s3.url.replace("127.0.0.1", "localhost");
    let bucket =
        format!("named_endpoint = [{{ name = \"by-name\", endpoint = \"{by_name}\", addressing = \"path\" }}]");
    Fixture::with(s3, Settings { policy: POLICY, bucket: &bucket, ..Settings::default() }).await
}

async fn a_caller_picks_the_host_of_its_urls() {
    let fixture = by_address_and_by_name().await;
    for (endpoint, host) in [("default", "http://127.0.0.1:"), ("by-name", "http://localhost:")] {
        let promise = IssueUploadUrlRequest { endpoint: Some(endpoint.to_owned()), ..upload("a") };
        let uploaded = fixture.caller.issue_upload(promise).await.unwrap();
        let downloaded = fixture.caller.issue_download(by(endpoint, "a")).await.unwrap();
        assert_eq!((uploaded.endpoint.as_str(), downloaded.endpoint.as_str()), (endpoint, endpoint));
        for signed in [uploaded.put.unwrap(), downloaded.get.unwrap(), downloaded.head.unwrap()] {
            assert!(signed.url.starts_with(host), "{} by {endpoint}", signed.method);
            for mut client in HttpClient::all().await {
                let mut request = HttpRequest::promised(&signed);
                request.body = (request.method == "PUT").then(|| b"x".to_vec());
                let what = format!("{} by {} by {endpoint}", signed.method, client.name());
                client.send(&request).await.expect_success(&what);
            }
        }
    }
    assert_eq!(fixture.caller.issue_download(download("a")).await.unwrap().endpoint, "default");
    fixture.finish().await;
}

async fn a_tier_picks_the_endpoint_and_forbids_others() {
    let fixture = by_address_and_by_name().await;
    for key in ["by name/a", "both/a"] {
        let issued = fixture.caller.issue_download(download(key)).await.unwrap();
        assert_eq!(issued.endpoint, "by-name", "{key}");
        assert!(issued.get.unwrap().url.starts_with("http://localhost:"), "{key}");
    }
    assert_eq!(fixture.caller.issue_download(by("default", "both/a")).await.unwrap().endpoint, "default");
    for (endpoint, key) in [("default", "by name/a"), ("unknown", "by name/a"), ("unknown", "a")] {
        let refused = fixture.caller.issue_download(by(endpoint, key)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{endpoint} {key}");
        assert_eq!(error_info(&refused).reason, "ENDPOINT_NOT_GRANTED", "{endpoint} {key}");
    }
    fixture.finish().await;
}

async fn the_broker_looks_by_an_endpoint_of_its_own() {
    let s3 = S3Server::embedded(|_| {}).await;
    // Nothing listens at the port of a listener that is gone.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bucket =
        format!("broker_endpoint = \"inside\"\nnamed_endpoint = [{{ name = \"inside\", endpoint = \"{}\" }}]", s3.url);
    let endpoint = format!("http://{dead}");
    let settings = Settings { endpoint: Some(&endpoint), bucket: &bucket, ..Settings::default() };
    let fixture = Fixture::with(s3, settings).await;
    fixture.upload(IssueUploadUrlRequest { endpoint: Some("inside".to_owned()), ..upload("a") }, b"x").await;

    let request = IssueDownloadUrlRequest { must_exist: true, ..download("a") };
    let issued = fixture.caller.issue_download(request).await.unwrap();
    assert_eq!(issued.object.unwrap().size, 1);
    assert_eq!(issued.endpoint, "default");
    assert!(
        issued.get.unwrap().url.starts_with(&endpoint),
        "the URL goes by the bucket's default endpoint all the same"
    );
    fixture.finish().await;
}
