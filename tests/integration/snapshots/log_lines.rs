//! The lines of a start, of signals and of a stop: their messages, and the names of their fields in order.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::assert_unchanged;
use super::json_lines::{fields, names};
use super::session::{VARIABLES, broker_configuration};
use crate::serve_process::log_lines;
use crate::support::{EVERYBODY_READS, Process, folder, replace};
use crate::workloads::tokens::TokenKey;

/// The fields that keep their values.
const TOLD: [&str; 2] = ["level", "message"];

const ARGUMENTS: [&str; 3] = ["serve", "--config", "broker.toml"];

/// A folder with everything that a broker is configured by.
fn configured() -> TempDir {
    let folder = folder();
    let jwks = TokenKey::generate().jwks("sig").to_string();
    for (name, content) in [
        ("broker.toml", broker_configuration("127.0.0.1:1", "30s", "").as_str()),
        ("policy.toml", EVERYBODY_READS),
        ("jwks.json", &jwks),
    ] {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn wait_for(process: &mut Process, message: &str) {
    process.wait_for(message, |process| log_lines(process).iter().any(|line| line["message"] == message).then_some(()));
}

/// Lines that have no fixed place among the others, because another task writes them.
const ELSEWHERE: [&str; 2] = ["refreshed keys", "no longer serving: the server is stopping"];

/// A line that is only there if the start takes a moment.
const OF_SLOW_STARTS: &str = "not serving yet: waiting for unavailable parts";

/// The lines of a log in their order; those without a fixed place come last, and once.
fn lines(process: &Process) -> String {
    let log = process.stderr();
    let (mut lines, mut elsewhere) = (Vec::new(), BTreeSet::new());
    for line in log.lines() {
        let found: Value = serde_json::from_str(line).unwrap();
        let message = found["message"].as_str().unwrap();
        if ELSEWHERE.contains(&message) {
            elsewhere.insert(names(line, &TOLD));
        } else if message != OF_SLOW_STARTS {
            lines.push(names(line, &TOLD));
        }
    }
    format!("{}\n--- at some time\n{}\n", lines.join("\n"), Vec::from_iter(elsewhere).join("\n"))
}

/// The same in no order.
fn sorted_lines(process: &Process) -> String {
    let lines = lines(process);
    let mut lines: Vec<&str> = lines.lines().filter(|line| !line.starts_with("---")).collect();
    lines.sort_unstable();
    lines.dedup();
    lines.join("\n")
}

#[test]
fn the_lines_of_a_start_and_a_stop_are_as_they_were() {
    let mut process = Process::start(&ARGUMENTS, configured(), &VARIABLES);
    wait_for(&mut process, "serving");
    process.signal("TERM");
    let status = process.exit();
    assert_unchanged("log_start_and_stop", &format!("{}--- {status}\n", lines(&process)));
}

#[test]
fn the_lines_of_a_reload_are_as_they_were() {
    let mut process = Process::start(&ARGUMENTS, configured(), &VARIABLES);
    wait_for(&mut process, "serving");
    replace(&process.path("policy.toml"), "tier = 1\n");
    replace(&process.path("broker.toml"), "server = 1\n");
    process.signal("HUP");
    wait_for(&mut process, "policy refused; the last good policy stays active");
    wait_for(&mut process, "reload refused: the configuration file is invalid; nothing has changed");
    process.signal("TERM");
    assert!(process.exit().success());
    assert_unchanged("log_reload", &sorted_lines(&process));
}

#[test]
fn the_lines_of_failed_starts_are_as_they_were() {
    let folder = configured();
    let without_keys = Process::output(&ARGUMENTS, folder.path(), &[]);
    fs::write(folder.path().join("policy.toml"), "tier = 1\n").unwrap();
    let without_policy = Process::output(&ARGUMENTS, folder.path(), &VARIABLES);
    fs::write(folder.path().join("broker.toml"), "server = 1\n").unwrap();
    let without_configuration = Process::output(&ARGUMENTS, folder.path(), &VARIABLES);
    let mut text = String::new();
    for output in [without_keys, without_policy, without_configuration] {
        let log = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<String> = log.lines().map(fields).collect();
        text.extend([&lines.join("\n"), "--- ", &output.status.to_string(), "\n\n"]);
    }
    assert_unchanged("log_failed_start", &text);
}
