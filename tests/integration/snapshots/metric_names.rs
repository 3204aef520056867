//! The names, types, texts and labels of `/metrics`.

use std::collections::BTreeSet;
use std::mem;

use super::assert_unchanged;
use super::session::session;

/// Labels whose values come from the configuration, the machine or the build, or are bounds of buckets.
const OPEN_LABELS: [&str; 8] = ["version", "le", "issuer", "tier", "bucket", "credentials", "endpoint", "listener"];

/// A page without values. The samples of a metric are in no fixed order, so they are sorted.
fn names(page: &str) -> String {
    let mut text = String::new();
    let mut samples = BTreeSet::new();
    for line in page.lines() {
        if line.starts_with('#') {
            text.extend(mem::take(&mut samples));
            text.extend([line, "\n"]);
        } else {
            samples.insert(format!("{}\n", sample_name(line)));
        }
    }
    text.extend(samples);
    text
}

/// A sample's name and labels. A label of a closed list keeps its value.
fn sample_name(sample: &str) -> String {
    let Some((name, rest)) = sample.split_once('{') else {
        return sample.split(' ').next().unwrap().to_owned();
    };
    let (labels, _) = rest.rsplit_once('}').unwrap();
    let labels = labels.split("\",").map(|label| {
        let (name, value) = label.split_once("=\"").unwrap();
        let value = value.trim_end_matches('"');
        if OPEN_LABELS.contains(&name) { format!("{name}=…") } else { format!("{name}={value}") }
    });
    format!("{name}{{{}}}", labels.collect::<Vec<_>>().join(","))
}

#[test]
fn the_names_of_metrics_are_as_they_were_in_both_formats() {
    assert_unchanged("metrics_text", &names(&session().metrics_text));
    assert_unchanged("metrics_openmetrics", &names(&session().metrics_openmetrics));
}
