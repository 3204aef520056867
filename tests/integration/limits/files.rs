//! A process that has no more files.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use super::broker::{ISSUER, authorization, until};
use super::raw::{RawClient, SETTINGS};
use crate::serve_process::{configured, issuer, log_lines, serving_at};
use crate::support::{Client, Process, VARIABLES};

#[tokio::test]
async fn a_process_without_files_left_says_so_once_and_serves_again_when_it_has_some() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
    let address: SocketAddr = serving_at(&mut process).parse().unwrap();
    let open = fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count();
    let limit = format!("--nofile={0}:{0}", open + 3);
    let limited = Command::new("prlimit").args(["--pid", &process.id().to_string(), &limit]).status().unwrap();
    assert!(limited.success());

    let mut clients = Vec::new();
    let warnings = |process: &Process| {
        let lines = log_lines(process);
        lines
            .iter()
            .filter(|line| line["message"].as_str().is_some_and(|text| text.contains("cannot be accepted")))
            .count()
    };
    while warnings(&process) == 0 {
        assert!(clients.len() < 100, "connections are accepted without files");
        clients.push(RawClient::connect(address).await);
        tokio::task::yield_now().await;
    }
    // Those who were accepted before are served on.
    let mut first = clients.remove(0);
    first.send(super::raw::PREFACE).await.unwrap();
    first.wait_for(SETTINGS).await;
    drop(first);
    drop(clients);
    let called = async { Client::connect(address, &[&authorization(&issuer)]).await.download("media", "x").await };
    tokio::time::timeout(super::broker::PATIENCE, called).await.expect("a call is answered").unwrap();
    assert_eq!(warnings(&process), 1);
    until("the call's line", || log_lines(&process).iter().any(|line| line["subject"] == "somebody")).await;
}
