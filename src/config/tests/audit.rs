use super::*;
use crate::audit::{AuditFileSettings, KeyForm, OnFailure};

fn audit(section: &str) -> AuditSettings {
    parse(&format!("[audit]\n{section}\n{GOOD}")).unwrap().audit
}

#[test]
fn the_default_records_to_standard_output_and_denies_without_a_record() {
    let expected = AuditSettings {
        output: AuditOutput::Stdout,
        key: KeyForm::Plain,
        on_failure: OnFailure::Deny,
        flush_timeout: Duration::from_secs(2),
    };
    assert_eq!(parse(GOOD).unwrap().audit, expected);
    assert_eq!(audit("output = \"stdout\""), expected);
    assert_eq!(audit("output = \"none\"").output, AuditOutput::None);
}

#[test]
fn a_file_has_a_size_and_a_number_and_is_relative_to_the_configuration() {
    let file = |path: &str, rotate_size, rotate_keep| {
        AuditOutput::File(AuditFileSettings { path: path.into(), rotate_size, rotate_keep })
    };
    let plain = audit("output = \"file\"\nfile = \"a.jsonl\"");
    assert_eq!(plain.output, file("/etc/access-broker/a.jsonl", 104_857_600, 10));
    let full = audit(
        "output = \"file\"\nfile = \"/var/a\"\nrotate_size = \"1GiB\"\nrotate_keep = 3\nkey = \"sha256\"\n\
         on_failure = \"allow\"\nflush_timeout = \"1m\"",
    );
    assert_eq!(full.output, file("/var/a", 1_073_741_824, 3));
    let rest = (full.key, full.on_failure, full.flush_timeout);
    assert_eq!(rest, (KeyForm::Sha256, OnFailure::Allow, Duration::from_mins(1)));
}

#[test]
fn a_file_may_come_from_the_environment() {
    let variables = environment(&[
        ("ACCESS_BROKER_AUDIT__OUTPUT", "file"),
        ("ACCESS_BROKER_AUDIT__FILE", "/var/a"),
        ("ACCESS_BROKER_AUDIT__ROTATE_KEEP", "7"),
    ]);
    let AuditOutput::File(file) = parse_with(GOOD, variables).unwrap().audit.output else { panic!("no file") };
    assert_eq!((file.path.as_path(), file.rotate_keep), (Path::new("/var/a"), 7));
}

#[test]
fn invalid_settings_are_refused() {
    for (section, problem) in [
        ("output = \"syslog\"", "audit.output must be one of: none, stdout, file"),
        ("output = \"file\"", "audit.file is required with output = \"file\""),
        ("output = \"file\"\nfile = \"\"", "audit.file must not be empty"),
        ("file = \"a\"", "audit.file applies only when output = \"file\""),
        ("output = \"none\"\nrotate_keep = 1", "audit.rotate_keep applies only when output = \"file\""),
        ("rotate_size = \"1MiB\"", "audit.rotate_size applies only when output = \"file\""),
        (
            "output = \"file\"\nfile = \"a\"\nrotate_size = \"63KiB\"",
            "audit.rotate_size must be between 64KiB and 1TiB",
        ),
        ("output = \"file\"\nfile = \"a\"\nrotate_keep = 0", "audit.rotate_keep must be between 1 and 10000"),
        (
            "output = \"file\"\nfile = \"a\"\nrotate_keep = -1",
            "audit.rotate_keep must be a whole number without quotes",
        ),
        (
            "output = \"file\"\nfile = \"a\"\nrotate_keep = \"7\"",
            "audit.rotate_keep must be a whole number without quotes",
        ),
        ("key = \"md5\"", "audit.key must be one of: plain, sha256"),
        ("on_failure = \"ignore\"", "audit.on_failure must be one of: deny, allow"),
        ("flush_timeout = \"0s\"", "audit.flush_timeout must be between 1s and 1m"),
        ("flush_timeout = \"61s\"", "audit.flush_timeout must be between 1s and 1m"),
        ("flush = true", "audit.flush is not a known setting"),
    ] {
        let found = sole_problem(&format!("[audit]\n{section}\n{GOOD}"));
        assert!(found.ends_with(problem), "{found}");
    }
}
