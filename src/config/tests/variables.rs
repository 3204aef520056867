//! `${NAME}` in the strings of a configuration, and the variables of a policy.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::Command;

use super::*;

/// In the environment of the tests' other process only.
const NOT_UTF8: &str = "ACCESS_BROKER_TEST_NOT_UTF8";

const SECRET: &str = "hunter2hunter2";

/// Parses with these variables and no others.
fn parse_by(text: &str, overrides: Overrides, variables: &[(&str, Option<&str>)]) -> Result<Config, Problems> {
    let owned = |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
    let variables = Variables::Listed { setting: "these tests", variables: variables.iter().map(owned).collect() };
    let directory = Path::new(FOLDER);
    Config::parse_with("broker.toml", text, directory, overrides, PlainHttp::Refused, &variables, &|_| None)
}

/// The policy file of a configuration that has it as `file`.
fn policy_file(file: &str, variables: &[(&str, Option<&str>)]) -> Result<String, String> {
    let text = GOOD.replace("policy.toml", file);
    let config = parse_by(&text, Overrides::new(), variables).map_err(|problems| problems.to_string())?;
    let file = config.policy.file.strip_prefix(FOLDER).unwrap();
    Ok(file.to_str().unwrap().to_owned())
}

#[test]
fn a_variable_is_replaced_and_a_default_is_for_one_that_is_unset_or_empty() {
    let variables = [("STAGE", Some("live")), ("EMPTY", Some("")), ("UNSET", None)];
    for (file, expected) in [
        ("${STAGE}.toml", "live.toml"),
        ("a-${STAGE}-${STAGE}.toml", "a-live-live.toml"),
        ("${STAGE:-test}.toml", "live.toml"),
        ("${UNSET:-test}.toml", "test.toml"),
        ("${EMPTY:-test}.toml", "test.toml"),
        ("a${EMPTY}.toml", "a.toml"),
        ("a${UNSET:-}.toml", "a.toml"),
        ("$$STAGE.toml", "$STAGE.toml"),
        ("$${STAGE}.toml", "${STAGE}.toml"),
        ("$STAGE.toml", "$STAGE.toml"),
        ("a$", "a$"),
    ] {
        assert_eq!(policy_file(file, &variables).as_deref(), Ok(expected), "{file}");
    }
}

#[test]
fn a_variable_that_cannot_be_replaced_is_a_problem_with_its_line() {
    let variables = [("UNSET", None), ("STAGE", Some("live"))];
    for (file, rule) in [
        ("${UNSET}", "uses the variable UNSET, which is not set; set it, or write ${UNSET:-default}"),
        ("${OTHER}", "must not use the variable OTHER, because these tests does not list it"),
        ("${STAGE", "has \"${\" without \"}\"; write $$ for a dollar"),
        ("${}", "must write a variable as ${NAME}"),
        ("${1A}", "must write a variable as ${NAME}"),
        ("${A-B}", "must write a variable as ${NAME}"),
    ] {
        let problem = policy_file(file, &variables).unwrap_err();
        assert!(problem.starts_with(&format!("broker.toml:3: policy.file {rule}")), "{problem}");
        assert_eq!(problem.lines().count(), 1, "{problem}");
    }
}

#[test]
fn a_variable_can_give_a_number_a_flag_and_a_duration() {
    let text = format!(
        "[server]\nreflection = \"${{FLAG}}\"\ndrain_delay = \"${{TIME}}\"\n[limits]\nmax_streams = \"${{NUMBER}}\"\n\
         {GOOD}"
    );
    let variables = [("FLAG", Some("false")), ("TIME", Some("7s")), ("NUMBER", Some("12"))];
    let config = parse_by(&text, Overrides::new(), &variables).unwrap();
    assert!(!config.server.reflection);
    assert_eq!((config.server.drain_delay, config.limits.max_streams), (Duration::from_secs(7), 12));
    let variables = [("FLAG", Some("no")), ("TIME", Some("7")), ("NUMBER", Some("0"))];
    let problems = parse_by(&text, Overrides::new(), &variables).unwrap_err().to_string();
    let expected = [
        "broker.toml:2: server.reflection must be true or false",
        "broker.toml:3: server.drain_delay must be a duration in whole seconds with a unit, such as \"30s\" or \"15m\"",
        "broker.toml:5: limits.max_streams must be between 1 and 1000000",
    ];
    assert_eq!(problems.lines().collect::<Vec<_>>(), expected);
    // A string that the file itself has is not a number.
    assert!(parse_by(&format!("limits.max_streams = \"12\"\n{GOOD}"), Overrides::new(), &[]).is_err());
}

