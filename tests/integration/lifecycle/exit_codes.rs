//! How processes end.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use crate::support::events::STOPPING;
use crate::support::raw::{GOAWAY, PING, RawClient, frame};
use crate::support::{ISSUER, Process, VARIABLES, authorization, configured, issuer, log_lines, serving_at};

const SERVE: [&str; 3] = ["serve", "--config", "broker.toml"];

/// A process that serves, with these settings of `[server]` from the environment.
async fn serving(settings: &[(&str, &str)]) -> (Process, SocketAddr, String) {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let mut process = Process::start(&SERVE, folder, &[&VARIABLES, settings].concat());
    let address = serving_at(&mut process).parse().unwrap();
    (process, address, authorization(&issuer))
}

#[tokio::test]
async fn either_signal_stops_with_0() {
    for signal in ["TERM", "INT"] {
        let (mut process, ..) = serving(&[]).await;
        process.signal(signal);
        assert_eq!(process.exit().code(), Some(0), "{signal}");
        assert_eq!(log_lines(&process).last().unwrap()["message"], "stopped");
    }
}

#[tokio::test]
async fn a_second_signal_ends_at_once_with_a_code_of_its_own() {
    for (first, second, code) in [("TERM", "TERM", 143), ("TERM", "INT", 130), ("INT", "INT", 130)] {
        let (mut process, ..) = serving(&[("ACCESS_BROKER_SERVER__DRAIN_DELAY", "1m")]).await;
        process.signal(first);
        process.wait_for("stopping server", |process| {
            log_lines(process).iter().any(|line| STOPPING.is(line)).then_some(())
        });
        let begun = Instant::now();
        process.signal(second);
        let status = process.exit();
        assert_eq!((status.code(), status.signal()), (Some(code), None), "{first} {second}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn calls_that_do_not_end_and_peers_that_are_gone_change_neither_code_nor_end() {
    let (mut process, address, authorization) = serving(&[("ACCESS_BROKER_SERVER__SHUTDOWN_GRACE", "1s")]).await;
    let _silent = RawClient::connect(address).await;
    let mut client = RawClient::greet(address).await;
    client.open_call(1, &authorization).await;
    client.send(&frame(PING, 0, 0, &[1; 8])).await.unwrap();
    client.wait_for(PING).await;
    process.signal("TERM");
    assert_eq!(client.wait_for(GOAWAY).await.goaway_code(), Some(0));
    let begun = Instant::now();
    assert_eq!(process.exit().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let cut = log_lines(&process).into_iter().find(|line| line["target"] == "access").expect("the call's line");
    assert!(cut["code"] != "OK" && cut["subject"] == "somebody", "{cut}");
}

#[tokio::test]
async fn a_process_whose_address_is_taken_fails_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    for flag in ["--grpc-addr", "--admin-addr"] {
        let output = Process::output(&[&SERVE[..], &[flag, &address]].concat(), folder.path(), &VARIABLES);
        assert_eq!(output.status.code(), Some(1), "{flag}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<serde_json::Value> = stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let last = lines.last().unwrap();
        assert!(last["level"] == "ERROR" && last["cause"].as_str().unwrap().contains(&address), "{last}");
    }
}

#[tokio::test]
async fn a_wrong_command_line_is_2_and_a_wrong_configuration_78() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let code = |arguments: &[&str], variables: &[(&str, &str)]| {
        Process::output(arguments, folder.path(), &[&VARIABLES, variables].concat()).status.code()
    };
    assert_eq!(code(&["serve", "--no-such-flag"], &[]), Some(2));
    assert_eq!(code(&SERVE, &[("ACCESS_BROKER_LIMITS__CALL_TIMEOUT", "1h")]), Some(78));
    assert_eq!(code(&SERVE, &[("ACCESS_BROKER_LIMITS__MAX_CONNECTIONS", "none")]), Some(78));
}
