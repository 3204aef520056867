//! What systemd is told.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::limits::broker::ISSUER;
use crate::serve_process::{configured, issuer, log_lines, serving_at};
use crate::support::{Process, VARIABLES};

#[tokio::test]
async fn the_service_manager_is_told_of_the_start_and_of_the_stop() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let path = folder.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let told = || {
        let mut message = [0; 256];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let variables = [&VARIABLES[..], &[("NOTIFY_SOCKET", path.to_str().unwrap())]].concat();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
    assert_eq!(told(), "READY=1\n");
    serving_at(&mut process);
    process.signal("TERM");
    assert_eq!(told(), "STOPPING=1\n");
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
    assert!(log_lines(&process).iter().any(|line| line["message"] == "the service manager cannot be told"));
}
