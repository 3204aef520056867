//! What the readers of a policy record about its tables and settings.

use std::collections::BTreeSet;

use crate::CompiledPolicy;
use access_broker_base::document::{Absent, Values};

#[test]
fn every_table_and_setting_of_a_policy_is_recorded() {
    let reference = CompiledPolicy::reference();
    let paths: Vec<&str> = reference.tables.iter().map(|table| table.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "",
            "tier",
            "defaults",
            "defaults.quota",
            "defaults.download",
            "defaults.upload",
            "defaults.upload.tags",
            "defaults.upload.encryption",
            "defaults.upload.encryption.context",
            "tier.quota",
            "tier.download",
            "tier.upload",
            "tier.upload.tags",
            "tier.upload.encryption",
            "tier.upload.encryption.context",
            "grant",
            "grant.to",
            "grant.to.claims",
            "denial",
            "denial.to",
            "denial.to.claims",
        ]
    );
    let settings = |path: &str| -> Vec<&str> {
        reference.table(path).unwrap().settings.iter().map(|setting| setting.key).collect()
    };
    assert_eq!(settings(""), [""; 0]);
    assert_eq!(settings("tier"), ["name", "bucket", "prefix", "prefix_free", "include", "inherit", "endpoints"]);
    assert_eq!(settings("defaults"), ["bucket", "include", "endpoints"]);
    for table in ["quota", "download", "upload", "upload.tags", "upload.encryption", "upload.encryption.context"] {
        assert_eq!(settings(&format!("defaults.{table}")), settings(&format!("tier.{table}")), "{table}");
    }
    assert_eq!(settings("tier.quota"), ["caller", "caller_burst", "total", "total_burst"]);
    let life = ["max_ttl", "default_ttl", "end_with_token"];
    assert_eq!(settings("tier.download"), [&life[..], &["stable_window", "disposition", "content_type"]].concat());
    let upload = [
        "overwrite",
        "if_match",
        "caller_tags",
        "max_size",
        "content_types",
        "checksum",
        "storage_classes",
        "cache_control",
        "content_disposition",
        "content_encoding",
        "record_decision",
    ];
    assert_eq!(settings("tier.upload"), [&life[..], &upload].concat());
    assert_eq!(settings("tier.upload.encryption"), ["algorithm", "kms_key_id", "bucket_key"]);
    assert_eq!(settings("grant"), ["name", "tiers", "operations", "endpoints", "required_claims"]);
    assert_eq!(settings("denial"), ["name", "tiers", "operations", "required_claims"]);
    for to in ["grant.to", "denial.to"] {
        assert_eq!(
            settings(to),
            ["authenticated", "issuers", "groups", "scopes", "members_of", "workloads", "trust_domains"]
        );
    }
    let free = reference.tables.iter().filter(|table| table.free_keys.is_some()).map(|table| table.path.as_str());
    let expected = [
        "defaults.upload.tags",
        "defaults.upload.encryption.context",
        "tier.upload.tags",
        "tier.upload.encryption.context",
        "grant.to.claims",
        "denial.to.claims",
    ];
    assert_eq!(free.collect::<Vec<_>>(), expected);
}

#[test]
fn every_table_and_setting_has_a_short_meaning() {
    let is_short = |text: &str| !text.is_empty() && text.chars().count() <= 200 && !text.contains(['|', '\n']);
    for table in CompiledPolicy::reference().tables {
        assert!(is_short(table.meaning), "{}: {:?}", table.path, table.meaning);
        assert!(table.free_keys.is_none_or(is_short), "{}: {:?}", table.path, table.free_keys);
        for setting in table.settings {
            assert!(is_short(setting.meaning), "{}.{}: {:?}", table.path, setting.key, setting.meaning);
            assert_ne!(setting.absent, Absent::Described(""), "{}.{}", table.path, setting.key);
        }
    }
}

#[test]
fn bounds_defaults_and_required_settings_are_recorded() {
    let reference = CompiledPolicy::reference();
    let setting = |path: &str, key: &str| {
        let table = reference.table(path).unwrap();
        table.settings.iter().find(|setting| setting.key == key).unwrap().clone()
    };
    let max_ttl = setting("tier.download", "max_ttl");
    assert_eq!((max_ttl.values.bounds().as_str(), max_ttl.absent), ("1s to 7d", Absent::Default("1h".to_owned())));
    assert_eq!(setting("tier.upload", "max_size").values.bounds(), "1B to 5GiB");
    assert_eq!(setting("tier.upload", "overwrite").absent, Absent::Default("false".to_owned()));
    assert_eq!(setting("tier.quota", "caller_burst").values.bounds(), "1 to 1000000");
    let required: BTreeSet<(String, &str)> = reference
        .tables
        .iter()
        .flat_map(|table| table.settings.iter().map(|setting| (table.path.clone(), setting)))
        .filter(|(_, setting)| setting.absent == Absent::Invalid)
        .map(|(path, setting)| (path, setting.key))
        .collect();
    let expected = [
        ("defaults", "bucket"),
        ("defaults.upload.encryption", "algorithm"),
        ("grant", "operations"),
        ("grant", "tiers"),
        ("tier", "bucket"),
        ("tier", "name"),
        ("tier", "prefix"),
        ("tier.upload.encryption", "algorithm"),
    ];
    assert_eq!(required, expected.map(|(path, key)| (path.to_owned(), key)).into());
    let algorithm = setting("tier.upload.encryption", "algorithm").values;
    assert_eq!(algorithm, Values::Choice(["AES256", "aws:kms", "aws:kms:dsse"].map(str::to_owned).to_vec()));
}
