//! Reads how S3 encrypts the uploads of a tier.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::object::{Encryption, EncryptionAlgorithm, HeaderText};
use access_broker_base::document::{Located, Table};

const ALGORITHMS: [(&str, EncryptionAlgorithm); 3] = [
    ("AES256", EncryptionAlgorithm::Aes256),
    ("aws:kms", EncryptionAlgorithm::Kms),
    ("aws:kms:dsse", EncryptionAlgorithm::KmsDualLayer),
];

/// Reads the `encryption` table of an upload, if the tier has one.
pub(super) fn read(mut table: Table<'_>) -> Option<Encryption> {
    if !table.is_present() {
        return None;
    }
    table.describe("How S3 encrypts the objects. Callers cannot choose it.", "as the bucket is set");
    let algorithm = table
        .setting("algorithm", "S3's own keys (`AES256`), KMS keys, or KMS keys in two layers (`aws:kms:dsse`).")
        .choice(&ALGORITHMS)
        .required_because("is required: AES256, aws:kms or aws:kms:dsse")
        .map(|algorithm| algorithm.value);
    let kms_key_id = table
        .setting("kms_key_id", "The ID or ARN of the KMS key.")
        .parsed("string", HeaderText::parse)
        .limits("not with `AES256`")
        .absent("the account's key for S3")
        .optional();
    let context = read_context(&table.table("context"));
    let bucket_key = table
        .setting("bucket_key", "S3 can use a bucket key, which saves requests to KMS.")
        .flag()
        .limits("`aws:kms` only")
        .absent("as the bucket is set")
        .optional();
    for key in ["kms_key_id", "context", "bucket_key"] {
        if algorithm == Some(EncryptionAlgorithm::Aes256) && table.holds(key) {
            table.report(key, &table.location_of(key), "applies only to aws:kms and aws:kms:dsse");
        }
    }
    if algorithm == Some(EncryptionAlgorithm::KmsDualLayer) && table.holds("bucket_key") {
        let rule = "cannot be combined with aws:kms:dsse, which has no bucket keys";
        table.report("bucket_key", &table.location_of("bucket_key"), rule);
    }
    table.finish();
    Some(Encryption {
        algorithm: algorithm?,
        kms_key_id: kms_key_id.map(|key_id| key_id.value),
        context,
        bucket_key: bucket_key.map(|flag| flag.value),
    })
}

fn read_context(table: &Table<'_>) -> Option<HeaderText> {
    if !table.is_present() {
        return None;
    }
    table.describe(
        "The encryption context: pairs of strings that KMS binds to the encrypted data. Not with `AES256`; no name begins \
         with `aws:`.",
        "none",
    );
    table.describe_free_keys("The value of this name.");
    let mut context = BTreeMap::new();
    for (name, Located { value, location }) in table.string_pairs() {
        if name.starts_with("aws:") {
            table.report(name, &location, "must not begin with \"aws:\", which is reserved by AWS");
        }
        context.insert(name, value);
    }
    let json = serde_json::to_string(&context).unwrap_or_default();
    let header = HeaderText::parse(&STANDARD.encode(json));
    if header.is_err() || context.is_empty() {
        table.report_here("must have at least one pair, and at most 750 bytes of pairs");
    }
    header.ok()
}
