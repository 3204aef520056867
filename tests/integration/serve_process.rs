//! `access-broker serve`, `check` and `healthcheck` as processes.

use std::fs::{self, File};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::SystemTime;

use access_broker_dev::EmbeddedIssuer;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use serde_json::{Value, json};

use crate::support::events::{KEYS_REFRESHED, POLICY_ACTIVE, STOPPING};
use crate::support::{Client, ISSUER, Process, VARIABLES, authorization, configured, configuring, issuer, serving_at};
pub(crate) use crate::support::{listening_on, log_lines, serving_on};

#[tokio::test]
async fn a_configured_server_serves_logs_json_and_stops_on_sigterm() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
    let address = serving_at(&mut process);

    let authorization = authorization(&issuer);
    let client = Client::connect(address.parse().unwrap(), &[&authorization]).await;
    let answer = client.download("", "a folder/report.pdf").await.unwrap();
    let url = answer.get.unwrap().url;
    assert!(url.starts_with("https://acme-media.s3.eu-west-1.amazonaws.com/a%20folder/report.pdf?"), "{url}");

    let health = ["healthcheck", "--config", "broker.toml", "--grpc-addr", &address];
    let checked = Process::output(&health, &process.path(""), &VARIABLES);
    assert_eq!((checked.status.code(), checked.stdout.as_slice()), (Some(0), &b"SERVING\n"[..]));

    process.signal("TERM");
    assert!(process.exit().success());
    let lines = log_lines(&process);
    assert!(lines.iter().any(|line| line["target"] == "access" && line["subject"] == "somebody"));
    assert_eq!(STOPPING.count(&lines), 1);
    assert_eq!(lines.len(), process.stderr().lines().count(), "every line is JSON");

    let gone = Process::output(&health, &process.path(""), &VARIABLES);
    assert_eq!(gone.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_server_looks_at_keys_and_policy_on_sighup() {
    let (old, new) = (issuer().await, issuer().await);
    let folder = configuring(ISSUER, old.jwks()).setting("policy", "reload_interval", "10m").write_folder();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
    let address = serving_at(&mut process).parse().unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "iss": ISSUER, "aud": "broker", "sub": "somebody", "exp": now + 600 });
    let download = async |issuer: &EmbeddedIssuer| {
        let authorization = format!("Bearer {}", issuer.sign_claims(&claims).unwrap());
        Client::connect(address, &[&authorization]).await.download("", "a folder/report.pdf").await
    };
    download(&old).await.unwrap();

    let write = |name: &str, content: &str| {
        fs::write(process.path("written"), content).unwrap();
        fs::rename(process.path("written"), process.path(name)).unwrap();
    };
    write("jwks.json", &new.jwks().to_string());
    let policy = fs::read_to_string(process.path("policy.toml")).unwrap();
    write("policy.toml", &format!("{policy}\n# As it was.\n"));
    process.signal("HUP");
    tokio::task::block_in_place(|| {
        process.wait_for("keys and policy", |process| {
            let lines = log_lines(process);
            (KEYS_REFRESHED.count(&lines) >= 2 && POLICY_ACTIVE.count(&lines) >= 2).then_some(())
        });
    });
    download(&new).await.unwrap();
    let refused = download(&old).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    process.signal("TERM");
    assert!(process.exit().success());
}

