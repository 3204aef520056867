//! The metrics page.

use access_broker::contract::proto::{IssueDownloadUrlRequest, VerifyUploadRequest};
use access_broker::telemetry::MetricsFormat;

use super::{CUTE_CAT, PATIENCE, TestServer, eventually, http_get};

/// What `/metrics` says once every call that began has ended: a client has its answer a moment earlier.
pub(crate) async fn scrape(server: &TestServer) -> String {
    let admin = server.environment().server.admin_addr().to_string();
    eventually("the end of every call", PATIENCE, async || {
        let metrics = scrape_at(&admin).await;
        let is_over = sum(&metrics, "grpc_server_started_total") == sum(&metrics, "grpc_server_handled_total");
        if is_over { Ok(metrics) } else { Err(metrics) }
    })
    .await
}

/// A counter, whatever its labels.
pub(crate) fn sum(metrics: &str, name: &str) -> u64 {
    let samples = metrics.lines().filter(|line| line.starts_with(&format!("{name}{{")));
    samples.map(|sample| sample.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

pub(crate) async fn scrape_at(admin: &str) -> String {
    http_get(format!("http://{admin}/metrics")).await.unwrap().text().await.unwrap()
}

/// The value of a sample, by its name and its labels as they are written.
pub(crate) fn value(metrics: &str, sample: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in\n{metrics}")).parse().unwrap()
}

/// Whole numbers are exact.
pub(crate) fn count(metrics: &str, sample: &str) -> u64 {
    let value = value(metrics, sample);
    assert!(value >= 0.0 && value.fract() == 0.0, "{sample} {value}");
    format!("{value}").parse().unwrap()
}

pub(crate) fn download_of(key: &str, must_exist: bool) -> IssueDownloadUrlRequest {
    IssueDownloadUrlRequest { bucket: "media".into(), key: key.into(), must_exist, ..Default::default() }
}

pub(crate) fn verification_of(key: &str) -> VerifyUploadRequest {
    VerifyUploadRequest { bucket: "media".into(), key: key.into(), ..Default::default() }
}

/// A call for an object that exists, with a look at it.
pub(crate) fn download_with_look() -> IssueDownloadUrlRequest {
    download_of(CUTE_CAT, true)
}

/// The metrics of a broker in a format, by the value of `Accept` for it.
pub(crate) async fn scrape_as(server: &TestServer, (accept, format): (&str, MetricsFormat)) -> String {
    let admin = server.environment().server.admin_addr();
    let request =
        reqwest::Client::new().get(format!("http://{admin}/metrics")).header("accept", accept).timeout(PATIENCE);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], format.content_type());
    answer.text().await.unwrap()
}

pub(crate) const fn open_metrics() -> (&'static str, MetricsFormat) {
    ("application/openmetrics-text; version=1.0.0", MetricsFormat::OpenMetrics)
}

pub(crate) const fn plain_metrics() -> (&'static str, MetricsFormat) {
    ("text/plain; version=0.0.4", MetricsFormat::PrometheusText)
}
