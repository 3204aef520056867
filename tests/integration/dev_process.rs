//! `access-broker dev` as a process.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{ANY_PORT, CUTE_CAT, Client, PATIENCE, Process, folder, start_dev};

#[test]
fn a_start_and_a_stop_of_dev_log_no_warning() {
    let (mut process, _) = start_dev();
    process.signal("TERM");
    assert!(process.exit().success());
    let log = process.stderr();
    assert!(log.contains(" INFO "), "{log}");
    let problems: Vec<_> = log.lines().filter(|line| line.contains(" WARN ") || line.contains("ERROR ")).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[tokio::test]
async fn the_ready_file_says_where_everything_is_and_the_tokens_work() {
    let (mut process, ready) = start_dev();
    let mut keys: Vec<&str> = ready.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["admin", "grpc", "http", "issuer", "s3", "tokens"]);
    assert_eq!(ready["http"].as_str().unwrap(), format!("http://{}", ready["grpc"].as_str().unwrap()));
    for user in ["user-one", "user-two"] {
        let authorization = format!("Bearer {}", ready["tokens"][user].as_str().unwrap());
        let client = Client::connect(ready["grpc"].as_str().unwrap().parse().unwrap(), &[&authorization]).await;
        let answer = client.download("media", CUTE_CAT).await.unwrap();
        let url = answer.get.unwrap().url;
        assert!(url.starts_with(ready["s3"].as_str().unwrap()));
        assert!(crate::support::http_get(url).await.unwrap().status().is_success());
    }
    let admin = format!("http://{}/readyz", ready["admin"].as_str().unwrap());
    assert_eq!(crate::support::http_get(admin).await.unwrap().status(), 200);

    let stdout = process.stdout();
    for token in ready["tokens"].as_object().unwrap().values() {
        let exported = stdout.lines().filter(|line| line.starts_with("export TOKEN_"));
        assert!(exported.count() == 2 && token.is_string());
    }
    assert!(stdout.contains(&format!("grpcurl -plaintext {} list", ready["grpc"].as_str().unwrap())));

    process.signal("INT");
    let stopping = Instant::now();
    assert!(process.exit().success());
    assert!(stopping.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_temporary_data_directory_is_removed_on_exit_and_a_chosen_one_is_kept() {
    let (mut process, _) = start_dev();
    let stdout = process.stdout();
    let objects = stdout.lines().find_map(|line| line.split_once("objects are in ")).unwrap().1.to_owned();
    assert!(std::path::Path::new(&objects).exists());
    process.signal("TERM");
    assert!(process.exit().success());
    assert!(!std::path::Path::new(&objects).exists());

    let arguments = [&["dev"][..], &ANY_PORT, &["--ready-file", "ready.json", "--data-dir", "data"]].concat();
    let mut process = Process::start(&arguments, folder(), &[]);
    process.wait_for("ready file", |process| process.path("ready.json").exists().then_some(()));
    process.signal("TERM");
    assert!(process.exit().success());
    assert!(process.path("data/policy.toml").exists());
}

/// Sends a GET with this `Host` and reads the answer.
fn get(address: &str, path: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn http_ports_of_dev_answer_loopback_names_only() {
    let (_process, ready) = start_dev();
    for (server, path, status) in [
        ("s3", "/media/tier%201/cute-cat.jpg", "403"),
        ("issuer", "/.well-known/openid-configuration", "200"),
        ("admin", "/readyz", "200"),
        ("admin", "/none", "404"),
    ] {
        let address = ready[server].as_str().unwrap().trim_start_matches("http://");
        let port = address.rsplit(':').next().unwrap();
        for host in [address, &format!("localhost:{port}"), "app.localhost"] {
            let answer = get(address, path, host);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{server} {host}: {answer}");
            assert!(!answer.contains("DNS rebinding"), "{server} {host}: {answer}");
        }
        for host in ["rebound.example", "rebound.example:80", "192.0.2.1"] {
            let answer = get(address, path, host);
            assert!(
                answer.starts_with("HTTP/1.1 403 ") && answer.contains("DNS rebinding"),
                "{server} {host}: {answer}"
            );
        }
    }
}

#[test]
fn an_origin_that_no_browser_sends_is_refused() {
    let folder = folder();
    let output = Process::output(&["dev", "--cors-origin", "https://app.example/"], folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("must be an origin as browsers send it"), "{stderr}");
}

#[test]
fn nothing_of_dev_listens_beyond_this_machine() {
    let folder = folder();
    let output = Process::output(&["dev", "--s3-addr", "0.0.0.0:0"], folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("0.0.0.0:0 must be a loopback address"), "{stderr}");
}
