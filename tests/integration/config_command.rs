//! `access-broker config`, and variables in files, as an operator uses them.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::Process;

fn run(arguments: &[&str], directory: &Path, variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Process::output(arguments, directory, variables);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

const CHECK: [&str; 4] = ["check", "--config", "broker.toml", "--deny-warnings"];

#[test]
fn init_writes_two_files_that_check_accepts_without_a_warning() {
    let directory = TempDir::new().unwrap();
    let (code, told, errors) = run(&["config", "init"], directory.path(), &[]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(told.contains("broker.toml") && told.contains("policy.toml"), "{told}");
    let (code, told, errors) = run(&CHECK, directory.path(), &[]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{told}");
    // The README shows the same files.
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let shown = readme.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let settings = |text: &str| {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let written = ["broker.toml", "policy.toml"].map(|name| fs::read_to_string(directory.path().join(name)).unwrap());
    assert_eq!(shown.map(settings).collect::<Vec<_>>(), written.map(|text| settings(&text)));
}

#[test]
fn init_creates_its_directory_and_leaves_existing_files_alone() {
    let directory = TempDir::new().unwrap();
    let (code, ..) = run(&["config", "init", "a/b"], directory.path(), &[]);
    assert_eq!(code, Some(0));
    for existing in ["broker.toml", "policy.toml"] {
        let folder = directory.path().join(existing.replace('.', "-"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(existing), "mine").unwrap();
        let (code, told, errors) = run(&["config", "init"], &folder, &[]);
        assert_eq!((code, told.as_str()), (Some(1), ""));
        assert!(errors.contains(&format!("{existing} already exists; nothing was written")), "{errors}");
        assert_eq!(fs::read_to_string(folder.join(existing)).unwrap(), "mine");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}

/// Every object of a schema: those of tables and those of settings.
fn objects<'s>(schema: &'s Value, found: &mut Vec<&'s Value>) {
    found.push(schema);
    for property in schema["properties"].as_object().into_iter().flat_map(|properties| properties.values()) {
        objects(if property["type"] == "array" { &property["items"] } else { property }, found);
    }
}

#[test]
fn schemas_describe_every_setting_and_refuse_unknown_ones() {
    for (file, least) in [("configuration", 80), ("policy", 35), ("members", 4)] {
        let (code, schema, errors) = run(&["config", "schema", file], Path::new("."), &[]);
        assert_eq!((code, errors.as_str()), (Some(0), ""));
        let schema: Value = serde_json::from_str(&schema).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let mut found = Vec::new();
        objects(&schema, &mut found);
        let (tables, settings): (Vec<&Value>, Vec<&Value>) =
            found.into_iter().partition(|object| object["type"] == "object");
        assert!(settings.len() >= least, "{file}: {}", settings.len());
        for setting in settings {
            assert!(!setting["description"].as_str().unwrap_or_default().is_empty(), "{file}: {setting}");
        }
        assert!(tables.iter().all(|table| !table["additionalProperties"].is_null()));
    }
}

/// A configuration and a policy with variables.
fn write_with_variables(directory: &Path) {
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    write(
        "broker.toml",
        "[policy]\nfile = 'policy.toml'\nvariables = ['TENANT']\n[limits]\nmax_connections = '${CONNECTIONS:-99}'\n\
         [[issuer]]\nissuer = 'https://${LOGIN_HOST}/'\naudiences = 'a$$b'\n\
         [[bucket]]\nname = 'media'\ns3_bucket = '${BUCKET}'\nregion = 'eu-central-1'\n",
    );
    write(
        "policy.toml",
        "[[tier]]\nname = 'a'\nbucket = 'media'\nprefix = '${TENANT}/'\ndownload = {}\n\
         [[grant]]\nname = 'g'\ntiers = 'a'\noperations = 'download'\nto = { authenticated = true }\n",
    );
}

const VARIABLES: [(&str, &str); 3] = [("LOGIN_HOST", "login.example"), ("BUCKET", "example-media"), ("TENANT", "acme")];

#[test]
fn both_files_use_variables() {
    let directory = TempDir::new().unwrap();
    write_with_variables(directory.path());
    let (code, told, errors) = run(&CHECK, directory.path(), &VARIABLES);
    assert_eq!(code, Some(0), "{errors}");
    for part in ["limits: 99 connections", "issuer https://login.example/: audiences a$b;", "\"acme/\" in bucket media"]
    {
        assert!(told.contains(part), "{part} is not in: {told}");
    }
    assert!(told.contains("https://example-media.s3."), "{told}");
}

#[test]
fn an_unset_variable_is_an_error_with_its_line_and_no_value_is_shown() {
    let directory = TempDir::new().unwrap();
    write_with_variables(directory.path());
    let (code, _, errors) = run(&CHECK, directory.path(), &VARIABLES[..1]);
    assert_eq!(code, Some(78));
    assert_eq!(
        errors,
        "access-broker: broker.toml:11: bucket[0].s3_bucket uses the variable BUCKET, which is not set; set it, or write ${BUCKET:-default}\n"
    );
    let (code, _, errors) = run(&CHECK, directory.path(), &VARIABLES[..2]);
    assert_eq!(code, Some(78));
    assert_eq!(
        errors,
        "access-broker: policy.toml:4: tier[0].prefix uses the variable TENANT, which is not set; set it, or write ${TENANT:-default}\n"
    );

    let bucket = [VARIABLES[0], ("BUCKET", "Not_A_Bucket-s3cret"), VARIABLES[2]];
    let (code, told, errors) = run(&CHECK, directory.path(), &bucket);
    assert_eq!(code, Some(78));
    assert!(errors.contains("bucket[0]") && !errors.contains("s3cret") && !told.contains("s3cret"), "{errors}");

    let prefix = [VARIABLES[0], VARIABLES[1], ("TENANT", "/s3cret")];
    let (code, told, errors) = run(&CHECK, directory.path(), &prefix);
    assert_eq!(code, Some(78));
    assert!(errors.contains("tier[0].prefix") && !errors.contains("s3cret") && !told.contains("s3cret"), "{errors}");
}

#[test]
fn the_policy_sees_only_the_variables_that_the_configuration_lists() {
    let directory = TempDir::new().unwrap();
    write_with_variables(directory.path());
    let path = directory.path().join("policy.toml");
    let policy = fs::read_to_string(&path).unwrap().replace("${TENANT}", "${HOME}");
    fs::write(&path, policy).unwrap();
    let (code, _, errors) = run(&CHECK, directory.path(), &VARIABLES);
    assert_eq!(code, Some(78));
    let rule = "must not use the variable HOME, because policy.variables does not list it";
    assert_eq!(errors, format!("access-broker: policy.toml:4: tier[0].prefix {rule}\n"));
}

#[test]
fn errors_of_the_policy_show_no_value_of_the_configurations_variables() {
    let directory = TempDir::new().unwrap();
    write_with_variables(directory.path());
    let path = directory.path().join("policy.toml");
    let policy = fs::read_to_string(&path).unwrap();
    fs::write(&path, policy.replace("authenticated = true", "issuers = ['https://other.example']")).unwrap();
    let variables = [("LOGIN_HOST", "s3cret.example"), VARIABLES[1], VARIABLES[2]];
    for format in [&[][..], &["--format", "json"]] {
        let (code, told, errors) = run(&[&CHECK[..], format].concat(), directory.path(), &variables);
        assert_eq!(code, Some(78));
        let printed = format!("{told}{errors}");
        assert!(printed.contains("refers to undefined issuer"), "{printed}");
        // The summary of a valid configuration names its issuers; the errors do not.
        assert!(!errors.contains("s3cret"), "{errors}");
        let found: Value = serde_json::from_str(&told).unwrap_or_default();
        assert!(!found["errors"].to_string().contains("s3cret"), "{told}");
    }
}

#[test]
fn a_path_with_a_line_feed_forges_no_line() {
    let directory = TempDir::new().unwrap();
    write_with_variables(directory.path());
    let path = directory.path().join("broker.toml");
    let text = fs::read_to_string(&path).unwrap().replace("'policy.toml'", "'${POLICY_FILE}'");
    fs::write(&path, text).unwrap();
    let variables = [&VARIABLES[..], &[("POLICY_FILE", "x\naccess-broker: all good")]].concat();
    let (code, _, errors) = run(&CHECK, directory.path(), &variables);
    assert_eq!((code, errors.lines().count()), (Some(78), 1), "{errors}");
    assert!(errors.starts_with("access-broker: policy.file: x\\naccess-broker: all good does not exist"), "{errors}");
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let directory = TempDir::new().unwrap();
    write_with_variables(directory.path());
    for task in ["config schema", "check --config broker.toml", "check --config broker.toml --format json"] {
        let command = format!("\"$0\" {task} > /dev/full");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &command, env!("CARGO_BIN_EXE_access-broker")]).current_dir(directory.path());
        let output = crate::support::run_within(crate::support::PATIENCE, shell.envs(VARIABLES));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{task}: {errors}");
        assert!(errors.starts_with("access-broker: writing to standard output failed: "), "{errors}");
    }
}
