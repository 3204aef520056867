//! Whom a policy means, told from outside: claims of every JSON type, from two issuers, against a running broker.

use serde_json::{Map, Value, json};
use tonic::Code;

use crate::support::broker::issuer_with_keys;
use crate::support::workloads::tokens::{AUDIENCE, TokenKey, in_ten_minutes};
use crate::support::{AccessLines, Builder, Client, Process, VARIABLES, error_info, serving_at};

const STRICT: &str = "required_claims = [\"dept\"]";

/// A folder for each rule. The denials are in folders that all may read otherwise.
const POLICY: &str = r#"
[[tier]]
name = "granted"
bucket = "media"
prefix = "granted/"
download = {}

[[grant]]
tiers = ["granted"]
operations = ["download"]
to = { issuers = ["https://a.example"], claims = { dept = "finance" } }

[[grant]]
tiers = ["granted"]
operations = ["download"]
to = { issuers = ["https://a.example"], groups = ["admins"] }

[[grant]]
tiers = ["granted"]
operations = ["download"]
to = { issuers = ["https://a.example"], claims = { email = "me@a.example" } }

[[tier]]
name = "by-any-issuer"
bucket = "media"
prefix = "any/"
download = {}

[[grant]]
tiers = ["by-any-issuer"]
operations = ["download"]
to = { issuers = "any", groups = ["admins"] }

[[tier]]
name = "but-finance"
bucket = "media"
prefix = "but-finance/"
download = {}

[[denial]]
tiers = ["but-finance"]
to = { claims = { dept = "finance" } }

[[tier]]
name = "but-contractors"
bucket = "media"
prefix = "but-contractors/"
download = {}

[[denial]]
tiers = ["but-contractors"]
to = { groups = ["contractors"] }

[[tier]]
name = "but-unknown"
bucket = "media"
prefix = "but-unknown/"
download = {}

[[denial]]
tiers = ["but-unknown"]
required_claims = ["groups"]
to = { issuers = ["https://a.example"], groups = ["contractors"] }

[[grant]]
tiers = ["but-finance", "but-contractors", "but-unknown"]
operations = ["download"]
to = { authenticated = true }
"#;

