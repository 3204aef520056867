//! `serve`, `check` and `healthcheck` with listeners of other kinds than plain TCP.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::events::{Event, SERVING_ADMIN, SERVING_GRPC};
use crate::support::workloads::setup::{Setup, TLS, builder, listener};
use crate::support::{Part, Process, VARIABLES, is_ready, log_lines};

fn unix() -> Part {
    listener("token", "").set("address", "unix:broker.sock")
}

fn mtls() -> Part {
    listener("mtls", &format!("trust_domain = \"prod.example\"\n{TLS}"))
}

fn serve(setup: Setup) -> Process {
    Process::start(&["serve", "--config", "broker.toml"], setup.folder, &VARIABLES)
}

/// The address in the first log line of a kind.
fn logged_address(process: &mut Process, event: &Event) -> String {
    process.wait_for("address", |process| {
        let line = log_lines(process).into_iter().find(|line| event.is(line))?;
        line["address"].as_str().map(str::to_owned)
    })
}

/// Waits until the admin port says that the server is ready.
fn wait_until_ready(process: &mut Process) {
    let admin = logged_address(process, &SERVING_ADMIN).parse().unwrap();
    process.wait_for("readiness", |_| is_ready(admin).then_some(()));
}

/// The exit code, and what is printed.
fn health(folder: &Path, more: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["healthcheck", "--config", "broker.toml"], more].concat();
    let Output { status, stdout, stderr } = Process::output(&arguments, folder, &VARIABLES);
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[test]
fn health_is_asked_through_a_socket_where_there_is_nothing_else() {
    let mut process = serve(builder([unix()]).write());
    wait_until_ready(&mut process);
    assert_eq!(logged_address(&mut process, &SERVING_GRPC), "unix:broker.sock");
    assert_eq!(health(&process.path(""), &[]), (Some(0), "SERVING\n".to_owned()));
    process.signal("TERM");
    assert!(process.exit().success());
    assert!(!process.path("broker.sock").exists());
    let (code, text) = health(&process.path(""), &[]);
    assert_eq!(code, Some(1));
    assert!(text.contains("broker.sock failed: "), "{text}");
}

#[test]
fn health_is_asked_of_the_admin_port_where_every_listener_has_tls() {
    let mut process = serve(builder([mtls()]).write());
    wait_until_ready(&mut process);
    let admin = logged_address(&mut process, &SERVING_ADMIN);
    assert_eq!(health(&process.path(""), &["--admin-addr", &admin]), (Some(0), "SERVING\n".to_owned()));
    // A minimal container has no certificate authorities, and plain HTTP needs none.
    let no_authorities = [("SSL_CERT_FILE", "/nowhere/ca.crt"), ("SSL_CERT_DIR", "/nowhere")];
    let arguments = ["healthcheck", "--config", "broker.toml", "--admin-addr", &admin];
    assert!(Process::output(&arguments, &process.path(""), &no_authorities).status.success());
}

#[test]
fn health_is_asked_of_the_admin_port_where_no_listener_has_grpc() {
    let only_http = builder([unix().set("protocols", vec!["http"])]).write();
    let mut process = serve(only_http);
    wait_until_ready(&mut process);
    let admin = logged_address(&mut process, &SERVING_ADMIN);
    assert_eq!(health(&process.path(""), &["--admin-addr", &admin]), (Some(0), "SERVING\n".to_owned()));
}

#[test]
fn a_server_that_is_not_ready_is_not_healthy_by_its_admin_port() {
    let setup = builder([mtls()]).write();
    setup.put("svid-jwks.json", "rubbish");
    let mut process = serve(setup);
    let admin = logged_address(&mut process, &SERVING_ADMIN);
    assert_eq!(health(&process.path(""), &["--admin-addr", &admin]), (Some(1), "NOT_SERVING\n".to_owned()));
}

