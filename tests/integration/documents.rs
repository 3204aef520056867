//! What the documents and samples say is true of the program: each test reads both and compares.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use access_broker::broker::{Aspect, BrokerError, DecisionId};
use access_broker::calls::{Cause, Failure, Reason, Retry};
use access_broker::config::Config;
use access_broker::grpc::proto::ErrorReason;
use access_broker::quota::{QuotaExceeded, QuotaScope};
use access_broker::telemetry::{MetricSources, Metrics, MetricsFormat};
use access_broker_base::document::{Overrides, WarningCode, Warnings};
use access_broker_identity::{Caller, ClaimSet, Names, PlainHttp, Rejection, TokenIdentity, TrustedHop};
use access_broker_policy::{
    AccessRequest, BucketName, BucketProfile, Checksum, ChecksumAlgorithm, HeaderText, LifetimeRequest, ObjectKey,
    ObjectReference, Policy, PolicyContext, RefusalReason, RequestedDownload, RequestedUpload,
};
use access_broker_s3::credentials::RefreshResult;
use access_broker_s3::presign::PresignError;
use access_broker_s3::storage::InspectionError;

use crate::support::{Process, folder};

const CONFIGURATION: &str = "docs/CONFIGURATION.md";
const POLICY: &str = "docs/POLICY.md";
const OPERATIONS: &str = "docs/OPERATIONS.md";
const ERRORS: &str = "docs/ERRORS.md";
const SECURITY: &str = "docs/SECURITY.md";
const SERVERS: &str = "docs/SERVERS.md";
const MESH: &str = "docs/MESH.md";
const SAMPLE_CONFIGURATION: &str = "samples/broker.toml";
const SAMPLE_POLICY: &str = "samples/policy.toml";

/// The sources that name reasons for the log in a `code()` function, and have no list of them.
const REASON_SOURCES: [&str; 4] = [
    "crates/policy/src/decide/refusal.rs",
    "crates/s3/src/presign/error.rs",
    "crates/s3/src/storage/inspector.rs",
    "src/broker/error.rs",
];

/// Between these stands what is written from the table of reasons.
const REASONS_BEGIN: &str =
    "<!-- reasons: begin (UPDATE_DOCUMENTS=1 cargo test --test integration documents writes this table) -->\n";
const REASONS_END: &str = "<!-- reasons: end -->";

/// The sources that read the configuration.
const CONFIGURATION_SOURCES: [&str; 15] = [
    "src/config/audit.rs",
    "src/config/attribution.rs",
    "src/config/quota.rs",
    "src/config/server.rs",
    "src/config/limits.rs",
    "src/config/listener.rs",
    "src/config/tls.rs",
    "src/config/log.rs",
    "src/config/policy.rs",
    "src/config/issuer.rs",
    "src/config/key_proxy.rs",
    "src/config/bucket.rs",
    "src/config/bucket/endpoints.rs",
    "src/config/bucket/server.rs",
    "src/config/credentials.rs",
];

/// The sources that read the policy.
const POLICY_SOURCES: [&str; 10] = [
    "crates/policy/src/file/tier.rs",
    "crates/policy/src/file/include.rs",
    "crates/policy/src/file/endpoints.rs",
    "crates/policy/src/file/quota.rs",
    "crates/policy/src/file/lifetime.rs",
    "crates/policy/src/file/download.rs",
    "crates/policy/src/file/upload.rs",
    "crates/policy/src/file/encryption.rs",
    "crates/policy/src/file/rule.rs",
    "crates/policy/src/file/condition.rs",
];

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

/// The settings of one section of a document's tables: from its heading of level two to the next.
fn documented_settings(document: &str, section: &str) -> BTreeSet<String> {
    let heading = format!("\n## `{section}`\n");
    let start = document.find(&heading).unwrap_or_else(|| panic!("no heading {section}")) + heading.len();
    let end = document[start..].find("\n## ").map_or(document.len(), |length| start + length);
    first_code_spans(&document[start..end], "setting")
}

