//! A process that has no more files.

use std::fs;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time;

use crate::support::events::{ACCEPT_FAILED, SERVING_ADMIN};
use crate::support::raw::{RawClient, SETTINGS};
use crate::support::{
    Client, ISSUER, PATIENCE, Process, VARIABLES, authorization, configured, configuring, eventually, issuer,
    log_lines, serving_at,
};

#[tokio::test]
async fn a_process_without_files_left_says_so_once_and_serves_again_when_it_has_some() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
    let address: SocketAddr = serving_at(&mut process).parse().unwrap();
    let open = fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count();
    process.limit_open_files(open as u64 + 3);

    let mut clients = Vec::new();
    let warnings = |process: &Process| ACCEPT_FAILED.count(&log_lines(process));
    while warnings(&process) == 0 {
        assert!(clients.len() < 100, "connections are accepted without files");
        clients.push(RawClient::connect(address).await);
        tokio::task::yield_now().await;
    }
    // Those who were accepted before are served on.
    let mut first = clients.remove(0);
    first.send(crate::support::raw::PREFACE).await.unwrap();
    first.wait_for(SETTINGS).await;
    drop(first);
    drop(clients);
    let called = async { Client::connect(address, &[&authorization(&issuer)]).await.download("media", "x").await };
    time::timeout(PATIENCE, called).await.expect("a call is answered").unwrap();
    assert_eq!(warnings(&process), 1);
    let is_logged = || log_lines(&process).iter().any(|line| line["subject"] == "somebody");
    eventually("the line of the call", PATIENCE, async || is_logged()).await;
}

fn admin_address(process: &Process) -> SocketAddr {
    let lines = log_lines(process);
    let line = lines.iter().find(|line| SERVING_ADMIN.is(line)).unwrap();
    line["address"].as_str().unwrap().parse().unwrap()
}

/// A sample of `/metrics`, from a connection of its own. `None` if the connection was closed to make room for another.
async fn sample(admin: SocketAddr, name: &str) -> Option<f64> {
    let text = crate::support::http_get(format!("http://{admin}/metrics")).await.ok()?.text().await.ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Some(line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap())
}

/// 64 open files are far too few for the default limits. Peers take every descriptor that they can get, on both ports,
/// and hold it.
#[tokio::test]
async fn with_few_open_files_the_audit_file_is_rotated_and_the_policy_read_whatever_peers_hold() {
    let issuer = issuer().await;
    let folder = configuring(ISSUER, issuer.jwks())
        .setting("policy", "reload_interval", "1s")
        .audit("output = \"file\"\nfile = \"audit.jsonl\"\nrotate_size = \"64KiB\"\nrotate_keep = 100")
        .write_folder();
    let arguments = ["serve", "--config", "broker.toml"];
    let mut process = Process::start_with_open_files(64, &arguments, folder, &VARIABLES);
    let address: SocketAddr = serving_at(&mut process).parse().unwrap();
    let admin = admin_address(&process);
    let client = Client::connect(address, &[&authorization(&issuer)]).await;
    client.download("media", "before").await.unwrap();

    let mut held = Vec::new();
    for _ in 0..150 {
        held.push(TcpStream::connect(address).await.unwrap());
        let mut half_sent = TcpStream::connect(admin).await.unwrap();
        let _closed = half_sent.write_all(b"GET /metrics HTTP/1.1\r\n").await;
        held.push(half_sent);
    }
    // Known to give way for lack of a place, not of a file.
    let refused = "access_broker_connections_total{event=\"displaced\"}";
    let displaced = async || sample(admin, refused).await.unwrap_or_default();
    eventually("connections over the limit give way", PATIENCE, async || displaced().await >= 100.0).await;

    let generation = async || sample(admin, "access_broker_policy_generation").await.unwrap_or_default();
    assert!(generation().await <= 1.0);
    let policy = fs::read_to_string(process.path("policy.toml")).unwrap();
    crate::support::replace(&process.path("policy.toml"), policy.replace("\"all\"", "\"every\""));
    // Records of about a KiB, so that the file is rotated several times.
    let key = "x".repeat(1_000);
    let rotated = || {
        fs::read_dir(process.path(""))
            .unwrap()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("audit.jsonl"))
            .count()
    };
    for _ in 0..200 {
        client.download("media", &key).await.unwrap();
    }
    assert!(rotated() >= 3, "{}", rotated());
    eventually("a reload of the policy", PATIENCE, async || generation().await >= 2.0).await;
    client.download("media", "after").await.unwrap();

    let effective = "access_broker_connections_limit{kind=\"effective\"}";
    assert_eq!(sample(admin, effective).await, Some(24.0));
    assert_eq!(sample(admin, "access_broker_connections_total{event=\"accept_failed\"}").await, Some(0.0));
    assert_eq!(sample(admin, "access_broker_admin_connections_total{event=\"accept_failed\"}").await, Some(0.0));
    let is_warning = |line: &&Value| line["level"] == "WARN" && line["open_files_limit"].is_u64();
    let lines = log_lines(&process);
    let warnings: Vec<_> = lines.iter().filter(is_warning).collect();
    let [warning] = warnings[..] else { panic!("{warnings:?}") };
    let text = warning["message"].as_str().unwrap();
    assert!(["limits.max_connections", "ulimit -n", "LimitNOFILE="].iter().all(|named| text.contains(named)), "{text}");
    assert_eq!((&warning["open_files_limit"], &warning["effective"]), (&64.into(), &24.into()));
    drop(held);
}
