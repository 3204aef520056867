//! HTTP/2 that is not gRPC at a listener without HTTP: answered in plain HTTP, with or without a token.

use access_broker::calls::Protocols;
use access_broker::config::Config;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::messages::logged_reason;
use crate::support::Broker;
use crate::support::http2::{Http2Client, framed};

const DOWNLOAD: &str = "http://broker/accessbroker.v1.AccessBrokerService/IssueDownloadUrl";

fn grpc_only(config: &mut Config) {
    config.listeners[0].protocols = Protocols::GRPC;
}

#[tokio::test]
async fn another_content_type_is_not_supported_and_another_method_not_allowed() {
    let broker = Broker::builder().silent_s3().config(grpc_only).start().await;
    let mut client = Http2Client::connect(broker.address()).await;
    let authorization = broker.authorization();
    let forms = [
        ("POST", Some("application/grpc-web+proto"), 415),
        ("POST", Some("application/grpc-web-text"), 415),
        ("POST", Some("application/json"), 415),
        ("POST", Some("application/grpc+json"), 415),
        ("POST", Some("text/plain"), 415),
        ("POST", None, 415),
        ("GET", Some("application/grpc"), 405),
        ("GET", None, 405),
        ("HEAD", None, 405),
        ("OPTIONS", None, 405),
        ("PUT", Some("application/json"), 405),
    ];
    for (number, (method, content_type, status)) in forms.into_iter().enumerate() {
        for authorization in [None, Some(&authorization)] {
            let id = format!("plain-{number}-{}", authorization.is_some());
            let mut request = Request::builder().method(method).uri(DOWNLOAD).header("x-request-id", &id);
            for (name, value) in [("content-type", content_type), ("authorization", authorization.map(|a| &**a))] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            let body = Full::from(Bytes::from(framed(0, b"\x0a\x05media\x12\x01x")));
            let body = if status == 415 { body } else { Full::default() };
            let answer = client.send(request.body(body).unwrap()).await;
            let what = format!("{method} {content_type:?}");
            assert_eq!(answer.head.status().as_u16(), status, "{what}: {answer:?}");
            assert_eq!(answer.header("allow"), (status == 405).then_some("POST"), "{what}");
            assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
            assert_eq!((answer.header("grpc-status"), answer.header("x-request-id")), (None, Some(&*id)));
            let text = std::str::from_utf8(&answer.body).unwrap();
            let expected = if status == 415 { "content-type" } else { "POST" };
            assert_eq!(text.contains(expected), method != "HEAD", "{what}: {text}");
            let reason = if status == 415 { "not_grpc" } else { "not_post" };
            assert_eq!(
                logged_reason(&broker.log, &id).await,
                (Some("INVALID_ARGUMENT".to_owned()), Some(reason.to_owned()))
            );
        }
    }
    broker.wait_for_metric("access_broker_malformed_requests_total{reason=\"not_grpc\"}", 12).await;
    broker.wait_for_metric("access_broker_malformed_requests_total{reason=\"not_post\"}", 10).await;
    for content_type in ["application/grpc+proto", "application/grpc; charset=utf-8"] {
        let request = Request::post(DOWNLOAD).header("content-type", content_type);
        let request = request.header("authorization", &authorization);
        let answer = client.send(request.body(Full::from(framed(0, b"\x0a\x05media\x12\x01x"))).unwrap()).await;
        assert_eq!(answer.status().code(), tonic::Code::Ok, "{content_type}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn an_answer_that_is_not_taken_holds_a_place_among_the_streams_without_a_proof() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            grpc_only(config);
            config.limits.max_unproven_streams = 8;
        })
        .start()
        .await;
    let mut client = Http2Client::connect_with_window(broker.address(), 0).await;
    let get = || Request::get("http://broker/").body(Full::default()).unwrap();
    // One eighth of eight.
    let held = client.begin(get()).await;
    assert_eq!(held.headers()["content-length"], "61");
    broker.wait_for_metric("access_broker_streams_open{kind=\"other\"}", 1).await;
    let bare = client.send(get()).await;
    assert_eq!((bare.head.status().as_u16(), bare.body.len()), (405, 0), "there is no room for a body");
    broker.assert_serves().await;
    drop(held);
    drop(client);
    broker.wait_for_metric("access_broker_streams_open{kind=\"other\"}", 0).await;
    broker.finish().await;
}