/// The settings under one header of a configuration in TOML, those that are commented out included.
fn sample_settings(sample: &str, section: &str) -> BTreeSet<String> {
    let mut settings = BTreeSet::new();
    let mut current = "";
    for line in sample.lines() {
        let line = line.strip_prefix('#').unwrap_or(line);
        if line.starts_with('[') {
            current = line.split(" #").next().unwrap_or(line);
        } else if let Some((name, _)) = line.split_once(" = ")
            && current == section
            && is_setting_name(name)
        {
            settings.insert(name.to_owned());
        }
    }
    settings
}

fn is_setting_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The names of settings that a source reads: the string literals right behind the functions that read.
fn settings_in_source(source: &str) -> BTreeSet<String> {
    const READERS: [&str; 29] = [
        "table.string(",
        "table.required_string(",
        "table.strings(",
        "table.path_in(folder, ",
        "table.boolean(",
        "table.byte_size(",
        "table.integer(",
        ".duration(",
        "table.table(",
        "table.tables(",
        "table.one_of(",
        "address(&mut table, ",
        "count(&mut table, ",
        "size(&mut table, ",
        "memory(&mut table, ",
        "networks(&mut table, ",
        "duration(&mut table, ",
        "path(&mut table, ",
        "secret(table, [",
        "read_header(&mut table, ",
        "read_list(&mut table, ",
        "read_values(&mut table, ",
        "read_issuers(&mut table, ",
        "root.table(",
        "root.tables(",
        "_env\", ",
        "read_rate(&mut table, ",
        "\"caller\", ",
        "\"total\", ",
    ];
    let flat = source.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(");
    let literal = |rest: &str| Some(rest.strip_prefix('"')?.split_once('"')?.0.to_owned());
    let found = READERS.iter().flat_map(|reader| flat.split(reader).skip(1).filter_map(literal));
    found.filter(|name| is_setting_name(name)).collect()
}

/// The match arms of a `code()` function: `Self::Name => "name",` and the like.
fn reasons_in_source(source: &str) -> BTreeSet<String> {
    let start = source.find("fn code(").expect("a code() function");
    let body = source[start..].split("\n    }\n").next().unwrap_or_default();
    let arms = body.lines().filter_map(|line| line.trim().strip_suffix("\",")?.split_once("=> \""));
    arms.map(|(_, name)| name.to_owned()).collect()
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
    let context = PolicyContext { buckets: &buckets, issuers: &issuers, trust_domains: &trust_domains };
    Policy::parse("policy", text, &context).unwrap_or_else(|problems| panic!("{problems}\nin:\n{text}"))
}

#[test]
fn the_sample_configuration_loads_and_its_policy_compiles() {
    let config = sample_configuration();
    let policy = config.load_policy().unwrap_or_else(|error| panic!("{error}")).compiled.policy;
    assert!(policy.outline().iter().all(|tier| !tier.grants.is_empty()), "a tier that nobody reaches");
}

#[test]
fn the_optional_settings_of_the_sample_configuration_load() {
    // The two ways to say where gRPC is served do not go together.
    let text = uncommented(&read(SAMPLE_CONFIGURATION), |line| !line.starts_with("#grpc_addr"));
    assert!(text.contains("\nsession_token_env = ") && text.matches("\n[[listener]]").count() == 3);
    parse_configuration(&text);
}

#[test]
fn the_wrong_file_of_the_document_is_wrong_in_the_way_it_says() {
    let document = read(CONFIGURATION);
    let (_, section) = document.split_once("## What a wrong file looks like").unwrap();
    let blocks: Vec<&str> = section.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let wrong = blocks[0];
    let shown: Vec<&str> = blocks[1].lines().map(|line| line.strip_prefix("access-broker: ").unwrap()).collect();
    let folder = Path::new("");
    let problems = Config::parse("broker.toml", wrong, folder, Overrides::new(), PlainHttp::Refused).unwrap_err();
    assert_eq!(problems.to_string().lines().collect::<Vec<_>>(), shown);
}

#[test]
fn the_defaults_in_the_sample_configuration_are_the_defaults() {
    let text = read(SAMPLE_CONFIGURATION);
    let with_defaults = uncommented(&text, has_default);
    assert_ne!(text, with_defaults);
    assert_eq!(format!("{:#?}", parse_configuration(&text)), format!("{:#?}", parse_configuration(&with_defaults)));
}

#[test]
fn the_optional_settings_of_the_sample_policy_load() {
    let text = uncommented(&read(SAMPLE_POLICY), |_| true);
    assert!(text.contains("\noverwrite = false"));
    let (as_it_is, uncommented) = (compile(&read(SAMPLE_POLICY)), compile(&text));
    assert_eq!(as_it_is.outline(), uncommented.outline());
}

#[test]
fn the_configurations_settings_are_the_same_in_code_sample_and_document() {
    let (document, sample) = (read(CONFIGURATION), read(SAMPLE_CONFIGURATION));
    let mut in_sections = BTreeSet::new();
    for section in [
        "[server]",
        "[limits]",
        "[[listener]]",
        "[log]",
        "[audit]",
        "[attribution]",
        "[quota]",
        "[policy]",
        "[[issuer]]",
        "[[bucket]]",
        "[[bucket.named_endpoint]]",
        "[[credentials]]",
    ] {
        let documented = documented_settings(&document, section);
        assert!(!documented.is_empty(), "{section}");
        assert_eq!(documented, sample_settings(&sample, section), "{section}");
        in_sections.extend(documented);
    }
    let in_code: BTreeSet<String> =
        CONFIGURATION_SOURCES.iter().flat_map(|source| settings_in_source(&read(source))).collect();
    let sections = ["listener", "issuer", "bucket", "named_endpoint", "credentials"].map(str::to_owned);
    assert!(sections.iter().all(|section| in_code.contains(section)));
    let lists_of_tables: BTreeSet<String> =
        sections.into_iter().filter(|section| !in_sections.contains(section)).collect();
    assert_eq!(in_code.difference(&lists_of_tables).cloned().collect::<BTreeSet<_>>(), in_sections);
}

/// Every table of the configuration that is no list can be set from the environment.
#[test]
fn the_sections_that_the_environment_can_set_are_named_alike_in_document_and_help() {
    let sample = read(SAMPLE_CONFIGURATION);
    let headers = sample.lines().map(|line| line.trim_start_matches('#'));
    let sections: BTreeSet<String> = headers
        .filter_map(|line| line.strip_prefix('[')?.split_once(']'))
        .map(|(name, _)| name.to_owned())
        .filter(|name| is_setting_name(name))
        .collect();
    assert!(sections.len() >= 7, "{sections:?}");

    let document = read(CONFIGURATION);
    let row = rows(&document, "source").into_iter().find(|row| row[0] == "environment").unwrap();
    let documented: BTreeSet<String> =
        code_spans(row[2]).iter().map(|span| span.trim_matches(['[', ']']).to_owned()).collect();
    assert_eq!(documented, sections);

    let help = Process::output(&["serve", "--help"], &file(""), &[]);
    let help = String::from_utf8(help.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, list) = help.split_once("Settings of its sections ").unwrap();
    let (list, _) = list.split_once(" can be given in the environment").unwrap();
    let helped: BTreeSet<String> = list.replace(" and ", ", ").split(", ").map(str::to_owned).collect();
    assert_eq!(helped, sections);

    // And the program takes a setting of each.
    for section in &sections {
        let settings = sample_settings(&sample, &format!("[{section}]"));
        let setting = settings.first().unwrap_or_else(|| panic!("no setting in {section}"));
        let name = format!("ACCESS_BROKER_{}__{}", section.to_uppercase(), setting.to_uppercase());
        let overrides = access_broker::config::environment_overrides([(name, "no such value".to_owned())]);
        let parsed = Config::parse("document", &sample, &file("samples"), overrides, PlainHttp::Refused);
        let problems = parsed.err().map(|problems| problems.to_string()).unwrap_or_default();
        assert!(!problems.contains("is not a known setting"), "{section}.{setting}: {problems}");
    }
}

#[test]
fn the_policys_settings_are_the_same_in_code_sample_and_document() {
    let documented = first_code_spans(&read(POLICY), "setting");
    let in_code: BTreeSet<String> =
        POLICY_SOURCES.iter().flat_map(|source| settings_in_source(&read(source))).collect();
    assert_eq!(in_code, documented);
    let sample = read(SAMPLE_POLICY);
    for setting in documented {
        let shapes = [format!("{setting} = "), format!(".{setting}]")];
        assert!(shapes.iter().any(|shape| sample.contains(shape)), "{setting} is not in the sample");
    }
}

#[test]
fn the_defaults_in_the_documents_tables_are_those_of_the_samples() {
    for (document, sample) in [(CONFIGURATION, SAMPLE_CONFIGURATION), (POLICY, SAMPLE_POLICY)] {
        let (document, sample) = (read(document), read(sample));
        let rows = rows(&document, "setting");
        let with_default = rows.iter().filter(|row| row.len() > 3 && !code_spans(row[2]).is_empty());
        // Rules have two columns of defaults, which no sample shows.
        for row in with_default.filter(|row| !["name", "operations"].contains(&code_spans(row[0])[0])) {
            let (setting, defaults) = (code_spans(row[0])[0], code_spans(row[2]));
            let shown = sample.lines().filter(|line| has_default(line)).any(|line| {
                let value = line.strip_prefix(&format!("#{setting} = "));
                value.is_some_and(|value| defaults.iter().any(|default| value.contains(default)))
            });
            assert!(shown, "{setting}: the sample does not show {defaults:?}");
        }
    }
}

#[test]
fn the_defaults_in_the_sample_policy_are_the_defaults() {
    let text = read(SAMPLE_POLICY);
    let with_defaults = uncommented(&text, has_default);
    assert_ne!(text, with_defaults);
    for ttl in [None, Some(Duration::from_hours(7 * 24))] {
        let lives = [&text, &with_defaults].map(|text| {
            let policy = compile(text);
            let wanted = LifetimeRequest { ttl, ..LifetimeRequest::default() };
            let (reading, writing) = (RequestedDownload::default(), upload_terms());
            let down = policy.decide_download(&caller(), access("media", "tier 1/a.jpg", wanted, reading), now());
            let up = policy.decide_upload(&caller(), access("media", "tier 2/a.jpg", wanted, writing), now());
            let (down, up) = (down.unwrap(), up.unwrap());
            (down.lifetime(), up.lifetime(), up.terms().clone())
        });
        assert_eq!(lives[0], lives[1]);
    }
}

/// What tier 2 of the sample demands.
fn upload_terms() -> RequestedUpload {
    RequestedUpload {
        content_type: Some(HeaderText::parse("image/jpeg").unwrap()),
        content_length: Some(1),
        checksum: Some(Checksum::new(ChecksumAlgorithm::Sha256, &[0; 32]).unwrap()),
        ..RequestedUpload::default()
    }
}

#[test]
fn every_configuration_in_the_documents_loads() {
    let blocks = toml_blocks(&read(CONFIGURATION));
    assert!(blocks.len() >= 3);
    for block in blocks {
        parse_configuration(&block);
    }
}

/// Each is what a mesh needs, but for the rest of a configuration.
#[test]
fn the_listeners_of_each_mesh_trust_their_pod_and_can_be_probed() {
    let rest = "policy = { file = \"policy.toml\" }\n\
                bucket = [{ name = \"media\", s3_bucket = \"example-media\", region = \"eu-central-1\" }]\n";
    let blocks = toml_blocks(&read(MESH));
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        let config = parse_configuration(&format!("{rest}{block}"));
        assert!(config.server.admin_addr.ip().is_unspecified(), "{block}");
        assert_eq!(config.warnings.count(), 0, "{block}");
        let [listener] = config.listeners.as_slice() else { panic!("{block}") };
        assert_eq!(listener.proof.workload().unwrap().hop(), Some(&TrustedHop::Pod), "{block}");
    }
}

