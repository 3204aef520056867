//! What a running broker tells of its calls: metrics, request ids and traces.

mod calls;
mod certificates;
pub(crate) mod collector;
mod dashboards;
mod http_collector;
mod lost_collector;
mod prometheus;
mod request_ids;
mod traces;

use std::time::{Duration, Instant};

use access_broker::grpc::proto::{IssueDownloadUrlRequest, VerifyUploadRequest};

use crate::support::{CUTE_CAT, PATIENCE, TestServer};

/// What `/metrics` says once every call that began has ended: a client has its answer a moment earlier.
async fn scrape(server: &TestServer) -> String {
    let admin = server.environment().server.admin_addr().to_string();
    let started = Instant::now();
    loop {
        let metrics = scrape_at(&admin).await;
        if sum(&metrics, "grpc_server_started_total") == sum(&metrics, "grpc_server_handled_total") {
            return metrics;
        }
        assert!(started.elapsed() < PATIENCE, "{metrics}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A counter, whatever its labels.
fn sum(metrics: &str, name: &str) -> u64 {
    let samples = metrics.lines().filter(|line| line.starts_with(&format!("{name}{{")));
    samples.map(|sample| sample.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

async fn scrape_at(admin: &str) -> String {
    crate::support::http_get(format!("http://{admin}/metrics")).await.unwrap().text().await.unwrap()
}

/// The value of a sample, by its name and its labels as they are written.
fn value(metrics: &str, sample: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in\n{metrics}")).parse().unwrap()
}

/// Whole numbers are exact.
fn count(metrics: &str, sample: &str) -> u64 {
    let value = value(metrics, sample);
    assert!(value >= 0.0 && value.fract() == 0.0, "{sample} {value}");
    format!("{value}").parse().unwrap()
}

fn download_of(key: &str, must_exist: bool) -> IssueDownloadUrlRequest {
    IssueDownloadUrlRequest { bucket: "media".into(), key: key.into(), must_exist, ..Default::default() }
}

fn verification_of(key: &str) -> VerifyUploadRequest {
    VerifyUploadRequest { bucket: "media".into(), key: key.into(), ..Default::default() }
}

/// A call for an object that exists, with a look at it.
fn download_with_look() -> IssueDownloadUrlRequest {
    download_of(CUTE_CAT, true)
}