#[test]
fn check_prints_every_listener() {
    let mesh = "trust_domain = \"prod.example\"\nmesh_header = \"l5d-client-id\"\ntrusted_hop = [\"loopback\"]";
    let server_only = TLS.replace("tls_client_ca_file = \"ca.crt\"", "");
    let pod = "trust_domain = \"prod.example\"\nmesh_header = \"x-forwarded-client-cert\"\ntrusted_hop = \"pod\"";
    let by_user = listener(
        "mesh-header",
        "trust_domain = \"prod.example\"
mesh_header = \"l5d-client-id\"",
    )
    .set("address", "unix:proxy.sock")
    .set("trusted_hop", vec!["uid:0", "uid:2102"]);
    let (of_loopback, of_pod) = (listener("token+mesh-header", mesh), listener("mesh-header", pod));
    let listeners = [unix(), mtls(), listener("token", &server_only), of_loopback, of_pod, by_user];
    let setup = builder(listeners).write();
    let output = Process::output(&["check", "--config", "broker.toml"], setup.folder.path(), &[]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let printed: Vec<&str> = stdout.lines().take_while(|line| line.starts_with("gRPC ")).collect();
    assert_eq!(
        printed,
        [
            "gRPC and HTTP on unix:broker.sock, plaintext; proof: token",
            "gRPC on 127.0.0.1:0, TLS with client certificates; proof: mtls, workloads of prod.example",
            "gRPC and HTTP on 127.0.0.1:0, TLS; proof: token",
            "gRPC on 127.0.0.1:0, plaintext; proof: token+mesh-header, workloads of prod.example, header trusted from \
             loopback: every process in the network namespace, and kubectl port-forward, can name any workload",
            "gRPC on 127.0.0.1:0, plaintext; proof: mesh-header, workloads of prod.example, header trusted from pod: every process in \
             the network namespace, and kubectl port-forward, can name any workload",
            "gRPC on unix:proxy.sock, plaintext; proof: mesh-header, workloads of prod.example, header trusted from uid:0 or uid:2102",
        ]
    );
    assert!(output.status.success());
    let json = Process::output(&["check", "--config", "broker.toml", "--format", "json"], setup.folder.path(), &[]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let hops: Vec<_> = json["listeners"].as_array().unwrap().iter().map(|listener| &listener["trusted_hop"]).collect();
    let (none, users) = (serde_json::Value::Null, serde_json::json!(["uid:0", "uid:2102"]));
    assert_eq!(hops, [&none, &none, &none, &serde_json::json!(["loopback"]), &serde_json::json!(["pod"]), &users]);
}

#[test]
fn a_pod_with_the_network_of_its_node_does_not_start_where_it_would_trust_it() {
    let pod = "trust_domain = \"prod.example\"\nmesh_header = \"l5d-client-id\"\ntrusted_hop = \"pod\"";
    let setup = builder([unix(), listener("mesh-header", pod)]).write();
    let refused = |variables: &[(&str, &str)]| {
        let output = Process::output(&["serve", "--config", "broker.toml"], setup.folder.path(), variables);
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        let line: serde_json::Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
        line["cause"].as_str().unwrap().to_owned()
    };
    let cause = refused(&[&VARIABLES[..], &[("POD_IP", "10.0.0.7"), ("HOST_IP", "10.0.0.7")]].concat());
    assert!(cause.contains("listener[1].trusted_hop = \"pod\" must not be used where POD_IP and HOST_IP"), "{cause}");
    let cause = refused(&[&VARIABLES[..], &[("POD_IP", "10.0.0.7"), ("HOST_IP", "node-1")]].concat());
    assert!(cause.contains("HOST_IP, which must be an IP address"), "{cause}");
    let mut process = Process::start(
        &["serve", "--config", "broker.toml"],
        setup.folder,
        &[&VARIABLES[..], &[("POD_IP", "10.1.0.7"), ("HOST_IP", "10.0.0.7")]].concat(),
    );
    wait_until_ready(&mut process);
}

#[test]
fn a_server_whose_key_is_missing_does_not_start_and_names_the_file() {
    let setup = builder([mtls()]).write();
    fs::remove_file(setup.path("tls.key")).unwrap();
    let output = Process::output(&["serve", "--config", "broker.toml"], setup.folder.path(), &VARIABLES);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let line: serde_json::Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    assert_eq!(line["cause"], "setting up TLS of the listener at 127.0.0.1:0 failed: tls.key: does not exist");
}
