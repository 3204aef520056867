use std::fs;
use std::time::{Duration, SystemTime};

use super::*;
use crate::config::{Config, LoadError};
use access_broker_base::document::Overrides;
use access_broker_base::files::REREAD_DELAY;
use access_broker_base::files::testing::{replace, sha256_in_hex};
use access_broker_identity::PlainHttp;

const POLICY: &str = "[[tier]]\nname = 'a'\nbucket = 'media'\nprefix = ''\ndownload = {}\n";

/// A directory with a policy that was written long ago, and its configuration.
fn configured(policy: &str) -> (tempfile::TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    replace(&folder.path().join("policy.toml"), policy.as_bytes());
    let text = "[policy]\nfile = 'policy.toml'\n[[issuer]]\nissuer = 'https://a.example'\naudiences = 'a'\n\
                [[bucket]]\nname = 'media'\ns3_bucket = 'example-media'\nregion = 'eu-central-1'\n";
    let config = Config::parse("test", text, folder.path(), Overrides::new(), PlainHttp::Refused).unwrap();
    (folder, config)
}

#[test]
fn an_old_policy_is_loaded_at_once_and_a_new_one_after_a_second_read() {
    let (folder, config) = configured(POLICY);
    let started = std::time::Instant::now();
    let loaded = config.load_policy().unwrap();
    assert_eq!(loaded.source.text, POLICY);
    assert!(started.elapsed() < Duration::from_mins(1));
    let path = folder.path().join("policy.toml");
    fs::File::options().write(true).open(&path).unwrap().set_modified(SystemTime::now()).unwrap();
    let started = std::time::Instant::now();
    config.load_policy().unwrap();
    assert!(started.elapsed() >= REREAD_DELAY);
}

#[test]
fn at_start_a_checksum_must_match() {
    let (folder, config) = configured(POLICY);
    let checksum = folder.path().join("policy.toml.sha256");
    fs::write(&checksum, "rubbish").unwrap();
    let error = config.load_policy().unwrap_err();
    assert!(matches!(&error, LoadError::Proof(ProofError::Checksum { file, .. }) if *file == checksum), "{error:?}");
    fs::write(&checksum, sha256_in_hex(POLICY)).unwrap();
    config.load_policy().unwrap();
}

#[test]
fn at_start_a_policy_needs_the_signature_of_the_key_that_is_set() {
    let (folder, mut config) =
        configured(include_str!("../../server/lifecycle/policy_reload/judge/testdata/signed.toml"));
    let key = PublicKey::from_base64("RWQOri3nPag3maWHXbMMYbmFqCnKUOXfGbM4IsGCAIDlAcfW2JDJE9ib").unwrap();
    config.policy.minisign_public_key = Some(key);
    let signature = folder.path().join("policy.toml.minisig");
    let error = config.load_policy().unwrap_err().to_string();
    let expected = format!(
        "{} does not exist; with policy.minisign_public_key set, every policy needs a signature",
        signature.display()
    );
    assert_eq!(error, expected);
    fs::write(&signature, include_str!("../../server/lifecycle/policy_reload/judge/testdata/legacy.minisig")).unwrap();
    assert!(matches!(config.load_policy().unwrap_err(), LoadError::Proof(ProofError::Signature { .. })));
    fs::write(&signature, include_str!("../../server/lifecycle/policy_reload/judge/testdata/signed.toml.minisig"))
        .unwrap();
    config.load_policy().unwrap();
}

#[test]
fn an_unusable_policy_is_named() {
    let (folder, config) = configured(POLICY);
    let path = folder.path().join("policy.toml");
    replace(&path, b"\xFF");
    assert_eq!(
        config.load_policy().unwrap_err().to_string(),
        format!("policy.file: {} is not valid UTF-8", path.display())
    );
    replace(&path, b"");
    assert_eq!(config.load_policy().unwrap_err().to_string(), format!("policy.file: {} is empty", path.display()));
    fs::remove_file(&path).unwrap();
    assert_eq!(
        config.load_policy().unwrap_err().to_string(),
        format!("policy.file: {} does not exist", path.display())
    );
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    let expected = format!("policy.file: {} is a symbolic link to a file that does not exist", path.display());
    assert_eq!(config.load_policy().unwrap_err().to_string(), expected);
}

