//! Who may call `/presignedurl`, and with which `authorization`.

use super::{DOWNLOAD, ask, assert_common_headers, get, line_of, outcome, post};
use crate::support::Broker;

async fn start(settings: &str) -> Broker {
    Broker::builder().table("presignedurl", &format!("bucket = \"media\"\n{settings}")).start().await
}

#[tokio::test]
async fn a_token_without_its_scheme_is_accepted_only_by_a_setting_and_only_there() {
    for (settings, raw) in [("", 401), ("raw_token = false", 401), ("raw_token = true", 200)] {
        let broker = start(settings).await;
        let bearer = broker.authorization();
        let token = bearer.strip_prefix("Bearer ").unwrap();
        for (number, (target, values, status)) in [
            ("/presignedurl?key=x", vec![&*bearer], 200),
            ("/dev/presignedurl?key=x", vec![&*bearer], 200),
            ("/presignedurl?key=x", vec![token], raw),
            ("/dev/presignedurl?key=x", vec![token], raw),
            (DOWNLOAD, vec![&*bearer], 200),
            (DOWNLOAD, vec![token], 401),
            ("/presignedurl?key=x", vec![], 401),
            ("/presignedurl?key=x", vec![""], 401),
            ("/presignedurl?key=x", vec!["other"], 401),
            ("/presignedurl?key=x", vec!["Bearer"], 401),
            ("/presignedurl?key=x", vec!["Basic YTpi"], 401),
            ("/presignedurl?key=x", vec![&*format!("Basic {token}")], 401),
            ("/presignedurl?key=x", vec![&*format!("{token} {token}")], 401),
            ("/presignedurl?key=x", vec![token, token], 401),
            ("/presignedurl?key=x", vec![&*bearer, token], 401),
            ("/presignedurl?key=x", vec![token, &*bearer], 401),
        ]
        .into_iter()
        .enumerate()
        {
            let id = format!("raw-{number}");
            let lines: Vec<String> = values.iter().map(|value| format!("authorization: {value}")).collect();
            let id_line = format!("x-request-id: {id}");
            let lines: Vec<&str> = lines.iter().map(String::as_str).chain([&*id_line]).collect();
            let answer = ask(&broker, get(target, &lines)).await;
            assert_eq!(answer.status, status, "{settings} {target} case {number}: {answer:?}");
            assert_common_headers(&answer);
            let line = line_of(&broker, &id).await;
            if values.is_empty() {
                assert_eq!(outcome(&line), "IssueDownloadUrl presignedurl UNAUTHENTICATED missing_token");
            }
            let protocol = if target == DOWNLOAD { "rest" } else { "presignedurl" };
            assert_eq!((line["protocol"].as_str(), line["subject"].is_string()), (Some(protocol), status == 200));
            if status == 401 && protocol == "presignedurl" {
                let body = answer.json();
                assert!(body["message"].is_string() && body["requestId"] == *id, "{body}");
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            }
        }
        broker.finish().await;
    }
}

#[tokio::test]
async fn its_errors_have_a_message() {
    let broker = start("").await;
    let good = format!("authorization: {}", broker.authorization());
    for (request, status) in [
        (get("/presignedurl", &[&good]), 400),
        (get("/presignedurl?", &[&good]), 400),
        (get("/presignedurl?key=", &[&good]), 400),
        (get("/presignedurl?key=a&key=b", &[&good]), 400),
        (get("/presignedurl?key=a&bucket=other", &[&good]), 400),
        (get("/presignedurl?Key=a", &[&good]), 400),
        (get("/presignedurl?key=x", &[]), 401),
        (post("/presignedurl", &[&good], r#"{"key":"x","content_type":"image/png","content_length":5}"#), 403),
        (post("/presignedurl", &[&good], r#"{"key":"x","bucket":"media"}"#), 400),
        (post("/presignedurl?key=x", &[&good], "{}"), 400),
        (get("/presignedurl/?key=x", &[&good]), 404),
        (get("/a/b/presignedurl?key=x", &[&good]), 404),
    ] {
        let answer = ask(&broker, &request).await;
        assert_eq!(answer.status, status, "{request}: {answer:?}");
        assert!(answer.json()["message"].is_string(), "{answer:?}");
    }
    broker.finish().await;
}