/// How often the watched file was opened since this was asked last.
fn opens(events: &OwnedFd) -> usize {
    let mut buffer = [const { MaybeUninit::uninit() }; 4_096];
    let mut reader = inotify::Reader::new(events, &mut buffer);
    // At the end of the events that are there, it says that it would have to wait.
    let events = std::iter::from_fn(|| reader.next().ok().map(|event| event.events()));
    events.filter(|event| event.contains(ReadFlags::OPEN)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_file_is_opened_once_by_the_start_and_once_by_the_watch() {
    let folder = configured("https://login.example.com", issuer().await.jwks());
    let policy = folder.path().join("policy.toml");
    // Old, so that the start need not read it twice.
    File::options().write(true).open(&policy).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let events = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
    // Without the closes, opens in a row would be one event.
    inotify::add_watch(&events, &policy, WatchFlags::OPEN | WatchFlags::CLOSE_NOWRITE).unwrap();
    let no_second_look = [("ACCESS_BROKER_POLICY__RELOAD_INTERVAL", "1h")];
    let variables = [&VARIABLES[..], &no_second_look].concat();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
    tokio::task::block_in_place(|| serving_at(&mut process));
    let mut opened = 0;
    process.wait_for("look at the policy file", |_| {
        opened += opens(&events);
        (opened >= 2).then_some(())
    });
    process.signal("TERM");
    assert!(process.exit().success());
    assert_eq!(opened + opens(&events), 2);
}

#[test]
fn a_server_without_its_secrets_does_not_start() {
    let folder = configured(ISSUER, &json!({ "keys": [] }));
    let output = Process::output(&["serve", "--config", "broker.toml"], folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("environment variable TEST_ACCESS_KEY_ID is not set"), "{stderr}");
    let last = last_error(&stderr);
    assert!(last["cause"].as_str().unwrap().contains("TEST_ACCESS_KEY_ID is not set"), "{last}");
}

/// The last line of a log of JSON lines alone, which says why the program has failed.
fn last_error(log: &str) -> Value {
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap();
    assert_eq!((&last["level"], &last["message"]), (&json!("ERROR"), &json!("access-broker failed")));
    last.clone()
}

#[test]
fn check_prints_what_it_understood() {
    let folder = configured(ISSUER, &json!({ "keys": [] }));
    let output = Process::output(&["check", "--config", "broker.toml"], folder.path(), &[]);
    assert!(output.status.success());
    let stdout = String::from_utf8(output.stdout).unwrap();
    for line in [
        "issuer https://issuer.example: audiences broker; algorithms RS256; keys from the file jwks.json",
        "bucket media: https://acme-media.s3.eu-west-1.amazonaws.com, signed for region eu-west-1",
        "tier all: \"\" in bucket media: download; grants: grant[0]; denials: none",
        "all good",
    ] {
        assert!(stdout.lines().any(|found| found == line), "{stdout}");
    }
}

#[test]
fn check_reports_every_error_with_its_line_and_so_does_serve() {
    let folder = configured(ISSUER, &json!({ "keys": [] }));
    let broken = "[server]\ngrpc_addr = 1\nadmin = true\n\n[policy]\nfile = \"policy.toml\"\n";
    fs::write(folder.path().join("broker.toml"), broken).unwrap();
    let serve_json = Process::output(&["serve", "--config", "broker.toml"], folder.path(), &[]);
    assert_eq!(serve_json.status.code(), Some(78));
    let json: Vec<Value> =
        str::from_utf8(&serve_json.stderr).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (index, line) in json.iter().enumerate() {
        assert_eq!((&line["level"], &line["message"]), (&json!("ERROR"), &json!("access-broker failed")));
        assert_eq!((&line["problem"], &line["of"]), (&json!(index + 1), &json!(json.len())));
    }
    assert!(json.iter().any(|line| line["cause"] == "broker.toml:3: server.admin is not a known setting"));

    for (command, format) in [("check", &[][..]), ("serve", &["--log-format", "text"])] {
        let output = Process::output(&[&[command, "--config", "broker.toml"], format].concat(), folder.path(), &[]);
        assert_eq!(output.status.code(), Some(78));
        let stderr = String::from_utf8(output.stderr).unwrap();
        for problem in [
            "broker.toml: issuer is required, because a listener accepts tokens",
            "broker.toml: bucket is required",
            "broker.toml:2: server.grpc_addr must be a string",
            "broker.toml:3: server.admin is not a known setting",
        ] {
            assert!(stderr.contains(problem), "{command}: {stderr}");
        }
        assert!(stderr.lines().all(|line| line.starts_with("access-broker: ")), "{command}: {stderr}");
    }
}

#[test]
fn a_broken_policy_stops_the_start_with_its_line() {
    let folder = configured(ISSUER, &json!({ "keys": [] }));
    fs::write(folder.path().join("policy.toml"), "[[tier]]\nname = \"a\"\n").unwrap();
    let output = Process::output(&["serve", "--config", "broker.toml"], folder.path(), &VARIABLES);
    assert_eq!(output.status.code(), Some(78));
    let stderr = String::from_utf8(output.stderr).unwrap();
    last_error(&stderr);
    // A line of the log for each problem.
    for problem in ["policy.toml:1: tier[0].bucket is required", "policy.toml:1: tier[0].prefix is required"] {
        let of_problem = stderr.lines().filter(|line| line.contains(problem));
        assert_eq!(of_problem.count(), 1, "{problem}: {stderr}");
    }
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = configured(ISSUER, &json!({ "keys": [] }));
    let check = |arguments: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["check", "--config", "broker.toml"], arguments].concat();
        String::from_utf8(Process::output(&arguments, folder.path(), variables).stdout).unwrap()
    };
    let variable = [("ACCESS_BROKER_SERVER__GRPC_ADDR", "127.0.0.1:2")];
    assert!(check(&[], &[]).starts_with("gRPC and HTTP on 127.0.0.1:0,"));
    assert!(check(&[], &variable).starts_with("gRPC and HTTP on 127.0.0.1:2,"));
    assert!(check(&["--grpc-addr", "127.0.0.1:3"], &variable).starts_with("gRPC and HTTP on 127.0.0.1:3,"));
}

#[test]
fn help_teaches_and_mistakes_are_told() {
    let help = |arguments: &[&str]| Process::output(arguments, Path::new("."), &[]);
    let top = help(&["--help"]);
    assert!(top.status.success());
    let text = String::from_utf8(top.stdout).unwrap();
    for word in ["serve", "check", "healthcheck", "dev", "Exit codes"] {
        assert!(text.contains(word), "{text}");
    }
    assert_eq!(help(&["serve"]).status.code(), Some(2), "--config is required");
    assert_eq!(help(&["serve", "--config", "nowhere.toml"]).status.code(), Some(78));
}