const GROUPS: &str = "[[group]]\nname = 'editors'\nissuer = 'https://a.example'\nmembers = ['ada']\n";
const WITH_GROUP: &str = "[[tier]]\nname = 'a'\nbucket = 'media'\nprefix = ''\ndownload = {}\n\
                          [[grant]]\ntiers = 'a'\noperations = 'download'\nto = { members_of = 'editors' }\n";

/// The same, with a members file.
fn configured_with_members(members: &str) -> (tempfile::TempDir, Config) {
    let (folder, mut config) = configured(WITH_GROUP);
    let path = folder.path().join("members.toml");
    replace(&path, members.as_bytes());
    config.policy.members_file = Some(path);
    (folder, config)
}

#[test]
fn at_start_the_members_file_is_read_with_the_policy() {
    let (_folder, config) = configured_with_members(GROUPS);
    let loaded = config.load_policy().unwrap();
    let outline = loaded.compiled.policy.members().unwrap();
    assert_eq!((outline.groups, outline.members), (1, 1));
    assert_eq!(outline.hash.to_string(), sha256_in_hex(GROUPS));
    assert_eq!(loaded.source.members.unwrap().members.outline(), outline);
    assert!(loaded.arrivals.members.is_some());
    // A new file is read twice, whichever of the two it is.
    let path = config.policy.members_file.as_ref().unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(SystemTime::now()).unwrap();
    let started = std::time::Instant::now();
    config.load_policy().unwrap();
    assert!(started.elapsed() >= REREAD_DELAY);
}

#[test]
fn at_start_an_unusable_members_file_is_an_error() {
    let (folder, mut config) = configured_with_members(GROUPS);
    let path = folder.path().join("members.toml");
    let error = |config: &Config| config.load_policy().unwrap_err().to_string();
    let shown = path.display().to_string();
    replace(&path, "[[group]]\nname = 'editors'\n".as_bytes());
    let problems = error(&config);
    assert!(problems.starts_with(&format!("{shown}:1: group[0].issuer is required\n")), "{problems}");
    // A policy that needs a group of another file.
    replace(&path, GROUPS.replace("editors", "authors").as_bytes());
    assert!(error(&config).contains("policy.toml:9: grant[0].to.members_of refers to undefined group \"editors\""));
    for (content, expected) in [("", "is empty"), ("\u{FEFF}a", "")] {
        replace(&path, content.as_bytes());
        let error = error(&config);
        assert!(error.contains(&shown) && error.contains(expected), "{error}");
    }
    replace(&path, b"\xFF");
    assert_eq!(error(&config), format!("policy.members_file: {shown} is not valid UTF-8"));
    fs::remove_file(&path).unwrap();
    assert_eq!(error(&config), format!("policy.members_file: {shown} does not exist"));
    fs::remove_file(&config.policy.file).unwrap();
    assert!(error(&config).starts_with("policy.file: "));
    // Without the setting, the policy cannot name a group.
    let (_folder, without) = configured(WITH_GROUP);
    config.policy = without.policy.clone();
    assert!(error(&config).contains("to.members_of requires policy.members_file in the configuration"));
}

#[test]
fn at_start_a_members_file_needs_a_right_checksum_and_a_signature_where_a_key_is_set() {
    let (folder, mut config) = configured_with_members(GROUPS);
    let checksum = folder.path().join("members.toml.sha256");
    fs::write(&checksum, sha256_in_hex("something else")).unwrap();
    let error = config.load_policy().unwrap_err();
    assert!(matches!(&error, LoadError::Proof(ProofError::Checksum { file, .. }) if *file == checksum), "{error:?}");
    fs::write(&checksum, sha256_in_hex(GROUPS)).unwrap();
    config.load_policy().unwrap();

    let signed = include_str!("../../server/lifecycle/policy_reload/judge/testdata/signed.toml");
    replace(&folder.path().join("policy.toml"), signed.as_bytes());
    fs::write(
        folder.path().join("policy.toml.minisig"),
        include_str!("../../server/lifecycle/policy_reload/judge/testdata/signed.toml.minisig"),
    )
    .unwrap();
    let key = PublicKey::from_base64("RWQOri3nPag3maWHXbMMYbmFqCnKUOXfGbM4IsGCAIDlAcfW2JDJE9ib").unwrap();
    config.policy.minisign_public_key = Some(key);
    let error = config.load_policy().unwrap_err().to_string();
    let expected = format!(
        "{} does not exist; with policy.minisign_public_key set, every members file needs a signature",
        folder.path().join("members.toml.minisig").display()
    );
    assert_eq!(error, expected);
}
