//! `access-broker check` tells what can have no effect or is surely not meant, and `serve` logs it.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::events::{POLICY_ACTIVE, WARNINGS_LEFT_OUT};
use crate::support::{Builder, ISSUER, Process, VARIABLES, configuring, log_lines};

/// A policy with two warnings, on lines 4 and 9.
const PATTERNS: &str = "[[tier]]\nname = 'a'\nbucket = 'media'\nprefix = 'tier */'\ndownload = {}\n\
                        [[grant]]\ntiers = 'a'\noperations = 'download'\nto = { groups = 'team-*' }\n";

/// What the program prints of them.
const PREFIX_LINE: &str = "access-broker: warning: policy.toml:4: tier[0].prefix has a pattern, but a prefix is \
                           compared literally; put the pattern into include";
const GROUP_LINE: &str = "access-broker: warning: policy.toml:9: grant[0].to.groups has \"team-*\", which is \
                          compared literally and not as a pattern; list the values";

fn configuring_policy(policy: &str) -> Builder {
    configuring(ISSUER, &json!({ "keys": [] })).policy(policy)
}

fn with_policy(policy: &str) -> TempDir {
    configuring_policy(policy).write_folder()
}

fn check(folder: &TempDir, arguments: &[&str]) -> Output {
    Process::output(&[&["check", "--config", "broker.toml"], arguments].concat(), folder.path(), &[])
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> Vec<&str> {
    str::from_utf8(&output.stderr).unwrap().lines().collect()
}

fn document(output: &Output) -> Value {
    assert!(output.stderr.is_empty(), "{:?}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn warnings_are_on_standard_error_and_leave_the_exit_code_at_0() {
    let output = check(&with_policy(PATTERNS), &[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), [PREFIX_LINE, GROUP_LINE]);
    assert_eq!(stdout(&output).lines().last(), Some("2 warnings"));
}

#[test]
fn warnings_that_are_denied_make_the_exit_code_78() {
    let folder = with_policy(PATTERNS);
    let output = check(&folder, &["--deny-warnings"]);
    assert_eq!(output.status.code(), Some(78));
    let denied = "access-broker: 2 warnings, refused because of --deny-warnings";
    assert_eq!(stderr(&output), [PREFIX_LINE, GROUP_LINE, denied]);
    let allowed = check(&folder, &["--deny-warnings", "--allow", "literal_pattern"]);
    assert_eq!((allowed.status.code(), stderr(&allowed)), (Some(0), Vec::new()));
    assert_eq!(stdout(&allowed).lines().last(), Some("all good"));
    let unknown = check(&folder, &["--allow", "literal_patern"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).join("\n").contains("literal_pattern, subject_pattern, literal_template"));
}

#[test]
fn the_json_document_has_the_warnings_and_what_was_understood() {
    let folder = with_policy(PATTERNS);
    let output = check(&folder, &["--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let found = document(&output);
    let message = |line: &str| line.split_once(".groups ").unwrap().1.to_owned();
    let group = json!({
        "code": "literal_pattern", "file": "policy.toml", "line": 9, "environment_variable": null, "flag": null,
        "setting": "grant[0].to.groups", "message": message(GROUP_LINE),
    });
    assert_eq!((&found["ok"], &found["errors"], &found["warnings"][1]), (&json!(true), &json!([]), &group));
    assert_eq!((found["warnings"].as_array().unwrap().len(), &found["warnings_left_out"]), (2, &json!(0)));
    let listener = json!({
        "address": "127.0.0.1:0", "protocols": ["grpc", "http"], "transport": "plaintext", "proof": "token",
        "trust_domain": null, "trusted_hop": null,
    });
    let issuer = json!({ "issuer": "https://issuer.example", "audiences": ["broker"], "algorithms": ["RS256"] });
    let url = "https://acme-media.s3.eu-west-1.amazonaws.com";
    let endpoint = json!({ "name": "default", "url": url, "region": "eu-west-1", "used_by_broker": true });
    let bucket = json!({ "name": "media", "credentials": "test", "upload_credentials": null, "endpoints": [endpoint] });
    let tier = json!({
        "name": "a", "bucket": "media", "prefix": "tier */", "include": [], "inherit": null,
        "operations": ["download"], "grants": ["grant[0]"], "denials": [],
    });
    let parts = ["listeners", "issuers", "buckets", "tiers"].map(|part| &found[part]);
    assert_eq!(parts, [&json!([listener]), &json!([issuer]), &json!([bucket]), &json!([tier])]);
    assert_eq!((&found["admin_addr"], &found["policy_file"]), (&json!("127.0.0.1:0"), &json!("policy.toml")));

    let denied = check(&folder, &["--format", "json", "--deny-warnings"]);
    assert_eq!((denied.status.code(), &document(&denied)["ok"]), (Some(78), &json!(false)));
}

#[test]
fn the_json_document_has_the_errors_of_the_policy_and_what_the_configuration_means() {
    let folder = with_policy("[[tier]]\nname = 'a'\nbucket = 'other'\nprefix = ''\ndownload = {}\n");
    let output = check(&folder, &["--format", "json"]);
    assert_eq!(output.status.code(), Some(78));
    let found = document(&output);
    let error = json!({
        "file": "policy.toml", "line": 3, "environment_variable": null, "flag": null, "setting": "tier[0].bucket",
        "message": "refers to undefined bucket \"other\"",
    });
    assert_eq!((&found["ok"], &found["errors"]), (&json!(false), &json!([error])));
    assert_eq!((found["buckets"].as_array().unwrap().len(), &found["tiers"]), (1, &json!([])));
}

#[test]
fn the_json_document_has_the_errors_of_the_configuration_and_files_that_are_not_there() {
    let folder = with_policy(PATTERNS);
    let output = check(&folder, &["--format", "json", "--grpc-addr", "nowhere"]);
    let found = document(&output);
    let error = &found["errors"][0];
    assert_eq!((output.status.code(), &error["flag"], &error["file"]), (Some(78), &json!("--grpc-addr"), &Value::Null));
    assert_eq!((&error["setting"], &found["listeners"]), (&json!("server.grpc_addr"), &json!([])));
    fs::remove_file(folder.path().join("policy.toml")).unwrap();
    let absent = document(&check(&folder, &["--format", "json"]));
    let error = &absent["errors"][0];
    assert_eq!((&error["file"], &error["message"]), (&json!("policy.toml"), &json!("does not exist")));
}

#[test]
fn access_keys_in_quotes_are_told_and_not_shown() {
    let folder = with_policy(
        "tier = [{ name = 'a', bucket = 'media', prefix = '', download = {} }]\n\
                              grant = [{ tiers = 'a', operations = 'download', to = { authenticated = true } }]\n",
    );
    let variables = [("TEST_ACCESS_KEY_ID", "\"ASIAQUOTEDQUOTED1111\""), ("TEST_SECRET_ACCESS_KEY", "plain")];
    let output = Process::output(&["check", "--config", "broker.toml"], folder.path(), &variables);
    let [line] = stderr(&output)[..] else { panic!("{:?}", stderr(&output)) };
    assert!(line.contains("credentials[0].access_key_id_env names the variable TEST_ACCESS_KEY_ID"), "{line}");
    assert!(!line.contains("ASIA") && !stdout(&output).contains("ASIA"));
}

#[test]
fn a_server_logs_the_warnings_at_its_start_and_when_a_changed_policy_takes_effect() {
    let folder = configuring_policy(PATTERNS).setting("policy", "reload_interval", "1s").write_folder();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
    let warnings = |process: &Process| -> Vec<Value> {
        log_lines(process).into_iter().filter(|line| line["level"] == "WARN" && line["code"].is_string()).collect()
    };
    let in_force = |line: &Value| POLICY_ACTIVE.is(line);
    process.wait_for("policy in force", |process| log_lines(process).into_iter().find(in_force));
    let found = warnings(&process);
    let texts: Vec<String> =
        found.iter().map(|line| format!("access-broker: warning: {}", line["warning"].as_str().unwrap())).collect();
    assert_eq!(texts, [PREFIX_LINE, GROUP_LINE]);
    assert_eq!(found[0]["message"], "a setting may be invalid or without effect; it is used as it is");

    // A line for each of the first 20.
    let groups: Vec<String> = (0..25).map(|number| format!("'group-{number}-*'")).collect();
    let changed = PATTERNS.replace("'team-*'", &format!("[{}]", groups.join(", "))).replace("tier */", "tier/");
    crate::support::replace(&process.path("policy.toml"), changed);
    let more = |line: &Value| WARNINGS_LEFT_OUT.is(line);
    let last = process.wait_for("the end of the warnings", |process| log_lines(process).into_iter().find(more));
    assert_eq!((&last["left_out"], warnings(&process).len()), (&json!(5), 2 + 20));
    assert!(
        warnings(&process).iter().skip(2).all(|line| line["warning"].as_str().unwrap().contains("grant[0].to.groups"))
    );
    process.signal("TERM");
    assert!(process.exit().success());
}
