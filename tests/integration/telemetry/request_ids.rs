//! Request ids, from the client to the answer and the log.

use access_broker::contract::proto::access_broker_service_client::AccessBrokerServiceClient;
use serde_json::Value;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::support::{CUTE_CAT, PATIENCE, SUPER_CUTE_CAT, TestServer, download_of, eventually, secrets, tcp_channel};

/// Calls with these request ids, and gives the metadata of the answer or the error.
async fn call(server: &TestServer, token: Option<&str>, ids: &[&[u8]], key: &str) -> Result<MetadataMap, Status> {
    let mut client = AccessBrokerServiceClient::new(tcp_channel(server.environment().grpc_addr).await);
    let mut request = Request::new(download_of(key, false));
    for id in ids {
        request.metadata_mut().append("x-request-id", (*id).try_into().unwrap());
    }
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    client.issue_download_url(request).await.map(|answer| answer.metadata().clone())
}

fn echoed(metadata: &MetadataMap) -> String {
    let values: Vec<_> = metadata.get_all("x-request-id").iter().collect();
    assert_eq!(values.len(), 1, "{metadata:?}");
    values[0].to_str().unwrap().to_owned()
}

/// Whether the broker made it.
fn is_made(id: &str) -> bool {
    Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 7)
}

/// Waits for the line of a call: the client has its answer a moment earlier.
async fn access_line(request_id: &str) -> Value {
    eventually(&format!("the access line of {request_id}"), PATIENCE, async || {
        let log = secrets::log();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["target"] == "access" && line["request_id"] == request_id)
    })
    .await
}

#[tokio::test]
async fn a_fit_id_comes_back_with_answers_and_errors_and_stands_in_the_log() {
    let server = TestServer::start().await;
    let token = server.token("user-two");
    let answer = call(&server, Some(&token), &[b"order/17:a=b_c.d-e"], CUTE_CAT).await.unwrap();
    assert_eq!(echoed(&answer), "order/17:a=b_c.d-e");
    assert_eq!(access_line("order/17:a=b_c.d-e").await["code"], "OK");

    for (id, token, key, code) in [
        ("refused-by-policy", Some(token.as_str()), SUPER_CUTE_CAT, "PERMISSION_DENIED"),
        ("without-a-token", None, CUTE_CAT, "UNAUTHENTICATED"),
        ("invalid", Some(token.as_str()), "", "INVALID_ARGUMENT"),
    ] {
        let refused = call(&server, token, &[id.as_bytes()], key).await.unwrap_err();
        assert_eq!(echoed(refused.metadata()), id);
        assert_eq!(refused.get_details_request_info().unwrap().request_id, id);
        assert_eq!(access_line(id).await["code"], code);
    }
    server.finish().await;
}

#[tokio::test]
async fn an_unfit_id_none_and_several_are_replaced() {
    let server = TestServer::start().await;
    let token = server.token("user-two");
    let long = "x".repeat(129);
    let several: &[&[u8]] = &[b"one", b"two"];
    for ids in [&[][..], &[b"".as_slice()], &[b"a b"], &[b"{}"], &["ä".as_bytes()], &[long.as_bytes()], several] {
        let id = echoed(&call(&server, Some(&token), ids, CUTE_CAT).await.unwrap());
        assert!(is_made(&id), "{id}");
        assert_eq!(access_line(&id).await["code"], "OK");
    }
    server.finish().await;
}
