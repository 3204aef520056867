//! Prometheus's own tools, and the parsers of its Python library, judge the metrics and the alerts.

use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::registry::{Registry, register};
use crate::requirement::Requirement;
use crate::support::{
    PATIENCE, TestServer, download_of, download_with_look, open_metrics, plain_metrics, run_within, scrape, scrape_as,
    verification_of,
};

pub(crate) fn register(registry: &mut Registry<'_>) {
    registry.add_blocking(
        concat!(module_path!(), "::promtool_takes_the_alerts_and_each_fires_when_it_should"),
        &[Requirement::Promtool],
        promtool_takes_the_alerts_and_each_fires_when_it_should,
    );
    register!(registry, [Promtool], promtool_finds_nothing_wrong_with_the_metrics);
    register!(registry, [PrometheusClient], strict_parsers_read_both_formats_and_find_the_same_number_of_samples);
}

/// Reads metrics with a strict parser, by the name of its module. Says how many samples there are, of each metric.
const PARSER: &str = r"
import importlib, sys
parse = importlib.import_module(sys.argv[1]).text_string_to_metric_families
families = list(parse(sys.stdin.read()))
names = [family.name for family in families]
assert len(names) == len(set(names)), names
print(sum(len(family.samples) for family in families))
";

/// A broker that has had calls of several kinds.
async fn used_server() -> TestServer {
    let server = TestServer::start().await;
    let client = server.client("user-one").await;
    client.issue_download(download_with_look()).await.unwrap();
    client.issue_download(download_of("nowhere", false)).await.unwrap_err();
    client.issue_download(download_of("", false)).await.unwrap_err();
    client.verify_upload(verification_of("tier 2/none.jpg")).await.unwrap_err();
    server.client_with_authorization(&[]).await.download("media", "a").await.unwrap_err();
    drop(scrape(&server).await);
    server
}

fn run_with_input(program: &str, arguments: &[&str], input: &str) -> Output {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input.as_bytes()).unwrap();
    file.rewind().unwrap();
    run_within(2 * PATIENCE, Command::new(program).args(arguments).stdin(file))
}

fn assert_success(output: &Output) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{stdout}{stderr}");
}

fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus").join(name)
}

fn promtool_takes_the_alerts_and_each_fires_when_it_should() {
    for (task, file) in [("check", "rules.yaml"), ("test", "tests.yaml")] {
        let file = deployed(file);
        assert_success(&run_with_input("promtool", &[task, "rules", file.to_str().unwrap()], ""));
    }
}

async fn promtool_finds_nothing_wrong_with_the_metrics() {
    let server = used_server().await;
    let text = scrape_as(&server, plain_metrics()).await;
    let output = run_with_input("promtool", &["check", "metrics"], &text);
    assert_success(&output);
    // What it does not like of names and texts is there, too.
    assert_eq!(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()), "");
    server.finish().await;
}

async fn strict_parsers_read_both_formats_and_find_the_same_number_of_samples() {
    let server = used_server().await;
    let mut counts = Vec::new();
    for (format, module) in
        [(plain_metrics(), "prometheus_client.parser"), (open_metrics(), "prometheus_client.openmetrics.parser")]
    {
        let text = scrape_as(&server, format).await;
        let output = run_with_input("python3", &["-c", PARSER, module], &text);
        assert_success(&output);
        let samples: usize = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        assert_eq!(samples, text.lines().filter(|line| !line.starts_with('#')).count());
        counts.push(samples);
    }
    assert!(counts[0] > 100 && counts[0] == counts[1], "{counts:?}");
    server.finish().await;
}
