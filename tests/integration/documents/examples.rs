//! The examples in the documents: they load, they mean what the text says, and `check` prints what is shown.

use access_broker::broker::Aspect;
use access_broker_base::document::{WarningCode, Warnings};
use access_broker_identity::TrustedHop;

use super::*;
use crate::support::folder;

#[test]
fn the_wrong_file_of_the_document_is_wrong_in_the_way_it_says() {
    let document = read(CONFIGURATION);
    let (_, section) = document.split_once("## What a wrong file looks like").unwrap();
    let blocks: Vec<&str> = section.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let (wrong, shown) = (blocks[0], blocks[1]);
    // The text between the two blocks names the variables and the flag.
    let between = section.split("```").nth(2).unwrap();
    let given = code_spans(between);
    let variables: Vec<(&str, &str)> = given.iter().filter_map(|span| span.split_once('=')).collect();
    let flag = given.iter().find(|span| span.starts_with("--")).unwrap();
    assert_eq!(variables.len(), 2, "{between}");
    let folder = folder();
    fs::write(folder.path().join("broker.toml"), wrong).unwrap();
    let arguments: Vec<&str> = ["check", "--config", "broker.toml"].into_iter().chain(flag.split(' ')).collect();
    let output = Process::output(&arguments, folder.path(), &variables);
    assert_eq!((output.status.code(), String::from_utf8(output.stdout).unwrap()), (Some(78), String::new()));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), shown);
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
    hold_generated(POLICY, "<!-- check of the samples -->\n```text\n", "```\n<!-- /check -->", &printed);
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
