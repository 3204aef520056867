//! Issuers with claims of their own kinds, against a running broker: what identifies a caller, and how large a token is.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use crate::support::broker::issuer_with_keys;
use crate::support::http1::Http1Client;
use crate::support::workloads::tokens::{AUDIENCE, TokenKey, in_ten_minutes};
use crate::support::{AccessLines, Builder, Client, Process, VARIABLES, serving_at};

const POLICY: &str = r#"
[[tier]]
name = "own"
bucket = "media"
prefix = "own/{sub}/"
download = {}

[[tier]]
name = "shared"
bucket = "media"
prefix = "shared/"
download = {}

[[grant]]
tiers = ["own"]
operations = ["download"]
to = { issuers = ["https://a.example"] }

[[grant]]
tiers = ["shared"]
operations = ["download"]
to = { issuers = ["https://a.example"], groups = ["editor"] }
"#;

const ISSUER: &str = "subject_claim = [\"sub\", \"common_name\", \"/user/id\"]\n\
                      groups_claim = [\"groups\", \"/realm_access/roles\"]\n";

struct Broker {
    process: Process,
    address: SocketAddr,
    lines: AccessLines,
    key: TokenKey,
}

impl Broker {
    fn start(max_metadata_size: &str) -> Self {
        let key = TokenKey::generate();
        let issuer = issuer_with_keys("https://a.example", "a.json").set("algorithms", vec!["ES256"]).with(ISSUER);
        let folder = Builder::new()
            .limits(&format!("max_metadata_size = \"{max_metadata_size}\""))
            .audit("output = \"none\"")
            .policy(POLICY)
            .issuer(issuer)
            .file("a.json", key.jwks("sig").to_string())
            .write_folder();
        let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
        let address = serving_at(&mut process).parse().unwrap();
        Self { process, address, lines: AccessLines::default(), key }
    }

    fn token(&self, claims: &Value) -> String {
        let mut all = Map::new();
        all.insert("iss".to_owned(), json!("https://a.example"));
        all.insert("aud".to_owned(), json!(AUDIENCE));
        all.insert("exp".to_owned(), json!(in_ten_minutes()));
        all.extend(claims.as_object().unwrap().clone());
        self.key.sign(&Value::Object(all))
    }

    /// The access line of a call by gRPC.
    async fn line(&mut self, claims: &Value, key: &str) -> Value {
        let authorization = format!("Bearer {}", self.token(claims));
        let client = Client::connect(self.address, &[&authorization]).await;
        let _refused = client.download("media", key).await.err();
        self.lines.next(&mut self.process)
    }

    fn finish(mut self) {
        self.process.signal("TERM");
        assert!(self.process.exit().success());
    }
}

#[tokio::test]
async fn the_same_text_in_another_claim_is_another_caller() {
    let mut broker = Broker::start("16KiB");
    let editor = json!({ "roles": ["editor"] });
    let mut callers = Vec::new();
    for (claims, claim) in [
        (json!({ "sub": "ada" }), Value::Null),
        (json!({ "sub": "", "common_name": "ada" }), json!("common_name")),
        (json!({ "user": { "id": "ada" } }), json!("/user/id")),
    ] {
        let mut with_role = claims.clone();
        with_role["realm_access"] = editor.clone();
        let shared = broker.line(&with_role, "shared/x").await;
        let outcome = (shared["code"].as_str(), shared["subject"].as_str(), &shared["subject_claim"]);
        assert_eq!(outcome, (Some("OK"), Some("ada"), &claim), "{shared}");
        callers.push(shared["caller_id"].as_str().unwrap().to_owned());
        assert_eq!(broker.line(&claims, "shared/x").await["reason"], "not_granted", "{claims}");
        // The prefix is of the subject in `sub` only.
        let own = broker.line(&claims, "own/ada/x").await;
        assert_eq!(own["code"] == "OK", claim.is_null(), "{own}");
    }
    callers.sort();
    callers.dedup();
    assert_eq!(callers.len(), 3);
    broker.finish();
}

#[tokio::test]
async fn a_token_may_be_as_large_as_the_metadata() {
    let mut broker = Broker::start("64KiB");
    let roles: Vec<String> = (0..1_000).map(|index| format!("department-{index:03}-editor")).collect();
    let mut claims = json!({ "sub": "ada", "realm_access": { "roles": roles } });
    claims["realm_access"]["roles"][999] = json!("editor");
    assert!((32_000..60_000).contains(&broker.token(&claims).len()));
    assert_eq!(broker.line(&claims, "shared/x").await["code"], "OK");
    assert_eq!(broker.line(&claims, "own/ada/x").await["code"], "OK");
    broker.finish();

    // The head of an HTTP/1 request may always have 8 KiB, but not the token in it.
    let mut broker = Broker::start("4KiB");
    for (bytes, reason) in [(3_000, Value::Null), (5_000, json!("token_too_large"))] {
        let claims = json!({ "sub": "ada", "pad": "x".repeat(bytes * 3 / 4) });
        let token = broker.token(&claims);
        let mut client = Http1Client::connect(broker.address).await;
        client
            .send(format!(
                "GET /v1/downloadUrl?bucket=media&key=own/ada/x HTTP/1.1\r\nhost: broker.example\r\n\
                 authorization: Bearer {token}\r\n\r\n"
            ))
            .await
            .unwrap();
        client.answer().await.unwrap();
        let line = broker.lines.next(&mut broker.process);
        assert_eq!(line["reason"], reason, "{line}");
    }
    broker.finish();
}
