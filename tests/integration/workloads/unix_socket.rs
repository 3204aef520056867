//! Listeners at Unix domain sockets, whose peers the kernel names.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::support::{run, start_server};
use access_broker::config::AuditOutput;

use crate::support::workloads::setup::{self, ADA, Setup, THUMBNAILER, builder, start_with};
use crate::support::{Broker, Part, start_options};

const SOCKET: &str = "broker.sock";

/// The user that runs the test.
fn own_user() -> u32 {
    run(Command::new("id").arg("-u")).trim().parse().unwrap()
}

fn listener(settings: &str) -> Part {
    setup::listener("token", settings).set("address", format!("unix:{SOCKET}"))
}

fn by_token() -> Part {
    listener("")
}

async fn start_trusting(user: u32) -> Broker {
    let header = "mesh_header = \"x-forwarded-client-cert\"";
    let proof = "proof = \"mesh-header\"\ntrust_domain = \"prod.example\"";
    start_with([listener(&format!("{proof}\n{header}\ntrusted_hop = [\"uid:{user}\"]"))]).await
}

#[tokio::test]
async fn a_header_is_believed_from_the_user_that_is_trusted_and_from_no_other() {
    let header = format!("URI={THUMBNAILER}");
    for (user, outcome, workload) in
        [(own_user(), "OK", Some(THUMBNAILER)), (own_user() + 1, "UNAUTHENTICATED hop_not_trusted", None)]
    {
        let broker = start_trusting(user).await;
        let client = broker.client_on(0, None, &[("x-forwarded-client-cert", &header)]).await;
        let called = broker.call(&client, "thumbnails/x").await;
        assert_eq!(called.outcome(), outcome);
        assert_eq!(called.caller(), (None, workload));
        broker.finish().await;
    }
}

#[tokio::test]
async fn a_token_is_a_proof_over_a_socket_too() {
    let broker = start_with([by_token()]).await;
    let authorization = format!("Bearer {}", broker.setup.token_key.of_person(ADA));
    let client = broker.client_on(0, None, &[("authorization", &authorization)]).await;
    assert_eq!(broker.call(&client, "people/x").await.outcome(), "OK");
    let nobody = broker.client_on(0, None, &[]).await;
    assert_eq!(broker.call(&nobody, "people/x").await.outcome(), "UNAUTHENTICATED missing_token");
    broker.finish().await;
}

#[tokio::test]
async fn the_file_has_its_permissions_and_is_gone_after_the_end() {
    for (setting, mode) in [("", 0o660), ("unix_mode = \"0600\"", 0o600), ("unix_mode = \"0777\"", 0o777)] {
        let mut broker = start_with([listener(setting)]).await;
        let file = fs::symlink_metadata(broker.setup.path(SOCKET)).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.permissions().mode() & 0o777, mode);
        broker.stop().await;
        assert!(!broker.setup.path(SOCKET).exists());
        broker.finish().await;
    }
}

async fn refusal(setup: &Setup) -> String {
    // Two servers have the same path for their sockets and not the same file for their records.
    let mut config = setup.config();
    config.audit.output = AuditOutput::None;
    let error = start_server(config, start_options()).await.unwrap_err();
    format!("{error:#}")
}

#[tokio::test]
async fn a_second_server_at_the_same_path_does_not_start_and_does_not_disturb_the_first() {
    let broker = start_with([by_token()]).await;
    let error = refusal(&broker.setup).await;
    assert!(error.contains(SOCKET) && error.contains("listening at unix:"), "{error}");
    let client = broker.client_on(0, None, &[]).await;
    assert_eq!(broker.call(&client, "people/x").await.outcome(), "UNAUTHENTICATED missing_token");
    broker.finish().await;
}

#[tokio::test]
async fn a_server_that_does_not_start_leaves_no_file() {
    let broken = "tls_certificate_file = \"tls.crt\"\ntls_private_key_file = \"nowhere.key\"";
    let setup = builder([by_token(), setup::listener("token", broken)]).write();
    let error = refusal(&setup).await;
    assert!(error.contains("nowhere.key"), "{error}");
    assert!(!setup.path(SOCKET).exists());
}

#[tokio::test]
async fn a_file_that_nobody_listens_at_is_replaced_if_it_is_a_socket() {
    let setup = builder([by_token()]).write();
    drop(UnixListener::bind(setup.path(SOCKET)).unwrap());
    assert!(setup.path(SOCKET).exists(), "as a server that was killed leaves it");
    let server = start_server(setup.config(), start_options()).await.unwrap();
    server.stop().await;

    fs::write(setup.path(SOCKET), "precious").unwrap();
    let error = refusal(&setup).await;
    assert!(error.contains(SOCKET), "{error}");
    assert_eq!(fs::read_to_string(setup.path(SOCKET)).unwrap(), "precious");
}
