//! The sample dashboard and the sample alerts ask for metrics and labels that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use access_broker::telemetry::{MetricSources, Metrics};
use serde_json::Value;

const DASHBOARD: &str = "deploy/grafana/access-broker.json";
const RULES: &str = "deploy/prometheus/rules.yaml";

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Every name that a query can use.
fn sample_names() -> BTreeSet<String> {
    let text = Metrics::new(MetricSources::default()).text().unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names = types.flat_map(|(name, kind)| match kind {
        "counter" => vec![format!("{name}_total")],
        "info" => vec![format!("{name}_info")],
        "histogram" => ["bucket", "sum", "count"].map(|part| format!("{name}_{part}")).into(),
        _ => vec![name.to_owned()],
    });
    names.collect()
}

/// The names of this program's metrics in a text.
fn names_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let ours = words
        .filter(|word| ["grpc_server_", "access_broker_", "process_"].iter().any(|prefix| word.starts_with(prefix)));
    ours.map(str::to_owned).collect()
}

#[test]
fn the_dashboard_asks_for_metrics_that_exist() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries: Vec<&str> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(queries.len() >= 10);
    assert!(queries.iter().all(|query| !names_in(query).is_empty()), "{queries:?}");
    let unknown: Vec<_> = names_in(&queries.join("\n")).difference(&sample_names()).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "panels share an id");
}

#[test]
fn the_alerts_ask_for_metrics_that_exist_and_say_what_they_mean() {
    let rules = read(RULES);
    let names = names_in(&rules);
    assert!(names.len() >= 8, "{names:?}");
    let unknown: Vec<_> = names.difference(&sample_names()).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let lines =
        |key: &str| rules.lines().filter(|line| line.trim_start().trim_start_matches("- ").starts_with(key)).count();
    let alerts = lines("alert: ");
    assert!(alerts >= 8);
    assert_eq!((lines("expr: "), lines("summary: "), lines("severity: ")), (alerts, alerts, alerts));
}
