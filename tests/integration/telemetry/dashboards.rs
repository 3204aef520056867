//! The sample dashboard and the sample alerts ask for metrics and labels that exist, and every alert has its tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{TestServer, open_metrics, scrape_as};

const DASHBOARD: &str = "deploy/grafana/access-broker.json";
const RULES: &str = "deploy/prometheus/rules.yaml";
const TESTS: &str = "deploy/prometheus/tests.yaml";

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Every name that a query can use, from a scrape of a running broker.
async fn sample_names() -> BTreeSet<String> {
    let server = TestServer::start().await;
    let text = scrape_as(&server, open_metrics()).await;
    server.finish().await;
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

#[tokio::test]
async fn the_dashboard_asks_for_metrics_that_exist() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries: Vec<&str> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(queries.len() >= 10);
    assert!(queries.iter().all(|query| !names_in(query).is_empty()), "{queries:?}");
    let unknown: Vec<_> = names_in(&queries.join("\n")).difference(&sample_names().await).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "panels share an id");
}

#[tokio::test]
async fn the_alerts_ask_for_metrics_that_exist_and_say_what_they_mean() {
    let rules = read(RULES);
    let names = names_in(&rules);
    assert!(names.len() >= 8, "{names:?}");
    let unknown: Vec<_> = names.difference(&sample_names().await).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let lines =
        |key: &str| rules.lines().filter(|line| line.trim_start().trim_start_matches("- ").starts_with(key)).count();
    let alerts = lines("alert: ");
    assert!(alerts >= 8);
    assert_eq!((lines("expr: "), lines("summary: "), lines("severity: ")), (alerts, alerts, alerts));
}

/// The words behind a key, at the beginning of lines.
fn values<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches("- "));
    lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).collect()
}

#[test]
fn every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() {
    let (rules, tests) = (read(RULES), read(TESTS));
    let alerts: BTreeSet<_> = values(&rules, "alert").into_iter().collect();
    let (mut fires, mut is_silent) = (BTreeSet::new(), BTreeSet::new());
    for test in tests.split("alert_rule_test:").skip(1) {
        let alert = values(test, "- alertname").into_iter().chain(values(test, "alertname")).next().unwrap();
        let silent = values(test, "exp_alerts") == ["[]"];
        assert_ne!(silent, test.contains("exp_labels:"), "{alert}");
        if silent {
            is_silent.insert(alert)
        } else {
            fires.insert(alert)
        };
    }
    assert!(alerts.len() > 30);
    assert_eq!((&fires, &is_silent), (&alerts, &alerts));
}

#[test]
fn no_critical_alert_goes_by_codes_that_clients_can_cause() {
    let rules = read(RULES);
    let mut critical = 0;
    for alert in rules.split("- alert: ").skip(1).filter(|alert| alert.contains("severity: critical")) {
        let expression = values(alert, "expr")[0];
        assert!(!expression.contains("grpc_server_handled_total"), "{expression}");
        critical += 1;
    }
    assert!(critical >= 6, "{critical}");
}

#[test]
fn every_alert_is_documented_with_its_severity() {
    let rules = read(RULES);
    let in_rules = rules.split("- alert: ").skip(1).map(|alert| {
        let severity = values(alert, "severity")[0];
        (alert.split_whitespace().next().unwrap().to_owned(), severity.to_owned())
    });
    let page = read("docs/OPERATIONS.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `AccessBroker")?.split_once("` | "));
    let documented =
        rows.map(|(name, rest)| (format!("AccessBroker{name}"), rest.split_once(' ').unwrap().0.to_owned()));
    assert_eq!(documented.collect::<BTreeSet<_>>(), in_rules.collect());
}
