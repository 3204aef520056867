//! Requests of gRPC whose form is broken: every status has its code, its reason and the id of the call.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::Broker;
use crate::support::broker::Log;
use crate::support::http2::{Http2Client, framed};
use crate::support::{PATIENCE, error_info, eventually};

const DOWNLOAD: &str = "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl";
const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// The bucket "media" and the key "x".
const MESSAGE: &[u8] = b"\x0a\x05media\x12\x01x";

/// A request with something wrong, and the code, the reason and the reason in the log of its answer.
struct Form {
    path: &'static str,
    encoding: Option<&'static str>,
    body: Vec<u8>,
    expected: (Code, &'static str, &'static str),
}

impl Form {
    fn new(path: &'static str, body: impl Into<Vec<u8>>, code: Code, reason: &'static str, log: &'static str) -> Self {
        Self { path, encoding: None, body: body.into(), expected: (code, reason, log) }
    }

    fn encoded(self, encoding: &'static str) -> Self {
        Self { encoding: Some(encoding), ..self }
    }
}

fn forms() -> Vec<Form> {
    let count = |path, body: Vec<u8>, log| Form::new(path, body, Code::Unimplemented, "MESSAGE_COUNT_INVALID", log);
    let invalid = |path, body: Vec<u8>, log| Form::new(path, body, Code::InvalidArgument, "REQUEST_INVALID", log);
    let compressed =
        |body| Form::new(DOWNLOAD, body, Code::Unimplemented, "COMPRESSION_NOT_SUPPORTED", "compressed_message");
    let too_large =
        |path, body: Vec<u8>| Form::new(path, body, Code::ResourceExhausted, "MESSAGE_TOO_LARGE", "message_too_large");
    let unknown = |path| Form::new(path, framed(0, b""), Code::Unimplemented, "METHOD_UNKNOWN", "unknown_method");
    let no_name = |path, body: Vec<u8>| Form::new(path, body, Code::NotFound, "NAME_UNKNOWN", "unknown_name");
    let good = framed(0, MESSAGE);
    vec![
        count(DOWNLOAD, vec![], "no_message"),
        count(DOWNLOAD, [good.clone(), good.clone()].concat(), "several_messages"),
        count(CHECK, vec![], "no_message"),
        count(CHECK, [framed(0, b""), framed(0, b"")].concat(), "several_messages"),
        count(WATCH, vec![], "no_message"),
        invalid(DOWNLOAD, b"{\"bucket\":\"media\",\"key\":\"x\"}".to_vec(), "invalid_compression_flag"),
        invalid(DOWNLOAD, framed(1, MESSAGE), "invalid_compression_flag"),
        invalid(DOWNLOAD, framed(7, MESSAGE), "invalid_compression_flag"),
        invalid(DOWNLOAD, [&good[..], b"junk"].concat(), "invalid_compression_flag"),
        invalid(DOWNLOAD, [&good[..], b"\0\0"].concat(), "truncated_message"),
        invalid(DOWNLOAD, good[..3].to_vec(), "truncated_message"),
        invalid(DOWNLOAD, good[..good.len() - 1].to_vec(), "truncated_message"),
        invalid(DOWNLOAD, framed(0, &[0xff; 3]), "undecodable_message"),
        invalid(DOWNLOAD, framed(0, b"\x0a\x02\xff\xfe"), "undecodable_message"),
        invalid(CHECK, framed(0, &[0xff; 3]), "undecodable_message"),
        invalid(CHECK, framed(3, b""), "invalid_compression_flag"),
        invalid(WATCH, framed(0, b"\x0a\x01x")[..6].to_vec(), "truncated_message"),
        invalid(REFLECTION, framed(0, b"\x3a\0")[..4].to_vec(), "truncated_message"),
        invalid(REFLECTION, framed(0, b""), "undecodable_message"),
        compressed(framed(1, MESSAGE)).encoded("gzip"),
        compressed(good.clone()).encoded("gzip"),
        compressed(framed(1, MESSAGE)).encoded("lzma"),
        too_large(DOWNLOAD, [&[0, 0, 0x10, 0, 0][..], MESSAGE].concat()),
        too_large(DOWNLOAD, framed(0, &[0x7a; 70_000])),
        too_large(CHECK, framed(0, &[0x7a; 5_000])),
        unknown("/accessbroker.v1.AccessBrokerService/NoSuchMethod"),
        unknown("/no.such.Service/Method"),
        unknown("/grpc.health.v1.Health/List"),
        no_name(CHECK, framed(0, b"\x0a\x01x")),
        no_name(REFLECTION, framed(0, b"\x22\x01x")),
    ]
}

