//! One key with a space, a plus and a letter outside ASCII, in the query strings of four languages.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::process::Command;

use super::{bash, run};
use crate::registry::{Registry, register};
use crate::support::{TestServer, folder};

const KEY: &str = "tier 1/a+b é.jpg";

/// What a client that encodes the plus as a space gets.
const OTHER_KEY: &str = "tier 1/a b é.jpg";

const CONTENT: &[u8] = b"\xff\xd8\xff\0 the object with the plus";

/// The calls that each program makes: `/presignedurl`, and `/v1/downloadUrl` by GET and by POST.
const CALLS: usize = 3;

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(registry, [Shell], curl_gets_the_object_of_the_key);
    register!(registry, [Requests], requests_gets_the_object_of_the_key);
    register!(registry, [Node], urlsearchparams_gets_the_object_of_the_key);
    register!(registry, [Java], urlencoder_gets_the_object_of_the_key);
}

async fn curl_gets_the_object_of_the_key() {
    let directory = folder();
    hold_objects(&mut bash(include_str!("keys/curl.sh"), directory.path())).await;
}

async fn requests_gets_the_object_of_the_key() {
    hold_objects(Command::new("python3").args(["-X", "utf8", "-c", include_str!("keys/requests.py")])).await;
}

async fn urlsearchparams_gets_the_object_of_the_key() {
    let script = include_str!("keys/url_search_params.mjs");
    hold_objects(Command::new("node").args(["--input-type=module", "-e", script])).await;
}

async fn urlencoder_gets_the_object_of_the_key() {
    let directory = folder();
    let source = directory.path().join("Keys.java");
    fs::write(&source, include_str!("keys/Keys.java")).unwrap();
    // It starts faster with a simple compiler and collector.
    hold_objects(Command::new("java").args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]).arg(source)).await;
}

/// Gives a program an address, a token and the key, a line each. It prints a line per call: the query that it sent, or
/// `-`, and the content of the object in base64.
async fn hold_objects(program: &mut Command) {
    let server = TestServer::start().await;
    let bucket = server.environment().data_dir().join("objects/media");
    for (key, content) in [(KEY, CONTENT), (OTHER_KEY, b"another object")] {
        fs::write(bucket.join(key), content).unwrap();
    }
    let task = format!("http://{}\n{}\n{KEY}\n", server.environment().grpc_addr, server.token("user-two"));
    let printed = run(program, &task).await;
    println!("{printed}");
    let lines: Vec<_> = printed.lines().map(|line| line.split_once(' ').unwrap()).collect();
    assert_eq!(lines.len(), CALLS, "{printed}");
    for (query, content) in lines {
        assert_eq!(STANDARD.decode(content).unwrap(), CONTENT, "{query}");
        assert!(query == "-" || query.to_ascii_lowercase().contains("a%2bb"), "{query}");
    }
    server.finish().await;
}
