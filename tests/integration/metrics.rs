//! `/metrics`, as a scraper sees it.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use access_broker_dev::EmbeddedIssuer;

use crate::support::broker::credentials_in_files;
use crate::support::events::SERVING_ADMIN;
use crate::support::{ISSUER, PATIENCE, Process, configuring, eventually, issuer, log_lines, replace};

const ID: &str = "ASIAFROMFILE";
const SECRETS: [&str; 3] = [ID, "hunter2", "hunter3"];

/// Writes temporary keys to the files that the configuration names.
fn write_credentials(folder: &Path, suffix: &str, end: SystemTime) {
    let end = humantime::format_rfc3339_seconds(end).to_string();
    let [id, key, token] = SECRETS.map(|secret| format!("{secret}{suffix}"));
    for (name, value) in [("id", &id), ("key", &key), ("token", &token), ("end", &end)] {
        replace(&folder.join(name), value);
    }
}

fn write_policy(folder: &Path, max_ttl: &str) {
    let policy = format!(
        r#"
tier = [{{ name = "all", bucket = "media", prefix = "", download = {{ max_ttl = "{max_ttl}", default_ttl = "1m" }} }}]
grant = [{{ tiers = ["all"], operations = ["download"], to = {{ authenticated = true }} }}]
"#
    );
    replace(&folder.join("policy.toml"), policy);
}

/// What `/metrics` says, without a secret in it.
async fn scrape(admin: &str) -> String {
    // What Prometheus sends.
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    let request = reqwest::Client::new().get(format!("http://{admin}/metrics")).header("accept", accept);
    let answer = request.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["vary"]), (200, &"accept".parse().unwrap()));
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.headers()["content-type"], content_type);
    let text = answer.text().await.unwrap();
    assert!(text.ends_with("# EOF\n"));
    assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
    text
}

fn value(metrics: &str, sample: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in\n{metrics}")).parse().unwrap()
}

fn refreshes(metrics: &str, result: &str) -> f64 {
    let labels = format!("{{credentials=\"test\",result=\"{result}\"}}");
    value(metrics, &format!("access_broker_signing_credentials_refreshes_total{labels}"))
}

fn expiry(metrics: &str) -> f64 {
    value(metrics, "access_broker_signing_credentials_expiry_timestamp_seconds{credentials=\"test\"}")
}

/// In whole seconds, as the file with the end has it.
fn unix_seconds(instant: SystemTime) -> f64 {
    instant.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64().floor()
}

/// A broker whose URLs last a minute, by credentials that end then; and its admin address.
fn start(issuer: &EmbeddedIssuer, end: SystemTime) -> (Process, String) {
    let credentials =
        credentials_in_files("id", "key").set("session_token_file", "token").set("expiration_file", "end");
    let folder = configuring(ISSUER, issuer.jwks())
        .setting("policy", "reload_interval", "1s")
        .credentials([credentials])
        .write_folder();
    write_policy(folder.path(), "1m");
    write_credentials(folder.path(), "", end);
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &[]);
    let admin = process.wait_for("admin address", |process| {
        let lines = log_lines(process);
        let line = lines.iter().find(|line| SERVING_ADMIN.is(line))?;
        line["address"].as_str().map(str::to_owned)
    });
    (process, admin)
}

#[tokio::test]
async fn metrics_show_the_end_of_credentials_and_each_renewal() {
    let issuer = issuer().await;
    let first_end = SystemTime::now() + Duration::from_mins(10);
    let (mut process, admin) = start(&issuer, first_end);

    let metrics = scrape(&admin).await;
    assert!((expiry(&metrics) - unix_seconds(first_end)).abs() < 1.0, "{metrics}");
    let loaded = "access_broker_signing_credentials_loaded_timestamp_seconds{credentials=\"test\"}";
    assert!(value(&metrics, loaded) <= unix_seconds(SystemTime::now()) + 1.0);
    assert!((refreshes(&metrics, "renewed") - 1.0).abs() < 0.1, "{metrics}");
    for result in ["unchanged", "stale", "shortened", "extended", "failed"] {
        assert!(refreshes(&metrics, result) < 0.1, "{metrics}");
    }
    assert!(value(&metrics, "access_broker_urls_cut_by_credentials_total{credentials=\"test\"}") < 0.1);
    let version = format!("access_broker_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert!((value(&metrics, &version) - 1.0).abs() < 0.1);

    // A policy with longer URLs than the credentials have left makes the broker look for new ones.
    let second_end = SystemTime::now() + Duration::from_hours(12);
    write_credentials(&process.path(""), "-2", second_end);
    write_policy(&process.path(""), "1h");
    let metrics = eventually("a renewal", PATIENCE, async || {
        let metrics = scrape(&admin).await;
        if refreshes(&metrics, "renewed") > 1.5 { Ok(metrics) } else { Err(metrics) }
    })
    .await;
    assert!((expiry(&metrics) - unix_seconds(second_end)).abs() < 1.0, "{metrics}");
    process.signal("TERM");
    assert!(process.exit().success());
    assert!(SECRETS.iter().all(|secret| !process.stderr().contains(secret)));
}

/// Waits until the gauge of a file says whether the file is in force.
async fn until_in_force(admin: &str, gauge: &str, expected: bool) {
    let what = format!("{gauge}: {expected}");
    let is_in_force = async || value(&scrape(admin).await, gauge) > 0.5;
    eventually(&what, 3 * PATIENCE, async || is_in_force().await == expected).await;
}

#[tokio::test]
async fn metrics_tell_for_as_long_as_a_file_is_bad_that_it_is_not_in_force() {
    let issuer = issuer().await;
    let (mut process, admin) = start(&issuer, SystemTime::now() + Duration::from_mins(10));
    let policy = "access_broker_policy_file_in_force";
    let keys = "access_broker_issuer_keys_file_in_force{issuer=\"https://issuer.example\"}";
    let credentials = "access_broker_signing_credentials_files_in_force{credentials=\"test\"}";
    for gauge in [policy, keys, credentials] {
        until_in_force(&admin, gauge, true).await;
    }

    // No key at all, an URL that lasts for longer than the credentials, which has them read anew, and no access key id.
    replace(&process.path("jwks.json"), "{}");
    process.signal("HUP");
    replace(&process.path("id"), "");
    write_policy(&process.path(""), "1h");
    for gauge in [keys, credentials] {
        until_in_force(&admin, gauge, false).await;
    }
    until_in_force(&admin, policy, true).await;
    fs::remove_file(process.path("policy.toml")).unwrap();
    until_in_force(&admin, policy, false).await;
    // Looks that find the same again change nothing: the policy and what failed are looked at every second or two.
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let metrics = scrape(&admin).await;
        for gauge in [policy, keys, credentials] {
            assert!(value(&metrics, gauge) < 0.5, "{gauge}");
        }
    }
    write_policy(&process.path(""), "2h");
    replace(&process.path("jwks.json"), issuer.jwks().to_string());
    write_credentials(&process.path(""), "-2", SystemTime::now() + Duration::from_hours(12));
    process.signal("HUP");
    for gauge in [policy, keys, credentials] {
        until_in_force(&admin, gauge, true).await;
    }
    process.signal("TERM");
    assert!(process.exit().success());
}
