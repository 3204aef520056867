//! What operators' tools ask before anything else.

use access_broker::grpc::SERVICE_NAME;
use reqwest::StatusCode;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};

use crate::support::TestServer;

async fn channel(server: &TestServer) -> Channel {
    let address = server.environment().grpc_addr;
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn both_versions_of_reflection_describe_the_service_without_a_token() {
    let server = TestServer::start().await;
    let channel = channel(&server).await;

    let request = v1::ServerReflectionRequest {
        message_request: Some(v1::server_reflection_request::MessageRequest::FileContainingSymbol(SERVICE_NAME.into())),
        ..v1::ServerReflectionRequest::default()
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let v1::server_reflection_response::MessageResponse::FileDescriptorResponse(files) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(files.file_descriptor_proto.len(), 1);

    let request = v1alpha::ServerReflectionRequest {
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::ListServices(String::new())),
        ..v1alpha::ServerReflectionRequest::default()
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(list) = answer else {
        panic!("{answer:?}");
    };
    assert!(list.service.iter().any(|service| service.name == SERVICE_NAME), "{list:?}");
    server.finish().await;
}

#[tokio::test]
async fn health_answers_for_the_server_and_for_the_service_without_a_token() {
    let server = TestServer::start().await;
    let mut client = HealthClient::new(channel(&server).await);
    for service in ["", SERVICE_NAME] {
        let answer = client.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving, "{service:?}");
    }
    let unknown = client.check(HealthCheckRequest { service: "no.such.Service".to_owned() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    server.finish().await;
}

#[tokio::test]
async fn a_watcher_of_health_sees_the_server_stop() {
    let server = TestServer::start().await;
    let mut client = HealthClient::new(channel(&server).await);
    let mut watch = client.watch(HealthCheckRequest { service: SERVICE_NAME.to_owned() }).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let stopping = tokio::spawn(server.finish());
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    // The open stream does not keep the server from stopping: the grace of the dev environment is three seconds.
    tokio::time::timeout(std::time::Duration::from_secs(20), stopping).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_path_that_no_method_has_is_unimplemented_and_every_method_needs_a_caller() {
    let server = TestServer::start().await;
    let mut client = tonic::client::Grpc::new(channel(&server).await);
    for (path, code) in [
        ("/accessbroker.v1.AccessBrokerService/NoSuchMethod", Code::Unimplemented),
        ("/no.such.Service/Method", Code::Unimplemented),
        ("/grpc.health.v1.Health/List", Code::Unimplemented),
        ("/accessbroker.v1.AccessBrokerService/IssueDownloadUrl", Code::Unauthenticated),
        ("/accessbroker.v1.AccessBrokerService/IssueUploadUrl", Code::Unauthenticated),
        ("/accessbroker.v1.AccessBrokerService/VerifyUpload", Code::Unauthenticated),
    ] {
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<HealthCheckRequest, HealthCheckRequest>::default();
        let request = tonic::Request::new(HealthCheckRequest::default());
        let refused = client.unary(request, path.parse().unwrap(), codec).await.unwrap_err();
        assert_eq!(refused.code(), code, "{path}");
    }
    server.finish().await;
}

#[tokio::test]
async fn admin_http_tells_that_the_server_lives_and_is_ready() {
    let server = TestServer::start().await;
    let admin = format!("http://{}", server.environment().server.admin_addr());
    for (path, body) in [("/livez", "live\n"), ("/readyz", "ready\n")] {
        let answer = crate::support::http_get(format!("{admin}{path}")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.unwrap(), body);
    }
    server.finish().await;
}
