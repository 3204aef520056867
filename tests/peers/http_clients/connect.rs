//! Connect's library for Node: over HTTP/1.1 and HTTP/2, in JSON and binary, by POST and GET.

use std::fs;

use serde_json::{Value, json};
use tokio::process::Command;

use super::{node_modules, run};
use crate::registry::{Registry, register};
use crate::support::{Broker, SUPER_CUTE_CAT, TestServer};

const KEY: &str = "tier 1/a+b é.jpg";

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(
        registry,
        [Buf, ConnectEs],
        calls_are_answered_in_every_form,
        a_timeout_is_answered_and_a_cancelled_call_ends
    );
}

async fn run_script(name: &str, task: &Value) -> Value {
    let printed = run(Command::new("node").arg(name).current_dir(node_modules::directory()), &task.to_string()).await;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

async fn calls_are_answered_in_every_form() {
    let server = TestServer::start().await;
    fs::write(server.environment().data_dir().join("objects/media").join(KEY), "the object").unwrap();
    let task = json!({
        "base": format!("http://{}", server.environment().grpc_addr),
        "tokens": { "one": server.token("user-one"), "two": server.token("user-two") },
        "key": KEY, "refusedKey": SUPER_CUTE_CAT,
    });
    let results = run_script("calls.mjs", &task).await;
    let results = results.as_array().unwrap();
    assert_eq!(results.len(), 8);
    for result in results {
        let form = &result["form"];
        let is_binary = form["useBinaryFormat"] == true;
        let content_type = if is_binary { "application/proto" } else { "application/json" };
        let method = if form["useHttpGet"] == true { "GET" } else { "POST" };
        assert_eq!(
            result["download"],
            json!({
                "method": method, "contentType": content_type, "object": "the object", "tier": "tier-1",
                "limit": "TIER_DEFAULT_TTL", "expiresLater": true,
            }),
            "{form}"
        );
        // Only methods without side effects may be called by GET.
        assert_eq!(
            result["upload"],
            json!({
                "method": "POST", "contentType": content_type, "status": 200,
                "verified": { "size": "9", "contentType": "image/jpeg" },
            }),
            "{form}"
        );
        for (name, code, reason) in [
            ("denied", "PermissionDenied", "OPERATION_NOT_GRANTED"),
            ("invalid", "InvalidArgument", "REQUEST_INVALID"),
            ("withoutToken", "Unauthenticated", "CALLER_NOT_AUTHENTICATED"),
            ("compressed", "Unimplemented", "COMPRESSION_NOT_SUPPORTED"),
        ] {
            let fields = if name == "invalid" { json!(["key"]) } else { json!([]) };
            let challenge = (name == "withoutToken").then_some("Bearer");
            let expected = json!({
                "code": code, "hasMessage": true, "method": method, "reason": reason, "domain": "accessbroker.v1",
                "hasRequestId": true, "fields": fields, "challenge": challenge,
            });
            assert_eq!(result[name], expected, "{form} {name}");
        }
    }
    server.finish().await;
}

async fn a_timeout_is_answered_and_a_cancelled_call_ends() {
    let broker = Broker::builder().silent_s3().setting("server", "s3_timeout", "20s").start().await;
    let task = json!({ "base": format!("http://{}", broker.address()), "authorization": broker.authorization() });
    let results = run_script("ends.mjs", &task).await;
    let results = results.as_array().unwrap();
    assert_eq!(results.len(), 4);
    for result in results {
        // Where the library counts no time by itself, the broker does, and says so.
        let answered = json!({ "code": "DeadlineExceeded", "reason": "CALL_TIMED_OUT", "inTime": true });
        assert_eq!(result["header"], answered, "{result}");
        assert_eq!(result["timeout"]["code"], "DeadlineExceeded", "{result}");
        assert_eq!(result["timeout"]["inTime"], true, "{result}");
        assert_eq!(result["cancelled"]["code"], "Canceled", "{result}");
        assert_eq!(result["cancelled"]["inTime"], true, "{result}");
    }
    // The broker has ended every call: none waits for S3.
    let calls =
        broker.log.wait_for("lines of all calls", |log| Some(log.calls()).filter(|calls| calls.len() >= 12)).await;
    let count = |code: &str| calls.iter().filter(|line| line["code"] == code).count();
    let (timed_out, cancelled) = (count("DEADLINE_EXCEEDED"), count("CANCELLED"));
    // A call whose library also counts the time can end in both ways.
    assert_eq!((timed_out + cancelled, calls.len()), (12, 12), "{calls:?}");
    assert!(timed_out >= 4 && cancelled >= 4, "{calls:?}");
    broker.finish().await;
}
