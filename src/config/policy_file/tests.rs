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
    assert!(matches!(config.load_policy().unwrap_err(), LoadError::Proof(ProofError::Signature(_))));
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
