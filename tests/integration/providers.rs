//! docs/PROVIDERS.md, run: the two TOML blocks of each section are the configuration and the policy of a broker, which
//! gets tokens of the shape that the provider issues. `providers/NAME.json` has the tokens, the calls with their results,
//! and the sources of the shape: pages of the vendor and public issues. All values are made up.

mod document;
mod fixture;
mod signing;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use access_broker::contract::proto::IssueUploadUrlRequest;
use serde_json::{Map, Value};
use tokio::runtime::Builder as Runtime;
use tonic::Status;

use self::document::{Section, sections};
use self::fixture::{Call, Fixture, fixtures};
use self::signing::SigningKeys;
use crate::support::broker::listener;
use crate::support::{Broker, Builder, Client, Part, tcp_channel, unix_seconds};

#[test]
fn each_section_has_a_fixture_and_each_fixture_a_section() {
    let documented: BTreeSet<String> = sections().into_iter().map(|section| section.title).collect();
    let fixtures = fixtures();
    let tested: BTreeSet<String> = fixtures.iter().map(|fixture| fixture.section.clone()).collect();
    assert_eq!(documented, tested);
    assert_eq!(fixtures.len(), tested.len(), "two fixtures have the same section");
    for Fixture { section, sources, calls, tokens, .. } in &fixtures {
        assert!(!sources.is_empty() && sources.iter().all(|source| source.starts_with("https://")), "{section}");
        let (permitted, refused): (Vec<_>, Vec<_>) = calls.iter().partition(|call| call.result == "OK");
        assert!(!permitted.is_empty() && !refused.is_empty(), "{section}");
        let used: BTreeSet<&String> = calls.iter().map(|call| &call.token).collect();
        assert_eq!(used, tokens.keys().collect(), "{section}: the tokens of the calls");
    }
}

/// As they are written: with discovery, and with the URLs of the providers.
#[test]
fn the_blocks_of_each_section_load_without_warnings() {
    for section in sections() {
        section.hold_no_warnings();
    }
}

/// The brokers run at the same time, because starting one is mostly waiting.
#[test]
fn each_section_permits_and_refuses_what_its_fixture_says() {
    let (sections, fixtures) = (sections(), fixtures());
    let sections: BTreeMap<&str, &Section> = sections.iter().map(|section| (&*section.title, section)).collect();
    let problems: Vec<String> = thread::scope(|scope| {
        let mut running = Vec::new();
        for fixture in &fixtures {
            let section = sections[&*fixture.section];
            running.push(scope.spawn(|| {
                let runtime = Runtime::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(run(section, fixture))
            }));
        }
        running.into_iter().flat_map(|running| running.join().unwrap()).collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The calls of a fixture that have another result than it says.
async fn run(section: &Section, fixture: &Fixture) -> Vec<String> {
    let mut keys = SigningKeys::default();
    let broker = configure(section, fixture, &mut keys).start().await;
    let client = Client::over(tcp_channel(broker.address()).await, &[]);
    let mut problems = Vec::new();
    for (number, call) in fixture.calls.iter().enumerate() {
        let token = fixture.token(&call.token, &mut keys, unix_seconds());
        let authorization = format!("Bearer {token}");
        let client = client.with_metadata([("authorization", authorization.as_bytes())]);
        let answer = make(&client, call).await;
        let lines = |lines: Vec<Value>| lines.into_iter().filter(|line| line["target"] == "access").nth(number);
        let line = broker.log.wait_for("line of the call", |log| lines(log.with_message("call"))).await;
        let outcome: Vec<_> = ["code", "reason"].iter().filter_map(|field| line[field].as_str()).collect();
        let outcome = outcome.join(" ");
        assert_eq!(answer.is_ok(), outcome == "OK", "{answer:?} {line}");
        if outcome != call.result {
            let Call { token, operation, key, .. } = call;
            problems.push(format!("{}: {token}, {operation} {key}: {outcome}", fixture.section));
        }
    }
    // The stop waits for open connections.
    drop(client);
    broker.finish().await;
    problems
}

/// A broker with the section's settings and with the keys of the fixture in a file.
fn configure(section: &Section, fixture: &Fixture, keys: &mut SigningKeys) -> Builder {
    let mut builder = Broker::builder().listener(listener("token", "")).policy(&section.policy);
    builder = builder.file("provider.jwks.json", fixture.jwks(keys).to_string());
    for (name, value) in section.configuration_values() {
        builder = match (name.as_str(), value) {
            ("issuer", Value::Array(issuers)) => issuers.into_iter().fold(builder, |builder, issuer| {
                let issuer: Map<String, Value> = serde_json::from_value(issuer).unwrap();
                let issuer = issuer.into_iter().fold(Part::default(), |part, (name, value)| part.set(&name, value));
                builder.issuer(issuer.without(&["jwks_url"]).set("jwks_file", "provider.jwks.json"))
            }),
            (table, Value::Object(settings)) => {
                settings.into_iter().fold(builder, |builder, (name, value)| builder.setting(table, &name, value))
            }
            (name, value) => panic!("{}: {name} is neither a table nor [[issuer]]: {value}", section.title),
        };
    }
    builder
}

/// Makes a call, whose reason is only in the access log.
async fn make(client: &Client, call: &Call) -> Result<(), Status> {
    let (bucket, key) = ("media".to_owned(), call.key.clone());
    match call.operation.as_str() {
        "download" => client.download(&bucket, &key).await.map(drop),
        "upload" => {
            let content_length = Some(1);
            let request = IssueUploadUrlRequest { bucket, key, content_length, ..IssueUploadUrlRequest::default() };
            client.issue_upload(request).await.map(drop)
        }
        other => panic!("unknown operation {other}"),
    }
}