fn request(form: &Form, id: &str, authorization: &str) -> Request<Full<Bytes>> {
    let mut request = Request::post(format!("http://broker{}", form.path))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("x-request-id", id)
        .header("authorization", authorization);
    if let Some(encoding) = form.encoding {
        request = request.header("grpc-encoding", encoding);
    }
    request.body(Full::from(form.body.clone())).unwrap()
}

/// The `reason` of the access line with this request id, once it is written.
pub(super) async fn logged_reason(log: &Log, id: &str) -> (Option<String>, Option<String>) {
    let line = || {
        let log = log.text();
        let mut lines = log.lines().filter(|line| line.contains(id));
        lines.find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            (line["target"] == "access" && line["request_id"] == id).then_some(line)
        })
    };
    eventually(&format!("the access line of {id}"), PATIENCE, async || line().is_some()).await;
    let text = |name: &str| line().and_then(|line| Some(line[name].as_str()?.to_owned()));
    (text("code"), text("reason"))
}

#[tokio::test]
async fn every_broken_form_gets_its_code_its_reason_and_the_id_of_its_call() {
    let broker = Broker::builder().silent_s3().start().await;
    let mut client = Http2Client::connect(broker.address()).await;
    let mut counted = BTreeMap::<&str, u32>::new();
    for (number, form) in forms().iter().enumerate() {
        let id = format!("broken-form-{number}");
        let answer = client.send(request(form, &id, &broker.authorization())).await;
        let status = answer.status();
        let what = format!("{id}: {} {:?} {:02x?}", form.path, form.encoding, &form.body[..form.body.len().min(20)]);
        let (code, reason, logged) = form.expected;
        assert_eq!((answer.head.status().as_u16(), status.code()), (200, code), "{what}: {status:?}");
        assert_eq!(error_info(&status).reason, reason, "{what}");
        assert_eq!(status.get_details_request_info().unwrap().request_id, id, "{what}");
        assert_eq!(answer.header("x-request-id"), Some(&*id));
        assert!(!status.message().is_empty() && status.message().len() < 120, "{what}: {status:?}");
        let accepted = status.metadata().get("grpc-accept-encoding").map(|value| value.to_str().unwrap());
        assert_eq!(accepted, (reason == "COMPRESSION_NOT_SUPPORTED").then_some("identity"), "{what}");
        assert_eq!(logged_reason(&broker.log, &id).await.1.as_deref(), Some(logged), "{what}");
        *counted.entry(logged).or_default() += 1;
    }
    for (reason, count) in counted {
        match reason {
            "message_too_large" => {
                broker.wait_for_metric("access_broker_calls_ended_by_server_total{cause=\"oversized\"}", count).await;
            }
            "unknown_name" => {}
            _ => {
                let sample = format!("access_broker_malformed_requests_total{{reason=\"{reason}\"}}");
                broker.wait_for_metric(&sample, count).await;
            }
        }
    }
    let page = broker.metrics().await;
    for fault in ["grpc_code=\"Internal\"", "grpc_code=\"Unknown\"", "grpc_code=\"OutOfRange\""] {
        assert!(!page.contains(fault), "mistakes of clients are no faults of the broker: {fault}");
    }
    // The connection is as good as new.
    let good = Form::new(DOWNLOAD, framed(0, MESSAGE), Code::Ok, "", "");
    assert_eq!(client.send(request(&good, "good", &broker.authorization())).await.status().code(), Code::Ok);
    broker.finish().await;
}

#[tokio::test]
async fn a_method_that_no_service_has_needs_no_token_and_is_no_rejection() {
    let broker = Broker::builder().silent_s3().start().await;
    let mut client = Http2Client::connect(broker.address()).await;
    // What an Application Load Balancer of AWS sends unless it is told otherwise; it wants code 12.
    let probe = Request::post("http://broker/AWS.ALB/healthcheck").header("content-type", "application/grpc");
    let answer = client.send(probe.body(Full::default()).unwrap()).await;
    assert_eq!((answer.head.status().as_u16(), answer.header("grpc-status")), (200, Some("12")));
    assert_eq!(error_info(&answer.status()).reason, "METHOD_UNKNOWN");
    broker.wait_for_metric("access_broker_malformed_requests_total{reason=\"unknown_method\"}", 1).await;
    broker.wait_for_metric("access_broker_authentication_rejections_total{reason=\"missing_token\"}", 0).await;
    // A method of ours needs one as ever.
    let call = Request::post(format!("http://broker{DOWNLOAD}")).header("content-type", "application/grpc");
    let refused = client.send(call.body(Full::from(framed(0, MESSAGE))).unwrap()).await;
    assert_eq!(refused.status().code(), Code::Unauthenticated);
    broker.wait_for_metric("access_broker_authentication_rejections_total{reason=\"missing_token\"}", 1).await;
    broker.finish().await;
}
