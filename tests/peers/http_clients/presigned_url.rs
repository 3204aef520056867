//! The call `/presignedurl` as the scripts make it that exist for the Lambda function which the product replaces.

use access_broker_dev::CUTE_CAT;
use serde_json::{Value, json};

use super::{bash, run};
use crate::registry::{Registry, register};
use crate::support::{SUPER_CUTE_CAT, TestServer, folder};

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(
        registry,
        [Shell],
        the_line_of_existing_scripts_gets_a_url,
        refusals_have_a_status_and_a_message,
        an_upload_takes_the_headers_of_the_answer
    );
}

/// Runs a script with the variables of existing scripts. `API_URL` ends in a stage.
async fn session(server: &TestServer, user: &str, script: &str) -> String {
    let directory = folder();
    let api_url = format!("http://{}/dev", server.environment().grpc_addr);
    let mut bash = bash(script, directory.path());
    run(bash.env("API_URL", api_url).env("TOKEN_ID", server.token(user)), "").await
}

async fn the_line_of_existing_scripts_gets_a_url() {
    let server = TestServer::start().await;
    let line = r#"curl -G -H "Authorization: Bearer $TOKEN_ID" --data-urlencode "key=tier 1/cute-cat.jpg" "$API_URL/presignedurl""#;
    for user in ["user-one", "user-two"] {
        let answer: Value = serde_json::from_str(&session(&server, user, line).await).unwrap();
        assert_eq!((&answer["method"], &answer["headers"]), (&json!("GET"), &json!({})), "{answer}");
        let object = reqwest::get(answer["url"].as_str().unwrap()).await.unwrap();
        assert_eq!(object.error_for_status().unwrap().bytes().await.unwrap(), CUTE_CAT.content);
    }
    server.finish().await;
}

async fn refusals_have_a_status_and_a_message() {
    let server = TestServer::start().await;
    let proof = r#"-H "Authorization: Bearer $TOKEN_ID""#;
    let key = format!("-G --data-urlencode 'key={SUPER_CUTE_CAT}'");
    for (arguments, status, reason) in [
        (format!("{proof} {key}"), 403, "OPERATION_NOT_GRANTED"),
        (key.clone(), 401, "CALLER_NOT_AUTHENTICATED"),
        (format!("{proof}x {key}"), 401, "CALLER_NOT_AUTHENTICATED"),
        (format!(r#"-H "Authorization: $TOKEN_ID" {key}"#), 401, "CALLER_NOT_AUTHENTICATED"),
        (proof.to_owned(), 400, "REQUEST_INVALID"),
        (format!("{proof} -G --data-urlencode key="), 400, "REQUEST_INVALID"),
        (format!("{proof} {key} -d key=x"), 400, "REQUEST_INVALID"),
        (format!("{proof} -G -d name=x"), 400, "REQUEST_INVALID"),
    ] {
        let script = format!(
            r#"curl -sS -w '\n%{{http_code}} %header{{www-authenticate}}' {arguments} "$API_URL/presignedurl""#
        );
        let printed = session(&server, "user-two", &script).await;
        let (body, head) = printed.rsplit_once('\n').unwrap();
        let challenge = if status == 401 { "Bearer" } else { "" };
        assert_eq!(head, format!("{status} {challenge}"), "{arguments}: {body}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["reason"], reason, "{arguments}: {body}");
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{arguments}: {body}");
        assert_eq!(body["url"], Value::Null);
    }
    server.finish().await;
}

async fn an_upload_takes_the_headers_of_the_answer() {
    let server = TestServer::start().await;
    let key = "tier 2/a+b é.jpg";
    let script = r#"
        printf 'a new cat' > new-cat.jpg
        jq -n --arg key "$KEY" --arg sha256 "$(openssl dgst -sha256 -binary new-cat.jpg | base64)" \
            '{key: $key, content_type: "image/jpeg", content_length: 9, checksum: {sha256: $sha256}}' > upload.json
        curl -sS -f -H "Authorization: Bearer $TOKEN_ID" -H "Content-Type: application/json" -d @upload.json \
            "$API_URL/presignedurl" > answer.json
        jq -r '.headers | to_entries[] | "\(.key): \(.value)"' answer.json > headers.txt
        curl -sS -f -H @headers.txt -T new-cat.jpg "$(jq -r .url answer.json)"
        cat answer.json
    "#;
    let script = format!("KEY='{key}'\n{script}");
    let answer: Value = serde_json::from_str(&session(&server, "user-one", &script).await).unwrap();
    assert_eq!((&answer["method"], &answer["tier"]), (&json!("PUT"), &json!("tier-2")), "{answer}");
    assert_eq!(server.stored(key).as_deref(), Some(&b"a new cat"[..]));
    server.finish().await;
}
