//! Schemathesis generates requests by the `OpenAPI` document, and judges the answers.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::broker::{Proof, address, start_open};
use crate::registry::{Registry, register};
use crate::support::{folder, http_get, run_within};

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(registry, [Schemathesis], answers_to_generated_requests_are_as_the_openapi_document_says);
}

/// The number of valid requests that are generated for each operation. There are a quarter as many invalid ones.
const EXAMPLES: &str = "ACCESS_BROKER_HTTP_EXAMPLES";

/// Without the variable.
const DEFAULT_EXAMPLES: u32 = 100;

const DOCUMENT: &str = "src/http/openapi.json";

/// Those with a message.
const OPERATIONS: [&str; 4] =
    ["GET /v1/downloadUrl", "POST /v1/downloadUrl", "POST /v1/uploadUrl", "POST /v1/verifyUpload"];

/// What the broker accepts and the schemas forbid. The description in the document lists it.
const LENIENCIES: [&str; 6] = [
    "alphabet or padding of base64",
    "form of a duration",
    "form of an integer",
    "null",
    "number of an enum",
    "snake_case",
];

/// The beginnings of violations of rules that the document cannot express, or that depend on the tier.
const RULES_OUTSIDE_OF_SCHEMAS: [&str; 9] = [
    // Whether the tier permits the whole `ttl`.
    "FULL_TTL_NOT_AVAILABLE: ",
    // Parameters of a query have one schema each.
    "response_overrides.disposition: response_overrides.disposition cannot be combined with ",
    "response_overrides.disposition: response_overrides.disposition requires a type",
    // The day of the week belongs to the date.
    "response_overrides.expires: response_overrides.expires must be a date ",
    "content_length: content_length must be at most 5368709120 bytes",
    "if_match: if_match cannot be combined with create_only",
    "decision_id: decision_id must not be set: this tier does not record decisions",
    // Letters outside ASCII have no class in schemas that every program knows.
    "tags: tags must have names of ",
    "tags: tags must have only names that callers can set in this tier",
];

/// Of one operation.
#[derive(Debug, Default, Deserialize)]
struct Figures {
    fuzzed: BTreeMap<String, u32>,
    /// Answers by status.
    statuses: BTreeMap<u16, u32>,
    /// Requests that the document permits and the broker refuses, by violation.
    refused: BTreeMap<String, u32>,
    /// Requests that the document forbids and the broker accepts, by leniency.
    lenient: BTreeMap<String, u32>,
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Runs the program. The result is by operation.
fn run_schemathesis(mode: &str, examples: u32, url: &str, authorization: &str) -> BTreeMap<String, Figures> {
    let folder = folder();
    let figures = folder.path().join("figures.json");
    let mut program = Command::new("schemathesis");
    program
        .arg("run")
        .arg(file(DOCUMENT))
        .args(["--url", url, "--mode", mode, "--max-examples", &examples.to_string()])
        .args(["--header", &format!("Authorization: {authorization}"), "--seed", "17"])
        // The hooks have other checks instead of these two, with the rules that the document cannot express.
        .args(["--checks", "all", "--exclude-checks", "positive_data_acceptance,negative_data_rejection"])
        .args(["--phases", "coverage,fuzzing", "--suppress-health-check", "all", "--continue-on-failure"])
        .args(["--generation-database", "none", "--no-color"])
        // With the seed, every run generates the same requests.
        .env("PYTHONHASHSEED", "0")
        .env("SCHEMATHESIS_HOOKS", file("tests/peers/http_oracle/examples.py"))
        .env("ORACLE_DOCUMENT", file(DOCUMENT))
        .env("ORACLE_FIGURES", &figures)
        .current_dir(folder.path());
    let started = Instant::now();
    let output = run_within(Duration::from_mins(20), &mut program);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{mode}: {printed}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{mode}, {examples} examples of each operation, in {:?}", started.elapsed());
    serde_json::from_str(&fs::read_to_string(&figures).unwrap()).unwrap()
}

impl Figures {
    fn answers(&self) -> u32 {
        self.statuses.values().sum()
    }

    fn with_status(&self, wanted: impl Fn(u16) -> bool) -> u32 {
        self.statuses.iter().filter(|(status, _)| wanted(**status)).map(|(_, count)| count).sum()
    }

    /// What the broker refused or accepted, and may not.
    fn problems(&self, operation: &str, examples: u32) -> Vec<String> {
        println!("{operation}: {self:?}");
        assert_eq!(self.fuzzed["examples"], examples, "{operation}");
        assert_eq!(self.with_status(|status| status >= 500), 0, "{operation}: {:?}", self.statuses);
        let accepted = self.lenient.keys().filter(|leniency| !LENIENCIES.contains(&&***leniency));
        let is_known = |violation: &str| RULES_OUTSIDE_OF_SCHEMAS.iter().any(|rule| violation.starts_with(rule));
        let refused = self.refused.keys().filter(|violation| !is_known(violation));
        let accepted = accepted.map(|leniency| format!("{operation} accepts what the document forbids: {leniency}"));
        let refused = refused.map(|violation| format!("{operation} refuses what the document permits: {violation}"));
        accepted.chain(refused).collect()
    }
}

async fn answers_to_generated_requests_are_as_the_openapi_document_says() {
    let examples = env::var(EXAMPLES).map_or(DEFAULT_EXAMPLES, |examples| examples.parse().unwrap());
    let invalid_examples = examples.div_ceil(4);
    let broker = start_open(include_str!("open.toml")).await;
    let (url, authorization) = (format!("http://{}", address(&broker)), Proof::Ada.authorization(&broker).unwrap());
    let served = http_get(format!("{url}/openapi.json")).await.unwrap().text().await.unwrap();
    assert!(served == fs::read_to_string(file(DOCUMENT)).unwrap());
    // On other threads, because the broker's storage answers on this one.
    let [valid, invalid] = [("positive", examples), ("negative", invalid_examples)].map(|(mode, examples)| {
        let (url, authorization) = (url.clone(), authorization.clone());
        spawn_blocking(move || run_schemathesis(mode, examples, &url, &authorization))
    });
    let (valid, invalid) = (valid.await.unwrap(), invalid.await.unwrap());
    let mut problems = Vec::new();
    for operation in OPERATIONS {
        let figures = &valid[operation];
        problems.extend(figures.problems(operation, examples));
        let succeeded = figures.with_status(|status| status == 200);
        assert!(4 * succeeded >= figures.answers(), "{operation}: {succeeded} of {}", figures.answers());
    }
    for operation in OPERATIONS {
        let figures = &invalid[operation];
        problems.extend(figures.problems(operation, invalid_examples));
        let refused = figures.with_status(|status| status >= 400);
        assert!(2 * refused >= figures.answers(), "{operation}: {refused} of {}", figures.answers());
    }
    assert!(problems.is_empty(), "{problems:#?}");
    let description = &valid["GET /openapi.json"];
    assert!(description.answers() > 0 && description.with_status(|status| status == 200) == description.answers());
    broker.finish();
}
