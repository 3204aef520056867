mod settings;
mod variables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::warning::MAX_WARNINGS;
use super::*;

const TEXT: &str = r#"
name = "broker"
ttl = "15m"
size = "50MiB"
odd = 3

[server]
reflection = true
grpc_addr = "127.0.0.1:1"

[[tier]]
prefix = "a/"

[[tier]]
prefix = 7
"#;

fn environment(path: &str, text: &str) -> Overrides {
    Overrides::from([(path.to_owned(), (Location::EnvironmentVariable("AB_X".to_owned()), text.to_owned()))])
}

#[test]
fn values_come_with_their_lines() {
    let document = Document::parse("x.toml", TEXT, Overrides::new(), &Variables::None).unwrap();
    let mut root = document.root();
    assert_eq!(
        root.setting("name", "").text().optional().unwrap(),
        Located { value: "broker".to_owned(), location: Location::Line(2) }
    );
    assert_eq!(root.setting("ttl", "").duration().optional().unwrap().value, Duration::from_mins(15));
    assert_eq!(root.setting("size", "").size::<u64>().optional().unwrap().value, 50 * 1_024 * 1_024);
    assert_eq!(root.tables("tier").len(), 2);
    assert!(root.table("absent").setting("anything", "").text().optional().is_none());
}

#[test]
fn every_problem_is_reported_in_the_order_of_the_lines() {
    let document = Document::parse("x.toml", TEXT, Overrides::new(), &Variables::None).unwrap();
    let mut root = document.root();
    for mut tier in root.tables("tier") {
        let _ = tier.setting("prefix", "").text().required();
        let _ = tier.setting("name", "").text().required();
        tier.finish();
    }
    let mut server = root.table("server");
    let _ = server.setting("grpc_addr", "").flag().optional();
    server.finish();
    let _ = (
        root.setting("name", "").text().optional(),
        root.setting("size", "").duration().optional(),
        root.setting("ttl", "").text().optional(),
    );
    root.finish();
    let problems = document.into_result(Some(())).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "x.toml:4: size must be a duration in whole seconds with a unit, such as \"30s\" or \"15m\"\n\
         x.toml:5: odd is not a known setting\n\
         x.toml:8: server.reflection is not a known setting\n\
         x.toml:9: server.grpc_addr must be true or false\n\
         x.toml:11: tier[0].name is required\n\
         x.toml:14: tier[1].name is required\n\
         x.toml:15: tier[1].prefix must be a string"
    );
}

#[test]
fn an_override_wins_over_the_file_and_names_itself_in_problems() {
    let document =
        Document::parse("x.toml", TEXT, environment("server.reflection", "false"), &Variables::None).unwrap();
    assert!(!document.root().table("server").setting("reflection", "").flag().optional().unwrap().value);

    let document =
        Document::parse("x.toml", TEXT, environment("server.reflection", "maybe"), &Variables::None).unwrap();
    assert!(document.root().table("server").setting("reflection", "").flag().optional().is_none());
    assert_eq!(
        document.into_result(Some(())).unwrap_err().to_string(),
        "environment variable AB_X: server.reflection must be true or false"
    );
}

#[test]
fn an_override_reaches_a_table_that_the_file_lacks() {
    let document = Document::parse("x.toml", "", environment("log.level", "debug"), &Variables::None).unwrap();
    assert_eq!(document.root().table("log").setting("level", "").text().optional().unwrap().value, "debug");
    assert!(document.into_result(Some(())).is_ok());
}

#[test]
fn an_override_of_an_unknown_setting_is_a_problem() {
    let document = Document::parse("x.toml", "", environment("sever.reflection", "true"), &Variables::None).unwrap();
    assert_eq!(
        document.into_result(Some(())).unwrap_err().to_string(),
        "environment variable AB_X: sever.reflection is not a known setting"
    );
}

#[test]
fn syntax_errors_carry_their_lines() {
    let problems = Document::parse("x.toml", "a = 1\nb = \nc = 'x\n", Overrides::new(), &Variables::None).unwrap_err();
    let lines: Vec<_> = problems.as_slice().iter().map(|problem| problem.location.clone()).collect();
    assert!(lines.contains(&Location::Line(2)) && lines.contains(&Location::Line(3)), "{problems}");
}

#[test]
fn fractions_of_a_second_are_no_duration() {
    assert_eq!(units::parse_duration("1500ms"), None);
    assert_eq!(units::parse_duration("1h 30m"), Some(Duration::from_mins(90)));
}