/// Each is what a bucket of such a server needs, and no more.
#[test]
fn the_settings_of_each_server_let_uploads_be_permitted() {
    let blocks = toml_blocks(&read(SERVERS));
    assert!(blocks.len() >= 4, "{}", blocks.len());
    for block in blocks {
        let head = "policy = { file = \"policy.toml\" }\n\
                    issuer = [{ issuer = \"https://login.example.com\", audiences = [\"access-broker\"] }]\n";
        let config = parse_configuration(&format!("{head}{block}"));
        let bucket = &config.buckets[0].name;
        let policy = format!(
            "tier = [{{ name = 't', bucket = '{bucket}', prefix = '', upload = {{ overwrite = true }} }}]\n\
             grant = [{{ tiers = 't', operations = 'upload', to = {{ authenticated = true }} }}]\n"
        );
        config.parse_policy(&policy).unwrap_or_else(|problems| panic!("{problems}\nin:\n{block}"));
    }
}

#[test]
fn the_output_of_check_in_the_policys_document_is_that_of_the_samples() {
    let printed = check(&file(""), SAMPLE_CONFIGURATION);
    assert!(blocks(&read(POLICY), "text").iter().any(|block| *block == printed.trim_end()), "{printed}");
}

#[test]
fn the_endpoints_in_the_configurations_document_are_what_check_prints() {
    let document = read(CONFIGURATION);
    let printed: Vec<String> = toml_blocks(&document)
        .iter()
        .map(|block| {
            let folder = folder();
            fs::write(folder.path().join("broker.toml"), block).unwrap();
            let policy = "[[tier]]\nname = 't'\nbucket = 'media'\nprefix = ''\ndownload = {}\n\
                          [[grant]]\ntiers = 't'\noperations = 'download'\nto = { authenticated = true }\n";
            fs::write(folder.path().join("policy.toml"), policy).unwrap();
            let printed = check(folder.path(), "broker.toml");
            printed.lines().filter(|line| line.starts_with("bucket ")).collect::<Vec<_>>().join("\n")
        })
        .collect();
    let shown: Vec<String> =
        blocks(&document, "text").into_iter().filter(|block| block.starts_with("bucket ")).collect();
    assert_eq!(shown.len(), 2);
    for block in shown {
        assert!(printed.contains(&block), "{block}\nin:\n{}", printed.join("\n\n"));
    }
}

