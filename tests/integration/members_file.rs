//! The members file of a running server, as an operator and other programs use it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use access_broker_dev::EmbeddedIssuer;
use serde_json::{Value, json};
use tokio::time;

use crate::support::events::SERVING_ADMIN;
use crate::support::{
    Client, PATIENCE, Process, VARIABLES, configuring, eventually, folder, http_get, issuer, log_lines, replace, run,
    serving_at,
};

const ISSUER: &str = "https://login.example.com";

const POLICY: &str = r#"
[[tier]]
name = "all"
bucket = "media"
prefix = ""
download = {}

[[grant]]
tiers = ["all"]
operations = ["download"]
to = { members_of = ["editors"] }
"#;

fn members(names: &[&str]) -> String {
    format!("[[group]]\nname = \"editors\"\nissuer = \"{ISSUER}\"\nmembers = {names:?}\n")
}

struct Server {
    process: Process,
    issuer: EmbeddedIssuer,
    address: String,
    admin: String,
}

impl Server {
    async fn start(names: &[&str]) -> Self {
        let (issuer, folder) = (issuer().await, folder());
        replace(&folder.path().join("members.toml"), members(names));
        replace(&folder.path().join("policy.toml"), POLICY);
        configuring(ISSUER, issuer.jwks())
            .table("policy", "reload_interval = \"1s\"\nsettle = \"2s\"")
            .setting("policy", "file", "policy.toml")
            .setting("policy", "members_file", "members.toml")
            .without_policy()
            .write_files(folder.path());
        let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
        let address = tokio::task::block_in_place(|| serving_at(&mut process));
        let admin = log_lines(&process)
            .iter()
            .find_map(|line| (SERVING_ADMIN.is(line)).then(|| line["address"].as_str().unwrap().to_owned()));
        Self { process, issuer, address, admin: admin.unwrap() }
    }

    fn members(&self) -> PathBuf {
        self.process.path("members.toml")
    }

    async fn allows(&self, more: Value) -> bool {
        let expiry = SystemTime::now() + Duration::from_mins(10);
        let mut claims =
            json!({ "iss": ISSUER, "aud": "broker", "exp": expiry.duration_since(UNIX_EPOCH).unwrap().as_secs() });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let authorization = format!("Bearer {}", self.issuer.sign_claims(&claims).unwrap());
        let client = Client::connect(self.address.parse().unwrap(), &[&authorization]).await;
        match client.download("media", "a.jpg").await {
            Ok(_) => true,
            Err(status) if status.code() == tonic::Code::PermissionDenied => false,
            Err(status) => panic!("{status:?}"),
        }
    }

    async fn until_allows(&self, subject: &str, expected: bool) {
        let what = format!("{subject} is a member: {expected}");
        eventually(&what, PATIENCE, async || self.allows(json!({ "sub": subject })).await == expected).await;
    }

    async fn until_log_has(&self, text: &str) {
        let found = async || if self.process.stderr().contains(text) { Ok(()) } else { Err(self.process.stderr()) };
        eventually(text, PATIENCE, found).await;
    }

    async fn until_file_in_force(&self, expected: bool) {
        let has = async || {
            let metrics = http_get(format!("http://{}/metrics", self.admin)).await.unwrap().text().await.unwrap();
            let line = metrics.lines().find_map(|line| line.strip_prefix("access_broker_policy_file_in_force "));
            (line.unwrap().parse::<f64>().unwrap() > 0.5) == expected
        };
        eventually(&format!("files active: {expected}"), PATIENCE, has).await;
    }

    fn stop(mut self) {
        self.process.signal("TERM");
        assert!(self.process.exit().success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_and_go_while_the_server_runs() {
    let server = Server::start(&["ada"]).await;
    assert!(server.allows(json!({ "sub": "ada" })).await);
    assert!(!server.allows(json!({ "sub": "bob" })).await);
    assert!(!server.allows(json!({ "sub": "bob", "groups": ["editors"], "members_of": ["editors"] })).await);

    replace(&server.members(), members(&["bob"]));
    server.until_allows("bob", true).await;
    assert!(!server.allows(json!({ "sub": "ada" })).await);
    // The log has what sha256sum prints.
    let sum = run(Command::new("sha256sum").arg("members.toml").current_dir(server.process.path("")));
    let hash = sum.split_whitespace().next().unwrap().to_owned();
    server.until_log_has(&format!("\"members_hash\":\"{hash}\"")).await;

    // In place, it waits for settle.
    fs::write(server.members(), members(&["bob", "carol"])).unwrap();
    server.until_log_has("members file was changed in place; it becomes active").await;
    server.until_allows("carol", true).await;
    server.until_file_in_force(true).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_or_missing_members_file_changes_nothing_and_holds_back_the_policy() {
    let server = Server::start(&["ada"]).await;
    let open = POLICY.replace("members_of = [\"editors\"]", "authenticated = true");
    replace(&server.members(), "[[group]]\nname = \"editors\"\n");
    server.until_log_has("policy refused: the members file is invalid").await;
    server.until_log_has("members.toml:1: group[0].issuer is required").await;
    server.until_file_in_force(false).await;
    replace(&server.process.path("policy.toml"), &open);
    time::sleep(Duration::from_secs(3)).await;
    assert!(server.allows(json!({ "sub": "ada" })).await && !server.allows(json!({ "sub": "bob" })).await);

    fs::remove_file(server.members()).unwrap();
    server.until_log_has("the members file does not exist").await;
    assert!(server.allows(json!({ "sub": "ada" })).await && !server.allows(json!({ "sub": "bob" })).await);

    replace(&server.members(), members(&["carol"]));
    server.until_allows("bob", true).await;
    server.until_file_in_force(true).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_and_start_read_the_members_file() {
    let server = Server::start(&["ada", "bob"]).await;
    let path = server.process.path("");
    let command = |arguments: &[&str]| {
        let output = Process::output(arguments, &path, &VARIABLES);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let check = ["check", "--config", "broker.toml"];
    let hash = run(Command::new("sha256sum").arg("members.toml").current_dir(&path));
    let hash = hash.split_whitespace().next().unwrap().to_owned();
    let (code, told, errors) = command(&check);
    assert_eq!(code, Some(0), "{errors}");
    assert!(told.contains(&format!("\nmembers file members.toml: groups: 1; members: 2; hash {hash}\n")), "{told}");
    let (_, told, _) = command(&[&check[..], &["--format", "json"]].concat());
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["members_file"], &told["members_hash"]), (&json!("members.toml"), &json!(hash)));
    assert_eq!((&told["member_groups"], &told["members"]), (&json!(1), &json!(2)));

    fs::remove_file(server.members()).unwrap();
    for arguments in [&check[..], &["serve", "--config", "broker.toml"]] {
        let (code, _, errors) = command(arguments);
        assert_eq!(code, Some(78), "{errors}");
        assert!(errors.contains("policy.members_file: members.toml does not exist"), "{errors}");
    }
    let (_, told, _) = command(&[&check[..], &["--format", "json"]].concat());
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["errors"][0]["setting"], "policy.members_file");
    server.stop();
}
