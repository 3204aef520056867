//! The sample of Envoy's transcoder in front of a broker.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::repository;
use crate::envoy::proxy::Envoy;
use crate::registry::{Registry, register};
use crate::support::{CUTE_CAT, PATIENCE, SUPER_CUTE_CAT, TestServer, folder, run};

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(registry, [Envoy, Buf], the_sample_of_envoys_transcoder_answers_json_to_permitted_and_refused_calls);
}

/// The sample with a descriptor set, a free port, and this broker.
fn bootstrap(descriptors: &str, broker: u16) -> String {
    let sample = fs::read_to_string(repository().join("deploy/envoy/json-transcoder.yaml")).unwrap();
    let changes = [
        ("proto_descriptor: access-broker.binpb", format!("proto_descriptor: {descriptors}")),
        ("port_value: 8080", "port_value: 0".to_owned()),
        ("port_value: 50051", format!("port_value: {broker}")),
    ];
    changes.iter().fold(sample, |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, to)
    })
}

/// An Envoy with the sample, in front of the broker at a port of this machine.
pub(crate) async fn start_transcoder(broker: u16) -> Envoy {
    let directory = folder();
    let descriptors = directory.path().join("access-broker.binpb");
    let mut buf = Command::new("buf");
    run(buf.args(["build", "--as-file-descriptor-set", "-o"]).arg(&descriptors).arg(repository()));
    // Envoy has read the descriptors once it listens.
    Envoy::start_from(&bootstrap(descriptors.to_str().unwrap(), broker), 1).await
}

/// The base of its URLs.
pub(crate) fn base_of(envoy: &Envoy) -> String {
    format!("http://{}", envoy.address("json"))
}

async fn the_sample_of_envoys_transcoder_answers_json_to_permitted_and_refused_calls() {
    let server = TestServer::start().await;
    let envoy = start_transcoder(server.environment().grpc_addr.port()).await;
    let (base, token) = (base_of(&envoy), server.token("user-two"));

    let call = async |request: reqwest::RequestBuilder| {
        let answer = request.bearer_auth(&token).timeout(PATIENCE).send().await.unwrap();
        let (status, kind) = (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap().to_owned());
        let body = answer.bytes().await.unwrap();
        (status, kind, serde_json::from_slice::<Value>(&body).unwrap_or_default())
    };
    let http = reqwest::Client::new();
    let json = "application/json";

    let query = CUTE_CAT.replace(' ', "+");
    let (status, kind, body) =
        call(http.get(format!("{base}/v1/downloadUrl?key={query}&response_overrides.cache_control=no-cache"))).await;
    assert_eq!((status, &*kind), (200, json), "{body}");
    assert_eq!(body["get"]["method"], "GET");
    assert_eq!(body["expiryLimitedBy"], "EXPIRY_LIMIT_TIER_DEFAULT_TTL");
    assert!(body["get"]["url"].as_str().unwrap().contains("response-cache-control=no-cache"), "{body}");
    assert_eq!(body["object"], Value::Null);

    let refused = json!({ "key": SUPER_CUTE_CAT }).to_string();
    let (status, kind, body) = call(http.post(format!("{base}/v1/uploadUrl")).body(refused)).await;
    assert_eq!((status, &*kind), (403, json), "{body}");
    assert_eq!(body["code"], 7);
    assert_eq!(body["details"][0]["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
    assert_eq!(body["details"][0]["reason"], "OPERATION_NOT_GRANTED");

    let (status, kind, body) = call(http.post(format!("{base}/v1/downloadUrl")).body(r#"{"key":"a//b"}"#)).await;
    assert_eq!((status, &*kind), (400, json), "{body}");
    assert_eq!(body["details"][1]["fieldViolations"][0]["field"], "key");

    for (request, expected) in [
        (http.post(format!("{base}/v1/downloadUrl")).body(r#"{"key":"#), 400),
        (http.get(format!("{base}/v1/downloadUrl?key=a&unknown=1")), 400),
        (http.get(format!("{base}/v1/unknown")), 404),
    ] {
        let (status, kind, _) = call(request).await;
        assert_eq!((status, &*kind), (expected, "text/plain"));
    }
    drop(envoy);
    server.finish().await;
}
