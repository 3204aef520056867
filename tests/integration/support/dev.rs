//! `access-broker dev` as a process.

use serde_json::Value;

use super::{Process, folder};

/// Free ports.
pub(crate) const ANY_PORT: [&str; 8] = [
    "--grpc-addr",
    "127.0.0.1:0",
    "--s3-addr",
    "127.0.0.1:0",
    "--issuer-addr",
    "127.0.0.1:0",
    "--admin-addr",
    "127.0.0.1:0",
];

/// Starts `dev` on free ports and waits for its ready file.
pub(crate) fn start_dev() -> (Process, Value) {
    let arguments = [&["dev"][..], &ANY_PORT, &["--ready-file", "ready.json"]].concat();
    let mut process = Process::start(&arguments, folder(), &[]);
    let ready = process.wait_for("ready file", |process| std::fs::read(process.path("ready.json")).ok());
    (process, serde_json::from_slice(&ready).unwrap())
}