#[test]
fn what_is_set_from_outside_is_held_and_present() {
    let overrides = Overrides::from([
        ("quota.caller".to_owned(), (Location::Flag("--caller".to_owned()), "5/s".to_owned())),
        ("list[0].a".to_owned(), (Location::Flag("--a".to_owned()), "1".to_owned())),
    ]);
    let document =
        Document::parse("test", "[quotas]\nburst = 1\n[[list]]\nb = 1\n", overrides, &Variables::None).unwrap();
    let mut root = document.root();
    let (quota, quotas, other) = (root.table("quota"), root.table("quotas"), root.table("quot"));
    assert!(quota.holds("caller") && !quota.holds("burst") && !quota.holds("call"));
    assert!(quotas.holds("burst") && !quotas.holds("caller"));
    assert_eq!([&quota, &quotas, &other].map(Table::is_present), [true, true, false]);
    assert!(!root.tables("list")[0].holds("a"), "nothing from outside reaches into a list");
    // To be asked for is not to be read: a misspelt override stays an error.
    assert!(document.into_result(Some(())).is_err());
}

#[test]
fn warnings_come_in_the_order_of_the_lines_and_leave_the_value_alone() {
    let document = Document::parse("x.toml", TEXT, environment("server.reflection", "true"), &Variables::None).unwrap();
    let mut root = document.root();
    let server = root.table("server");
    server.warn(WarningCode::BucketTwice, "grpc_addr", &server.location_of("grpc_addr"), "is odd");
    server.warn(WarningCode::BucketTwice, "reflection", &server.location_of("reflection"), "is odd");
    for _ in 0..2 {
        root.warn(WarningCode::UnknownRegion, "name", &root.location_of("name"), "is odd");
    }
    let _ = root.table("server").setting("reflection", "").flag().optional();
    assert!(document.is_valid());
    let mut warnings = document.take_warnings();
    let lines = |warnings: &Warnings| warnings.lines().map(|(_, line)| line).collect::<Vec<_>>();
    let variable = "environment variable AB_X: server.reflection is odd";
    assert_eq!(lines(&warnings), ["x.toml:2: name is odd", "x.toml:9: server.grpc_addr is odd", variable]);
    warnings.allow(&[WarningCode::BucketTwice]);
    assert_eq!(lines(&warnings), ["x.toml:2: name is odd"]);
    assert!(document.into_result(Some(())).is_ok());
}

#[test]
fn warnings_are_bounded_and_the_rest_is_counted() {
    let document = Document::parse("x.toml", "", Overrides::new(), &Variables::None).unwrap();
    for line in 0..MAX_WARNINGS + 5 {
        document.warn(WarningCode::LiteralPattern, &Location::Line(line), "a", "is odd");
    }
    let warnings = document.take_warnings();
    assert_eq!((warnings.as_slice().len(), warnings.left_out()), (MAX_WARNINGS, 5));
}

#[test]
fn codes_of_warnings_are_words_in_snake_case_and_differ() {
    let names: BTreeSet<&str> = WarningCode::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), WarningCode::ALL.len());
    let is_snake = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    assert!(names.iter().all(|name| is_snake(name)));
    assert!(WarningCode::ALL.iter().all(|code| WarningCode::parse(code.name()) == Some(*code)));
}

#[test]
fn a_warning_is_one_line_of_bounded_length() {
    let document = Document::parse("x.toml", "", Overrides::new(), &Variables::None).unwrap();
    document.warn(WarningCode::DottedClaim, &Location::Line(1), "a\nb", "x".repeat(2_000));
    let (_, line) = document.take_warnings().lines().next().unwrap();
    assert_eq!(line, format!("x.toml:1: a\\nb {}\u{2026}", "x".repeat(1_000)));
}

#[test]
fn the_names_of_unknown_settings_cannot_forge_a_line() {
    let text = "\"\\u001b[31mX\\naccess-broker: all good\\u202e\" = 1\n";
    let document = Document::parse("x.toml", text, Overrides::new(), &Variables::None).unwrap();
    document.root().finish();
    let problems = document.into_result(Some(())).unwrap_err().to_string();
    assert_eq!(problems, "x.toml:1: \\u{1b}[31mX\\naccess-broker: all good\\u{202e} is not a known setting");
}
