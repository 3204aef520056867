//! The program with the variables of its environment: a collector that takes spans, and some that do not.
//!
//! Waiting for the program blocks a thread, and the collector needs another.

use std::time::{Duration, Instant};

use access_broker_dev::EmbeddedIssuer;
use tokio::net::TcpListener;

use super::collector::Collector;
use crate::support::events::SERVING_ADMIN;
use crate::support::{
    Client, PATIENCE, Process, VARIABLES, authorization, configured, count, eventually, issuer, log_lines, scrape_at,
    serving_at,
};

/// More than the queue of the tests holds.
const CALLS: usize = 60;

async fn start(issuer: &EmbeddedIssuer, variables: &[(&str, &str)]) -> (Process, Client, String) {
    let folder = configured("https://issuer.example", issuer.jwks());
    let variables = [&VARIABLES, variables].concat();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
    let address = serving_at(&mut process).parse().unwrap();
    let authorization = authorization(issuer);
    let client = Client::connect(address, &[&authorization]).await;
    let lines = log_lines(&process);
    let admin = lines.iter().find(|line| SERVING_ADMIN.is(line)).unwrap()["address"].clone();
    (process, client, admin.as_str().unwrap().to_owned())
}

/// Stops the program, which must succeed within its limits and log nothing but JSON.
fn stop(mut process: Process) {
    let started = Instant::now();
    process.signal("TERM");
    assert!(process.exit().success(), "{}", process.stderr());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(log_lines(&process).len(), process.stderr().lines().count(), "{}", process.stderr());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_variables_of_the_specification_are_heeded() {
    let (collector, issuer) = (Collector::start(), issuer().await);
    let url = collector.url();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=media"),
        ("OTEL_SERVICE_NAME", "broker-in-test"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.0"),
    ];
    let (process, client, _) = start(&issuer, &variables).await;
    client.download("", "report.pdf").await.unwrap();
    stop(process);
    assert_eq!(collector.spans().len(), 4);
    let (origin, tenant) = collector.origin();
    assert_eq!((&*origin["service.name"], &*origin["deployment.environment.name"]), ("broker-in-test", "test"));
    assert_eq!(tenant.as_deref(), Some("media"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sampler_that_takes_nothing_and_a_switch_send_nothing() {
    let (collector, issuer) = (Collector::start(), issuer().await);
    let url = collector.url();
    for off in [("OTEL_TRACES_SAMPLER", "always_off"), ("OTEL_SDK_DISABLED", "true")] {
        let (process, client, _) = start(&issuer, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url), off]).await;
        client.download("", "report.pdf").await.unwrap();
        stop(process);
        assert!(collector.spans().is_empty(), "{off:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_silent_or_away_neither_slows_calls_nor_holds_up_the_stop() {
    let issuer = issuer().await;
    // Accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let away = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let urls = [&silent, &away].map(|listener| format!("http://{}", listener.local_addr().unwrap()));
    drop(away);
    for (url, lost) in urls.iter().zip(["dropped", "failed"]) {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ];
        let (process, client, admin) = start(&issuer, &variables).await;
        let started = Instant::now();
        for _ in 0..CALLS {
            client.download("", "report.pdf").await.unwrap();
        }
        // A wait for the collector in any of them would be its whole time limit of ten seconds.
        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
        let sample = format!("access_broker_spans_total{{result=\"{lost}\"}}");
        eventually(&sample, PATIENCE, async || count(&scrape_at(&admin).await, &sample) > 0).await;
        assert_eq!(count(&scrape_at(&admin).await, "access_broker_spans_total{result=\"exported\"}"), 0);
        stop(process);
    }
}