#[test]
fn every_policy_in_the_documents_compiles_and_grants_something_in_every_tier() {
    let blocks = toml_blocks(&read(POLICY));
    let policies: Vec<_> = blocks.iter().filter(|block| block.contains("[[tier]]")).collect();
    assert!(policies.len() >= 5);
    for text in policies {
        assert!(compile(text).outline().iter().all(|tier| !tier.grants.is_empty()), "{text}");
    }
}

fn lines(warnings: &Warnings) -> Vec<String> {
    warnings.lines().map(|(code, line)| format!("{}: {line}", code.name())).collect()
}

#[test]
fn the_samples_and_the_examples_of_the_documents_have_no_warnings() {
    let output = Process::output(&["check", "--deny-warnings", "--config", SAMPLE_CONFIGURATION], &file(""), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let none: [&str; 0] = [];
    for block in toml_blocks(&read(CONFIGURATION)) {
        assert_eq!(lines(&parse_configuration(&block).warnings), none, "{block}");
    }
    // One example needs a listener that takes a token and a workload at once.
    let text = uncommented(&read(SAMPLE_CONFIGURATION), |line| !line.starts_with("#grpc_addr"));
    let with_both = parse_configuration(&text.replace("proof = \"mesh-header\"", "proof = \"token+mesh-header\""));
    assert!(with_both.listeners.iter().any(|listener| listener.proof.name() == "token+mesh-header"));
    for policy in toml_blocks(&read(POLICY)).iter().filter(|block| block.contains("[[tier]]")) {
        let compiled = with_both.parse_policy(policy).unwrap_or_else(|problems| panic!("{problems}\nin:\n{policy}"));
        assert_eq!(lines(&compiled.warnings), none, "{policy}");
    }
}

/// What can be compared of an upload has the same names everywhere.
#[test]
fn what_a_verification_names_is_the_same_in_the_contract_the_documents_and_the_schema() {
    let names: BTreeSet<String> = Aspect::ALL.map(|aspect| aspect.name().to_owned()).into();
    let schema: serde_json::Value = serde_json::from_str(&read("docs/audit-record.schema.json")).unwrap();
    let in_schema = schema["$defs"]["expectations"]["items"]["enum"].as_array().unwrap();
    assert_eq!(in_schema.iter().map(|name| name.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), names);
    assert_eq!(first_code_spans(&read(POLICY), "name in `mismatches` and `unknown`"), names);
    let audit = read("docs/AUDIT.md");
    let row = rows(&audit, "field").into_iter().find(|row| row[0] == "`mismatches`").unwrap();
    assert_eq!(code_spans(row[3]).into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), names);
    let contract = read("proto/accessbroker/v1/access_broker.proto");
    let comment = contract.split("  // What differs.").nth(1).unwrap().split("repeated").next().unwrap();
    assert_eq!(code_spans(comment).into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), names);
}