#[test]
fn messages_do_not_show_the_value_of_a_variable() {
    let with = |setting: &str| {
        let text = format!("{GOOD}{setting}\n");
        parse_by(&text, Overrides::new(), &[("SECRET", Some(SECRET))]).unwrap_err().to_string()
    };
    for (setting, rule) in [
        ("broker_endpoint = \"${SECRET}\"", "broker_endpoint refers to undefined endpoint \"${SECRET}\""),
        ("credentials = \"a-${SECRET}\"", "credentials refers to undefined credentials \"a-${SECRET}\""),
        ("checksums = [\"md5\", \"${SECRET}\"]", "checksums has invalid algorithm \"${SECRET}\"; must be crc32,"),
        ("[limits]\ntrusted_proxies = \"${SECRET}\"", "trusted_proxies has \"${SECRET}\", which is not an IP address"),
    ] {
        let problem = with(setting);
        assert!(problem.contains(rule) && !problem.contains(SECRET), "{problem}");
    }
}

#[test]
fn a_value_cannot_add_toml_and_keys_are_not_replaced() {
    let toml = "live.toml\"\n[server]\nreflection = false\n#";
    let text = GOOD.replace("policy.toml", "${STAGE}");
    let config = parse_by(&text, Overrides::new(), &[("STAGE", Some(toml))]).unwrap();
    assert!(config.server.reflection);
    assert_eq!(config.policy.file, Path::new(FOLDER).join(toml));
    let text = format!("[server]\n\"${{STAGE}}\" = true\n{GOOD}");
    let problems = parse_by(&text, Overrides::new(), &[("STAGE", Some("reflection"))]).unwrap_err();
    assert_eq!(problems.to_string(), "broker.toml:2: server.${STAGE} is not a known setting");
}

#[test]
fn overrides_win_and_are_not_replaced() {
    let text = GOOD.replace("policy.toml", "${STAGE}");
    let overrides = environment(&[("ACCESS_BROKER_POLICY__FILE", "${STAGE}/$$")]);
    let config = parse_by(&text, overrides, &[("STAGE", Some("live"))]).unwrap();
    assert_eq!(config.policy.file, Path::new(FOLDER).join("${STAGE}/$$"));
}

#[test]
fn the_policy_can_use_the_variables_that_are_listed_for_it() {
    const UNSET: &str = "ACCESS_BROKER_TEST_UNSET";
    let listed = |names: &str| parse(&GOOD.replace("[policy]\n", &format!("[policy]\nvariables = {names}\n")));
    assert_eq!(
        parse(GOOD).unwrap().policy.variables,
        Variables::Listed { setting: "policy.variables", variables: BTreeMap::new() }
    );
    let config = listed(&format!("[\"PATH\", \"{UNSET}\"]")).unwrap();
    let variables = BTreeMap::from([("PATH".to_owned(), env::var("PATH").ok()), (UNSET.to_owned(), None)]);
    assert!(variables["PATH"].is_some());
    assert_eq!(config.policy.variables, Variables::Listed { setting: "policy.variables", variables });
    let problem = listed("[\"1A\"]").unwrap_err().to_string();
    assert!(problem.starts_with("broker.toml:3: policy.variables must be names of variables"), "{problem}");

    let mut config = config;
    let variables = BTreeMap::from([("BUCKET".to_owned(), Some("media".to_owned())), (UNSET.to_owned(), None)]);
    config.policy.variables = Variables::Listed { setting: "policy.variables", variables };
    let policy = |bucket: &str| {
        let text = format!(
            "[[tier]]\nname = \"t\"\nbucket = \"{bucket}\"\nprefix = \"\"\ndownload = {{}}\n[[grant]]\ntiers = \"t\"\n\
             operations = \"download\"\nto = {{ groups = \"a\" }}\n"
        );
        config.parse_policy(&text).map(|_| ()).map_err(|problems| problems.to_string())
    };
    assert_eq!(policy("${BUCKET}"), Ok(()));
    for (bucket, rule) in [
        ("${PATH}", "must not use the variable PATH, because policy.variables does not list it".to_owned()),
        (
            &format!("${{{UNSET}}}"),
            format!("uses the variable {UNSET}, which is not set; set it, or write ${{{UNSET}:-default}}"),
        ),
        ("$${BUCKET}", "tier[0].bucket".to_owned()),
    ] {
        let problem = policy(bucket).unwrap_err();
        assert!(problem.contains(&rule), "{problem}");
    }
}

#[test]
fn a_variable_that_is_not_utf8_is_a_problem() {
    let name = "config::tests::variables::in_an_environment_that_is_not_utf8";
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--ignored", name])
        .env(NOT_UTF8, OsString::from_vec(vec![b'a', 0xFF]))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "runs in a process with a variable that is not UTF-8"]
fn in_an_environment_that_is_not_utf8() {
    let rule = format!("names the variable {NOT_UTF8}, whose value is not UTF-8");
    let problems = parse(&GOOD.replace("policy.toml", &format!("${{{NOT_UTF8}}}"))).unwrap_err();
    assert_eq!(problems.to_string(), format!("broker.toml:3: policy.file {rule}"));
    let listed = GOOD.replace("[policy]\n", &format!("[policy]\nvariables = \"{NOT_UTF8}\"\n"));
    assert_eq!(parse(&listed).unwrap_err().to_string(), format!("broker.toml:3: policy.variables {rule}"));
}
