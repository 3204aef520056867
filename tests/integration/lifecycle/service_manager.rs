//! What systemd is told.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::raw::RawClient;
use crate::support::{ISSUER, Process, VARIABLES, configured, issuer, log_lines, serving_at, serving_on};

/// The manager's socket.
pub(super) struct Manager(UnixDatagram);

impl Manager {
    pub(super) fn listen(folder: &Path) -> (Self, String) {
        let path = folder.join("notify.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        (Self(socket), path.to_str().unwrap().to_owned())
    }

    /// The same with an abstract name.
    fn listen_abstractly() -> (Self, String) {
        let name = format!("access-broker-test-{}", std::process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        (Self(socket), format!("@{name}"))
    }

    /// The next message.
    fn told(&self) -> String {
        let mut message = [0; 1_024];
        let length = self.0.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    /// Every message up to one that begins so, which is the last of them.
    pub(super) fn told_until(&self, beginning: &str) -> Vec<String> {
        let mut messages = Vec::new();
        loop {
            let message = self.told();
            messages.push(message.clone());
            if message.starts_with(beginning) {
                return messages;
            }
            assert!(messages.len() < 1_000, "{messages:?}");
        }
    }
}

#[tokio::test]
async fn the_service_manager_is_told_of_the_start_of_reloads_and_of_the_stop() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let (manager, path) = Manager::listen(folder.path());
    let variables = [&VARIABLES[..], &[("NOTIFY_SOCKET", &path)]].concat();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
    let start = manager.told_until("READY=1");
    assert_eq!(start[0], "STATUS=starting: reading the policy\n");
    assert_eq!(start.last().unwrap(), "READY=1\nSTATUS=serving\n");
    assert!(start.iter().rev().skip(1).all(|message| message.starts_with("STATUS=starting")), "{start:?}");
    serving_at(&mut process);
    for _ in 0..2 {
        process.signal("HUP");
        let reload = manager.told_until("READY=1");
        let (parts, microseconds) = reload[0].trim_end().split_once("\nMONOTONIC_USEC=").unwrap();
        assert_eq!((parts, reload.len()), ("RELOADING=1", 2), "{reload:?}");
        assert!(microseconds.parse::<u64>().unwrap() > 0);
    }
    process.signal("TERM");
    let stop = manager.told_until("STOPPING=1");
    assert_eq!(stop, ["STOPPING=1\nSTATUS=stopping: no new calls after the drain delay\n"]);
    assert_eq!(process.exit().code(), Some(0));
}

/// What `/metrics` says.
async fn scrape(admin: std::net::SocketAddr) -> String {
    crate::support::http_get(format!("http://{admin}/metrics")).await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_watchdog_is_told_while_the_server_answers_itself_and_no_client_has_less_for_it() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let (manager, path) = Manager::listen(folder.path());
    let variables = [
        ("NOTIFY_SOCKET", path.as_str()),
        ("WATCHDOG_USEC", "600000"),
        ("ACCESS_BROKER_LIMITS__MAX_CONNECTIONS", "1"),
        ("ACCESS_BROKER_LIMITS__MAX_UNPROVEN_CONNECTIONS", "1"),
        ("ACCESS_BROKER_LOG__LEVEL", "debug"),
    ];
    let variables = [&VARIABLES[..], &variables].concat();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
    let (addresses, admin) = tokio::task::block_in_place(|| serving_on(&mut process));
    let _only_place = RawClient::greet(addresses[0]).await;
    tokio::task::block_in_place(|| {
        for _ in 0..5 {
            manager.told_until("WATCHDOG=1");
        }
    });
    let metrics = scrape(admin).await;
    let accepted = metrics.lines().find(|line| line.contains("connections_total{event=\"accepted\"}"));
    let accepted = accepted.unwrap_or_else(|| panic!("{metrics}"));
    assert!(accepted.ends_with(" 1"), "{accepted}");
    for sample in metrics.lines().filter(|line| line.starts_with("grpc_server_started_total")) {
        assert!(sample.ends_with(" 0"), "{sample}");
    }
    assert!(log_lines(&process).iter().all(|line| line["target"] != "access"));
    // A process that stands still answers nothing, and tells nothing.
    process.signal("STOP");
    manager.0.set_nonblocking(true).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    while manager.0.recv(&mut [0; 1_024]).is_ok() {}
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(manager.0.recv(&mut [0; 1_024]).is_err(), "told by a process that stands still");
    process.signal("CONT");
    manager.0.set_nonblocking(false).unwrap();
    tokio::task::block_in_place(|| manager.told_until("WATCHDOG=1"));
    process.signal("TERM");
    assert_eq!(tokio::task::block_in_place(|| process.exit()).code(), Some(0));
}

#[tokio::test]
async fn a_watchdog_of_another_process_is_not_told() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let (manager, path) = Manager::listen(folder.path());
    let variables = [("NOTIFY_SOCKET", path.as_str()), ("WATCHDOG_USEC", "30000"), ("WATCHDOG_PID", "1")];
    let variables = [&VARIABLES[..], &variables].concat();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
    serving_at(&mut process);
    std::thread::sleep(Duration::from_millis(200));
    process.signal("TERM");
    let told = manager.told_until("STOPPING=1");
    assert!(!told.iter().any(|message| message.contains("WATCHDOG")), "{told:?}");
    assert_eq!(process.exit().code(), Some(0));
}

#[tokio::test]
async fn a_service_manager_that_is_not_there_stops_nothing() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let variables = [&VARIABLES[..], &[("NOTIFY_SOCKET", "/nowhere/notify.sock")]].concat();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
    serving_at(&mut process);
    process.signal("TERM");
    assert_eq!(process.exit().code(), Some(0));
    let is_warned = |line: &Value| {
        line["level"] == "WARN" && line["target"].as_str().is_some_and(|target| target.ends_with("::service_manager"))
    };
    assert!(log_lines(&process).iter().any(is_warned));
}

#[tokio::test]
async fn a_service_manager_with_an_abstract_name_is_told() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let (manager, name) = Manager::listen_abstractly();
    let variables = [&VARIABLES[..], &[("NOTIFY_SOCKET", &name)]].concat();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
    assert_eq!(manager.told_until("READY=1").last().unwrap(), "READY=1\nSTATUS=serving\n");
    process.signal("TERM");
    assert_eq!(manager.told_until("STOPPING=1").len(), 1);
    assert_eq!(process.exit().code(), Some(0));
}
