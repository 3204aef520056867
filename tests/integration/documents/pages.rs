//! Lists, links and tables of the documents.

use std::sync::Mutex;

use access_broker::telemetry::{MetricSources, Metrics, MetricsFormat, Traces};
use access_broker_s3::credentials::RefreshResult;

use super::*;

#[test]
fn every_row_of_a_table_has_as_many_cells_as_its_head() {
    let documents = files_under(&file("docs"), ".md").into_iter().chain([file("README.md")]);
    let mut tables = 0;
    for path in documents {
        let text = fs::read_to_string(&path).unwrap();
        let mut head = None;
        for line in text.lines() {
            // Code may hold a `|` that is no border.
            let plain = line.split('`').step_by(2).collect::<String>();
            match plain.starts_with('|').then(|| plain.matches('|').count()) {
                Some(borders) => {
                    tables += usize::from(head.is_none());
                    assert_eq!(borders, *head.get_or_insert(borders), "{}: {line}", path.display());
                }
                None => head = None,
            }
        }
    }
    assert!(tables >= 30, "{tables}");
}

#[test]
fn the_index_of_decisions_has_each_record_with_its_title_and_date() {
    let mut records = Vec::new();
    for path in files_under(&file("docs/decisions"), ".md").into_iter().filter(|path| !path.ends_with("README.md")) {
        let text = fs::read_to_string(&path).unwrap();
        let (number, title) = text.lines().next().unwrap().strip_prefix("# ").unwrap().split_once(". ").unwrap();
        let date = text.lines().find_map(|line| line.strip_prefix("- Date: ")).unwrap();
        records.push(format!("[{number}]({}) {title} {date}", path.file_name().unwrap().to_str().unwrap()));
    }
    records.sort();
    let index = read("docs/decisions/README.md");
    let listed: Vec<String> = rows(&index, "number").iter().map(|row| row[..3].join(" ")).collect();
    assert_eq!(listed, records);
}

#[test]
fn links_and_paths_of_sources_in_the_documents_lead_to_files() {
    let at_the_root = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(file);
    let documents = files_under(&file("docs"), ".md").into_iter().chain(at_the_root);
    let (mut links, mut sources) = (0, 0);
    for path in documents {
        let text = fs::read_to_string(&path).unwrap();
        for rest in text.split("](").skip(1) {
            let target = rest.split([')', '#']).next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                assert!(path.with_file_name(target).exists(), "{}: {target}", path.display());
                links += 1;
            }
        }
        let is_source = |span: &&str| span.starts_with("src/") || span.starts_with("crates/");
        for source in text.split('`').filter(is_source) {
            assert!(file(source).exists(), "{}: {source}", path.display());
            sources += 1;
        }
    }
    assert!(links > 100 && sources > 50, "{links} links, {sources} sources");
}

#[test]
fn the_published_service_config_names_the_service_and_retries_what_is_safe_alone() {
    let text = read("deploy/grpc/service-config.json");
    let config: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(config["healthCheckConfig"]["serviceName"], access_broker::grpc::SERVICE_NAME);
    let methods = config["methodConfig"].as_array().unwrap();
    for method in methods {
        assert_eq!(method["name"][0]["service"], access_broker::grpc::SERVICE_NAME);
        assert_eq!(method["retryPolicy"]["retryableStatusCodes"], serde_json::json!(["UNAVAILABLE"]));
        assert!((2..=5).contains(&method["retryPolicy"]["maxAttempts"].as_u64().unwrap()));
    }
    assert_eq!(methods.len(), 1);
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let sources = ["src", "crates", "tests"].iter().flat_map(|folder| files_under(&file(folder), ".rs"));
    let sources: String = sources.map(|path| fs::read_to_string(path).unwrap()).collect();
    let page = read(SECURITY);
    let mut named = 0;
    for row in page.lines().filter_map(cells).filter(|row| !row[0].starts_with("---")) {
        let last = code_spans(row.last().unwrap());
        for test in last.into_iter().filter(|name| is_setting_name(name) && name.matches('_').count() >= 3) {
            assert!(sources.contains(&format!("fn {test}(")), "{SECURITY} names {test}, which no source has");
            named += 1;
        }
    }
    assert!(named >= 50, "{named}");
}

/// The names that samples have, from the lines that tell the types of the metrics.
fn sample_names(metrics: &str) -> BTreeSet<String> {
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names = types.map(|(name, kind)| match kind {
        "counter" => format!("{name}_total"),
        "info" => format!("{name}_info"),
        _ => name.to_owned(),
    });
    names.collect()
}

#[test]
fn every_metric_is_listed_and_every_listed_metric_exists() {
    let in_code = sample_names(&Metrics::new(MetricSources::default()).text(MetricsFormat::OpenMetrics).unwrap());
    assert!(in_code.len() >= 5, "{in_code:?}");
    assert_eq!(first_code_spans(&read(OPERATIONS), "metric"), in_code);
}

#[tokio::test]
async fn every_variable_of_opentelemetry_that_is_read_is_listed() {
    let asked = Mutex::new(BTreeSet::new());
    let traces = Traces::from_environment(|name| {
        asked.lock().unwrap().insert(name.to_owned());
        // With an endpoint everything else is asked for, too.
        (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "http://127.0.0.1:4317".to_owned())
    });
    assert!(traces.is_ok());
    let asked: BTreeSet<String> =
        asked.into_inner().unwrap().into_iter().filter(|name| name.starts_with("OTEL_")).collect();
    let listed = first_code_spans(&read(OPERATIONS), "variable");
    assert!(asked.len() >= 12 && asked.is_subset(&listed), "{:?}", asked.difference(&listed));
}

#[test]
fn every_result_of_a_refresh_is_listed() {
    let in_code = RefreshResult::ALL.map(|result| result.name().to_owned()).into();
    assert_eq!(first_code_spans(&read(OPERATIONS), "`result`"), in_code);
}