/// The lines of a document that show warnings.
fn shown_warnings(document: &str) -> Vec<String> {
    let lines = document.lines().filter_map(|line| line.strip_prefix("access-broker: warning: "));
    lines.map(str::to_owned).collect()
}

#[test]
fn the_warnings_that_the_documents_show_are_printed() {
    let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let text = format!(
        "[policy]\nfile = 'policy.toml'\n\n\n\n\n\n\n\n\n[[issuer]]\nissuer = '{issuer}'\naudiences = 'a'\n\
         [[bucket]]\nname = 'media'\ns3_bucket = 'example-media'\nregion = 'eu-central-1'\n"
    );
    let parse = |text: &str| Config::parse("broker.toml", text, Path::new(""), Overrides::new(), PlainHttp::Refused);
    let printed: Vec<String> = parse(&text).unwrap().warnings.lines().map(|(_, line)| line).collect();
    assert_eq!(shown_warnings(&read(CONFIGURATION)), printed);

    let pool = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE01";
    let cognito =
        text.replace(issuer, pool).replace("audiences", "preset = 'cognito'\ntoken_use = 'access'\naudiences");
    let policy = "[[tier]]\nname = 'a'\nbucket = 'media'\nprefix = 'tier */'\ndownload = {}\n\n[[grant]]\n\
                  # Releases.\n#\ntiers = 'a'\noperations = 'download'\nto = { claims = { ref = 'refs/tags/*' } }\n\n\
                  [[grant]]\n# A person.\ntiers = 'a'\noperations = 'download'\n\
                  to = { claims = { email = 'a@example.com' } }\n";
    let compiled = parse(&cognito).unwrap().parse_policy(policy).unwrap();
    let printed: Vec<String> = compiled.warnings.lines().map(|(_, line)| line).collect();
    assert_eq!(shown_warnings(&read(POLICY)), printed);
}

