//! What the documents and samples say is true of the program: each test reads both and compares.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail by panicking")]

mod errors;
mod examples;
mod openapi;
mod pages;
mod samples;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use access_broker::config::Config;
use access_broker_base::document::{Overrides, Variables};
use access_broker_identity::PlainHttp;
use access_broker_policy::{BucketName, BucketProfile, Policy, PolicyContext};

use crate::support::Process;

const CONFIGURATION: &str = "docs/CONFIGURATION.md";
const POLICY: &str = "docs/POLICY.md";
const MEMBERS: &str = "docs/MEMBERS.md";
const OPERATIONS: &str = "docs/OPERATIONS.md";
const ERRORS: &str = "docs/ERRORS.md";
const SECURITY: &str = "docs/SECURITY.md";
const SERVERS: &str = "docs/SERVERS.md";
const MESH: &str = "docs/MESH.md";
const SAMPLE_CONFIGURATION: &str = "samples/broker.toml";
const SAMPLE_POLICY: &str = "samples/policy.toml";
const SAMPLE_MEMBERS: &str = "samples/members.toml";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn parse_configuration(text: &str) -> Config {
    Config::parse("document", text, &file("samples"), Overrides::new(), PlainHttp::Refused)
        .unwrap_or_else(|problems| panic!("{problems}\nin:\n{text}"))
}

/// A sample with its optional settings switched on: lines that begin with `#` and no space.
fn uncommented(text: &str, wanted: impl Fn(&str) -> bool) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|first: char| first.is_alphabetic() || first == '[') && wanted(line) => {
            setting
        }
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn has_default(line: &str) -> bool {
    !line.ends_with("# no default")
}

/// The `toml` blocks of a document.
fn toml_blocks(document: &str) -> Vec<String> {
    blocks(document, "toml")
}

/// The blocks of a document that are marked as this language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let marker = format!("```{language}\n");
    let blocks = document.split(&marker).skip(1);
    blocks.map(|rest| rest.split_once("\n```").expect("a block has an end").0.to_owned()).collect()
}

/// What `access-broker check` prints of a configuration file.
fn check(folder: &Path, configuration: &str) -> String {
    let output = Process::output(&["check", "--config", configuration], folder, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A table row's cells, without the outer bars. A bar inside a cell is not used in these documents.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// What stands in backticks.
fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The rows of every table of a document whose first column has this title.
fn rows<'d>(document: &'d str, title: &str) -> Vec<Vec<&'d str>> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        match cells(line) {
            None => inside = false,
            Some(header) if !inside && header.first() == Some(&title) => inside = true,
            Some(row) if inside && !row[0].starts_with("---") => rows.push(row),
            Some(_) => {}
        }
    }
    rows
}

fn first_code_spans(document: &str, title: &str) -> BTreeSet<String> {
    rows(document, title).iter().flat_map(|row| code_spans(row[0])).map(str::to_owned).collect()
}

fn is_setting_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn context_of(config: &Config) -> (BTreeMap<BucketName, BucketProfile>, BTreeSet<String>) {
    let buckets = config.bucket_profiles();
    let issuers = config.issuers.iter().map(|issuer| issuer.issuer.clone()).collect();
    (buckets, issuers)
}

fn sample_configuration() -> Config {
    Config::load(&file(SAMPLE_CONFIGURATION), Overrides::new(), PlainHttp::Refused)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn compile(text: &str) -> Policy {
    let config = sample_configuration();
    let (buckets, issuers) = context_of(&config);
    let trust_domains = config.trust_domains();
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &issuers,
        trust_domains: &trust_domains,
        variables: &Variables::None,
        members: None,
    };
    Policy::parse("policy", text, &context).unwrap_or_else(|problems| panic!("{problems}\nin:\n{text}"))
}

/// Every file of a folder that ends so, and of the folders in it.
fn files_under(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let here = files.into_iter().filter(|path| path.to_string_lossy().ends_with(ending));
    here.chain(folders.iter().flat_map(|folder| files_under(folder, ending))).collect()
}

/// Compares a generated part of a document, or writes it with `UPDATE_DOCUMENTS=1`. The part is between two lines.
fn hold_generated(document: &str, begin: &str, end: &str, generated: &str) {
    let text = read(document);
    let (before, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{document} has no {begin}"));
    let (written, after) = rest.split_once(end).unwrap_or_else(|| panic!("{document} has no {end} after {begin}"));
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        fs::write(file(document), [before, begin, generated, end, after].concat()).unwrap();
        return;
    }
    assert_eq!(written, generated, "{document}: UPDATE_DOCUMENTS=1 cargo test --test integration documents writes it");
}
