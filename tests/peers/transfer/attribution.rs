//! URLs say in S3's access log where they come from.

use std::collections::HashMap;

use url::Url;

use super::clients::{HttpClient, HttpRequest};
use super::fixture::{Fixture, Settings, download, upload};
use super::servers::{Peer, S3Server};
use crate::registry::{Registry, register, register_on};
use crate::support::secrets::access_line;

pub(super) fn register(registry: &mut Registry<'_>) {
    register_on!(
        registry,
        [Peer::Embedded, Peer::Rclone, Peer::Moto],
        [Curl, Requests, Node],
        a_url_names_its_decision_and_its_caller_and_works
    );
    register!(registry, [], a_bucket_can_do_without);
}

const CALLER: &str = "x-access-broker-caller";
const DECISION: &str = "x-access-broker-decision";

fn parameters(url: &str) -> HashMap<String, String> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

async fn a_url_names_its_decision_and_its_caller_and_works(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let uploaded = fixture.caller.issue_upload(upload("a")).await.unwrap();
    let downloaded = fixture.caller.issue_download(download("a")).await.unwrap();
    let by_other = fixture.reader().await.issue_download(download("a")).await.unwrap();
    let (get, head) = (downloaded.get.unwrap(), downloaded.head.unwrap());
    let mut callers = Vec::new();
    for (decision_id, signed) in [
        (&uploaded.decision_id, uploaded.put.unwrap()),
        (&downloaded.decision_id, get),
        (&downloaded.decision_id, head),
        (&by_other.decision_id, by_other.get.unwrap()),
    ] {
        let query = parameters(&signed.url);
        assert_eq!(&query[DECISION], decision_id);
        assert_eq!(access_line(decision_id).await["caller_id"], query[CALLER].as_str());
        callers.push(query[CALLER].clone());
        for mut client in HttpClient::all().await {
            let mut request = HttpRequest::promised(&signed);
            request.body = (request.method == "PUT").then(|| b"x".to_vec());
            let what = format!("{} by {} on {peer:?}", signed.method, client.name());
            client.send(&request).await.expect_success(&what);
        }
    }
    assert!(callers[0] == callers[1] && callers[1] == callers[2], "one caller, one pseudonym");
    assert_ne!(callers[2], callers[3], "another caller, another one");
    fixture.finish().await;
}

async fn a_bucket_can_do_without() {
    let settings = Settings { bucket: "attribution = false", ..Settings::default() };
    let fixture = Fixture::with(S3Server::embedded(|_| {}).await, settings).await;
    let put = fixture.put(upload("a")).await;
    let issued = fixture.caller.issue_download(download("a")).await.unwrap();
    for signed in [put, issued.get.unwrap(), issued.head.unwrap()] {
        assert!(!signed.url.contains("x-access-broker"), "{}", signed.method);
        let mut request = HttpRequest::promised(&signed);
        request.body = (request.method == "PUT").then(|| b"x".to_vec());
        HttpClient::reqwest().send(&request).await.expect_success(&signed.method);
    }
    assert!(access_line(&issued.decision_id).await["caller_id"].is_string(), "the broker's own log always tells");
    fixture.finish().await;
}