#[test]
fn every_code_of_a_warning_is_listed_and_every_listed_code_exists() {
    let in_code: BTreeSet<String> = WarningCode::ALL.iter().map(|code| code.name().to_owned()).collect();
    assert_eq!(first_code_spans(&read(CONFIGURATION), "code of the warning"), in_code);
}

#[test]
fn the_members_of_the_json_of_check_are_listed() {
    let arguments = ["check", "--format", "json", "--config", SAMPLE_CONFIGURATION];
    let output = Process::output(&arguments, &file(""), &[]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let members: BTreeSet<String> = found.as_object().unwrap().keys().cloned().collect();
    let document = read(CONFIGURATION);
    assert_eq!(first_code_spans(&document, "member"), members);
    let mut shown = String::new();
    for row in rows(&document, "member") {
        shown.push_str(row[2]);
    }
    for part in ["listeners", "issuers", "buckets", "tiers"] {
        for member in found[part][0].as_object().unwrap().keys() {
            assert!(shown.contains(&format!("`{member}`")), "{part}.{member} is not listed");
        }
    }
}

#[test]
fn include_patterns_match_what_the_document_says() {
    let document = read(POLICY);
    let table = rows(&document, "pattern");
    assert!(table.len() >= 5);
    for row in table {
        let pattern = code_spans(row[0])[0];
        let policy = compile(&format!(
            "[[tier]]\nname = 't'\nbucket = 'media'\nprefix = 't/'\ninclude = ['{pattern}']\ndownload = {{}}\n\
             [[grant]]\ntiers = 't'\noperations = 'download'\nto = {{ authenticated = true }}\n"
        ));
        for key in code_spans(row[1]) {
            assert!(may_download(&policy, &format!("t/{key}")), "{pattern} should match {key}");
        }
        for key in code_spans(row[2]) {
            assert!(!may_download(&policy, &format!("t/{key}")), "{pattern} should not match {key}");
        }
    }
}

fn may_download(policy: &Policy, key: &str) -> bool {
    let request = access("media", key, LifetimeRequest::default(), RequestedDownload::default());
    policy.decide_download(&caller(), request, now()).is_ok()
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// The user of the founding scenario. Its token ends before the default life of a URL does.
fn caller() -> Caller {
    let claims = serde_json::json!({"email": "me+user1@example.com"});
    Caller::from_token(Arc::new(TokenIdentity {
        issuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE01".into(),
        subject: "subject-1".into(),
        groups: Names::default(),
        scopes: Names::default(),
        claims: ClaimSet::pack(claims.as_object().unwrap(), true).unwrap(),
        expires_at: now() + Duration::from_mins(10),
    }))
}

fn access<T>(bucket: &str, key: &str, lifetime: LifetimeRequest, terms: T) -> AccessRequest<T> {
    let object = ObjectReference { bucket: BucketName::parse(bucket).unwrap(), key: ObjectKey::parse(key).unwrap() };
    AccessRequest { object, endpoint: None, lifetime, terms }
}

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
    let documents = files_under(&file("docs"), ".md").into_iter().chain([file("README.md"), file("CHANGELOG.md")]);
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
fn every_error_reason_has_a_heading_and_every_heading_a_reason() {
    let document = read(ERRORS);
    let (start, end) = (document.find("\n## Reasons\n").unwrap(), document.find("\n## Reasons in the log\n").unwrap());
    let headings: Vec<&str> =
        document[start..end].lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    // Numbers may be left out.
    let reasons: Vec<&str> = (1..100)
        .filter_map(|number| ErrorReason::try_from(number).ok())
        .map(|reason| reason.as_str_name().strip_prefix("ERROR_REASON_").unwrap())
        .collect();
    assert_eq!(headings, reasons);
    for reason in reasons {
        assert!(document.contains(&format!("\"reason\": \"{reason}\"")), "no example of {reason}");
    }
}

/// Every file of a folder that ends so, and of the folders in it.
fn files_under(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let here = files.into_iter().filter(|path| path.to_string_lossy().ends_with(ending));
    here.chain(folders.iter().flat_map(|folder| files_under(folder, ending))).collect()
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

#[test]
fn every_reason_in_the_log_is_listed_and_every_listed_reason_exists() {
    let mut in_code = BTreeSet::new();
    for source in REASON_SOURCES {
        let reasons = reasons_in_source(&read(source));
        assert!(!reasons.is_empty(), "{source}");
        in_code.extend(reasons);
    }
    in_code.extend(Cause::ALL.map(|cause| cause.name().to_owned()));
    in_code.extend(Rejection::ALL.map(|rejection| rejection.code().to_owned()));
    let listed = first_code_spans(&read(ERRORS), "`reason`");
    assert_eq!(listed, in_code);
}

/// One of every kind of failure of a decision.
fn broker_errors() -> Vec<BrokerError> {
    let time = Duration::from_secs(1);
    let refusals = [
        RefusalReason::NoTier,
        RefusalReason::NotIncluded,
        RefusalReason::OperationNotOffered,
        RefusalReason::NotGranted,
        RefusalReason::Denied("rule".into()),
        RefusalReason::ClaimElsewhere(None),
        RefusalReason::EndpointNotGranted,
        RefusalReason::TokenEnded,
        RefusalReason::ObligationsNotMet(Vec::new()),
        RefusalReason::FullTtlNotAllowed(time),
    ];
    let presigning = [
        PresignError::UnknownBucket,
        PresignError::UnknownEndpoint,
        PresignError::CredentialsUnavailable { retry_after: time },
        PresignError::FullTtlUnavailable { available: time },
        PresignError::RepeatedTerm,
        PresignError::UnsignableLifetime,
        PresignError::UnsignableTime,
        PresignError::RequestTooLarge(Vec::new()),
        PresignError::UnsignableHeader,
    ];
    let inspections = [
        InspectionError::NotFound,
        InspectionError::Refused,
        InspectionError::Unavailable(String::new()),
        InspectionError::UnknownBucket,
    ];
    let quota = QuotaExceeded { scope: QuotaScope::Caller, retry_after: time };
    let mut errors = vec![BrokerError::Quota(quota), BrokerError::NoVersion];
    errors.extend(refusals.map(BrokerError::Refused));
    errors.extend(presigning.map(BrokerError::Presign));
    errors.extend(inspections.map(BrokerError::Inspection));
    errors
}

#[test]
fn each_reason_in_the_log_is_listed_with_what_the_caller_is_told() {
    let id = DecisionId::generate();
    let mut told: BTreeMap<&str, Reason> = BTreeMap::new();
    for error in broker_errors() {
        told.insert(error.code(), Failure::from_broker_error(error, id).reason());
    }
    told.extend(Cause::ALL.map(|cause| (cause.name(), cause.reason())));
    let (not_grpc, document) = (["not_post", "not_grpc"], read(ERRORS));
    let mut compared = 0;
    // The table of rejected proofs has one answer for all.
    for row in rows(&document, "`reason`").iter().filter(|row| !told_alike(row)) {
        for name in code_spans(row[0]) {
            let answer = code_spans(row[2]);
            if not_grpc.contains(&name) {
                assert!(answer.is_empty(), "{name} is answered in plain HTTP");
            } else {
                assert_eq!(answer, [told[name].name()], "{name}");
            }
            compared += 1;
        }
    }
    // Both deadlines have one name.
    assert_eq!(compared, told.len());
}

/// Whether the row is of a proof that was not accepted.
fn told_alike(row: &[&str]) -> bool {
    Rejection::ALL.iter().any(|rejection| code_spans(row[0]) == [rejection.code()])
}

/// The table of reasons as the document has it.
fn table_of_reasons() -> String {
    let rows = Reason::ALL.map(|reason| {
        let (name, code, text) = (reason.name(), reason.code().name(), reason.text());
        let retry = match reason.retry() {
            Retry::No => "no".to_owned(),
            Retry::WithNewProof => "once, with a new token or certificate".to_owned(),
            Retry::WithMoreTime => "yes, with more time".to_owned(),
            Retry::After(time) => format!("after {} s", time.as_secs()),
            Retry::AfterStated => "after `RetryInfo.retryDelay`".to_owned(),
        };
        format!("| [`{name}`](#{}) | `{code}` | {retry} | {text} |\n", name.to_lowercase())
    });
    format!("| reason | code | another try | text |\n|---|---|---|---|\n{}", rows.concat())
}

#[test]
fn the_table_of_reasons_is_the_programs() {
    let document = read(ERRORS);
    let (before, rest) = document.split_once(REASONS_BEGIN).unwrap();
    let (written, after) = rest.split_once(REASONS_END).unwrap();
    let table = table_of_reasons();
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        fs::write(file(ERRORS), [before, REASONS_BEGIN, &table, REASONS_END, after].concat()).unwrap();
        return;
    }
    assert_eq!(written, table);
}

#[test]
fn the_section_of_each_reason_has_its_code_its_text_and_whether_it_says_when_to_try_again() {
    let document = read(ERRORS);
    for reason in Reason::ALL {
        let heading = format!("\n### `{}`\n", reason.name());
        let (_, section) = document.split_once(&heading).unwrap_or_else(|| panic!("no section {heading}"));
        let section = section.split("\n##").next().unwrap();
        let line = section.lines().find(|line| line.starts_with("Code: ")).unwrap();
        assert_eq!(code_spans(line)[0], reason.code().name(), "{line}");
        assert!(section.contains(&format!("  Message: {}\n", reason.text())), "{heading}");
        let says_when = matches!(reason.retry(), Retry::After(_) | Retry::AfterStated);
        assert_eq!(line.contains("google.rpc.RetryInfo"), says_when, "{line}");
        assert_eq!(section.contains("type.googleapis.com/google.rpc.RetryInfo"), says_when, "{heading}");
    }
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

#[test]
fn every_variable_of_opentelemetry_that_is_read_is_listed() {
    let source = read("src/telemetry/traces/environment.rs");
    let code = source.split("#[cfg(test)]").next().unwrap();
    let in_code: BTreeSet<String> =
        code.split('"').filter(|text| text.starts_with("OTEL_")).map(str::to_owned).collect();
    let listed = first_code_spans(&read(OPERATIONS), "variable");
    assert!(in_code.len() >= 12 && in_code.is_subset(&listed), "{:?}", in_code.difference(&listed));
}

#[test]
fn every_result_of_a_refresh_is_listed() {
    let in_code = RefreshResult::ALL.map(|result| result.name().to_owned()).into();
    assert_eq!(first_code_spans(&read(OPERATIONS), "`result`"), in_code);
}
