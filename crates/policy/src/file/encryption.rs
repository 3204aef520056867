//! Reads how a tier has S3 encrypt what is uploaded.

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

/// Reads the `encryption` table of an upload, if there is one.
pub(super) fn read(mut table: Table<'_>) -> Option<Encryption> {
    if !table.is_present() {
        return None;
    }
    if !table.holds("algorithm") {
        table.report_here("must have an algorithm: AES256, aws:kms or aws:kms:dsse");
    }
    let algorithm = table.one_of("algorithm", &ALGORITHMS);
    let kms_key_id = table.string("kms_key_id").and_then(|Located { value, location }| {
        HeaderText::parse(&value).map_err(|error| table.report("kms_key_id", &location, error)).ok()
    });
    let context = read_context(&table.table("context"));
    let bucket_key = table.boolean("bucket_key").map(|flag| flag.value);
    for key in ["kms_key_id", "context", "bucket_key"] {
        if algorithm == Some(EncryptionAlgorithm::Aes256) && table.holds(key) {
            table.report(key, &table.location_of(key), "is for aws:kms and aws:kms:dsse only");
        }
    }
    if algorithm == Some(EncryptionAlgorithm::KmsDualLayer) && table.holds("bucket_key") {
        table.report(
            "bucket_key",
            &table.location_of("bucket_key"),
            "is not for aws:kms:dsse, which has no bucket keys",
        );
    }
    table.finish();
    Some(Encryption { algorithm: algorithm?, kms_key_id, context, bucket_key })
}

fn read_context(table: &Table<'_>) -> Option<HeaderText> {
    if !table.is_present() {
        return None;
    }
    let mut context = BTreeMap::new();
    for (name, Located { value, location }) in table.string_pairs() {
        if name.starts_with("aws:") {
            table.report(name, &location, "must not begin with \"aws:\", which AWS keeps for itself");
        }
        context.insert(name, value);
    }
    let json = serde_json::to_string(&context).unwrap_or_default();
    let header = HeaderText::parse(&STANDARD.encode(json));
    if header.is_err() || context.is_empty() {
        table.report_here("must hold at least one pair, and not more than 750 bytes of them");
    }
    header.ok()
}