struct Broker {
    process: Process,
    address: String,
    lines: AccessLines,
    /// By the letter of the issuer.
    keys: [(&'static str, TokenKey); 3],
}

impl Broker {
    fn start() -> Self {
        let keys = ["a", "b", "strict"].map(|name| (name, TokenKey::generate()));
        let mut builder =
            Builder::new().setting("log", "rejected_per_second", 100_000).audit("output = \"none\"").policy(POLICY);
        for (name, key) in &keys {
            let (file, more) = (format!("{name}.json"), if *name == "strict" { STRICT } else { "" });
            let issuer = issuer_with_keys(&format!("https://{name}.example"), &file);
            builder = builder
                .issuer(issuer.set("algorithms", vec!["ES256"]).with(more))
                .file(&file, key.jwks("sig").to_string());
        }
        let folder = builder.write_folder();
        let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
        let address = serving_at(&mut process);
        Self { process, address, lines: AccessLines::default(), keys }
    }

    /// The code of the answer and the reason in the log.
    async fn outcome(&mut self, issuer: &str, claims: &Value, key: &str) -> String {
        let mut all = Map::new();
        all.insert("iss".to_owned(), json!(format!("https://{issuer}.example")));
        all.insert("aud".to_owned(), json!(AUDIENCE));
        all.insert("sub".to_owned(), json!("somebody"));
        all.insert("exp".to_owned(), json!(in_ten_minutes()));
        all.extend(claims.as_object().unwrap().clone());
        let (_, signer) = self.keys.iter().find(|(name, _)| *name == issuer).unwrap();
        let authorization = format!("Bearer {}", signer.sign(&Value::Object(all)));
        let client = Client::connect(self.address.parse().unwrap(), &[&authorization]).await;
        let answer = client.download("media", key).await;
        let line = self.lines.next(&mut self.process);
        if line["reason"] == "claim_elsewhere" {
            assert!(line["rule"].is_string(), "{line}");
            let refused = answer.unwrap_err();
            assert_eq!(refused.code(), Code::PermissionDenied);
            assert_eq!(error_info(&refused).reason, "CLAIM_ELSEWHERE");
        }
        let text = |name: &str| line[name].as_str();
        [text("code"), text("reason")].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

#[tokio::test]
async fn no_claim_changes_its_type_its_issuer_or_its_absence() {
    let mut broker = Broker::start();
    let magic = |text: &str| json!({ "$serde_json::private::RawValue": text });
    let number = json!({ "$serde_json::private::Number": "1" });
    let (granted, not) = ("OK", "PERMISSION_DENIED not_granted");
    let (denied, elsewhere) = ("PERMISSION_DENIED denied", "PERMISSION_DENIED claim_elsewhere");
    let finance = json!({ "dept": "finance" });
    for (issuer, claims, key, outcome) in [
        ("a", finance.clone(), "granted/x", granted),
        ("a", json!({ "dept": ["hr", "finance"] }), "granted/x", granted),
        ("a", json!({ "dept": magic("\"finance\"") }), "granted/x", not),
        ("a", json!({ "dept": [magic("\"finance\"")] }), "granted/x", not),
        ("a", json!({ "dept": magic("[\"x\",\"finance\"]") }), "granted/x", not),
        ("a", json!({ "dept": magic("{\"$serde_json::private::RawValue\":\"\\\"finance\\\"\"}") }), "granted/x", not),
        ("a", json!({ "dept": number }), "granted/x", not),
        ("a", json!({ "email": "me@a.example", "email_verified": true }), "granted/x", granted),
        ("a", json!({ "email": "me@a.example", "email_verified": false }), "granted/x", not),
        ("a", json!({ "email": magic("\"me@a.example\""), "email_verified": true }), "granted/x", not),
        ("a", json!({ "email": ["b@y", "me@a.example"], "email_verified": true }), "granted/x", not),
        ("a", json!({ "email": "me@a.example", "email_verified": magic("true") }), "granted/x", not),
        // The same names from another issuer.
        ("a", json!({ "groups": ["admins"] }), "granted/x", granted),
        ("b", json!({ "groups": ["admins"] }), "granted/x", not),
        ("b", finance.clone(), "granted/x", not),
        ("b", json!({ "email": "me@a.example", "email_verified": true }), "granted/x", not),
        ("b", json!({ "groups": ["admins"] }), "any/x", granted),
        ("b", json!({ "groups": null }), "any/x", not),
        // Denials.
        ("b", finance.clone(), "but-finance/x", denied),
        ("a", json!({ "dept": magic("\"x\"") }), "but-finance/x", denied),
        ("a", json!({ "dept": ["finance", magic("x")] }), "but-finance/x", denied),
        ("a", json!({ "dept": ["hr", magic("5")] }), "but-finance/x", denied),
        ("a", json!({ "dept": [["finance"]] }), "but-finance/x", denied),
        ("a", json!({ "dept": "hr" }), "but-finance/x", granted),
        ("a", json!({}), "but-finance/x", granted),
        // Claims that are elsewhere.
        ("a", json!({ "groups": ["contractors"] }), "but-contractors/x", denied),
        ("a", json!({ "_claim_names": { "groups": "src1" } }), "but-contractors/x", elsewhere),
        ("a", json!({ "hasgroups": true }), "but-contractors/x", elsewhere),
        ("a", json!({ "hasgroups": true }), "granted/x", elsewhere),
        ("a", json!({ "hasgroups": true, "dept": "finance" }), "granted/x", granted),
        ("a", json!({ "hasgroups": true }), "but-finance/x", granted),
        ("a", json!({ "_claim_names": "groups" }), "but-contractors/x", "UNAUTHENTICATED claim_names_malformed"),
        ("a", json!({ "groups": null }), "but-contractors/x", granted),
        // Claims that must be there.
        ("a", json!({ "groups": [] }), "but-unknown/x", granted),
        ("a", json!({}), "but-unknown/x", denied),
        ("a", json!({ "groups": null }), "but-unknown/x", denied),
        ("b", json!({}), "but-unknown/x", granted),
        ("strict", finance, "but-unknown/x", granted),
        ("strict", json!({}), "but-unknown/x", "UNAUTHENTICATED required_claim_missing"),
        ("strict", json!({ "dept": null }), "but-unknown/x", "UNAUTHENTICATED required_claim_missing"),
    ] {
        // Once as a new token, once as a known one.
        for time in ["first", "second"] {
            assert_eq!(broker.outcome(issuer, &claims, key).await, outcome, "{issuer} {claims} {key}, {time} time");
        }
    }
    broker.process.signal("TERM");
    assert!(broker.process.exit().success());
}
