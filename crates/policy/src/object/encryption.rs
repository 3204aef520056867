//! How a tier has S3 encrypt what is uploaded.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::header_text::HeaderText;
use access_broker_base::document::{Located, Table};

/// Server-side encryption. It comes from the tier, never from a caller
/// ([AWS: specifying encryption](https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// Who keeps the keys.
    pub algorithm: EncryptionAlgorithm,
    /// The id or ARN of the KMS key. `None`: the account's own for S3.
    pub kms_key_id: Option<HeaderText>,
    /// The encryption context as the header has it: base64 of a JSON object.
    pub context: Option<HeaderText>,
    /// Whether S3 may use a bucket key, which saves requests to KMS.
    pub bucket_key: Option<bool>,
}

/// The value of `x-amz-server-side-encryption`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionAlgorithm {
    /// `AES256`: SSE-S3.
    Aes256,
    /// `aws:kms`: SSE-KMS.
    Kms,
    /// `aws:kms:dsse`: two layers of SSE-KMS.
    KmsDualLayer,
}

impl EncryptionAlgorithm {
    /// The header's value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256 => "AES256",
            Self::Kms => "aws:kms",
            Self::KmsDualLayer => "aws:kms:dsse",
        }
    }
}

const ALGORITHMS: [(&str, EncryptionAlgorithm); 3] = [
    ("AES256", EncryptionAlgorithm::Aes256),
    ("aws:kms", EncryptionAlgorithm::Kms),
    ("aws:kms:dsse", EncryptionAlgorithm::KmsDualLayer),
];

/// Reads the `encryption` table of an upload, if there is one.
pub(crate) fn read_encryption(mut table: Table<'_>) -> Option<Encryption> {
    if !table.is_present() {
        return None;
    }
    if !table.holds("algorithm") {
        table.report_here("must have an algorithm: AES256, aws:kms or aws:kms:dsse");
    }
    let algorithm = table.one_of("algorithm", &ALGORITHMS);
    let kms_key_id = table.string("kms_key_id").and_then(|Located { value, place }| {
        HeaderText::parse(&value).map_err(|error| table.report("kms_key_id", &place, error)).ok()
    });
    let context = read_context(&table.table("context"));
    let bucket_key = table.boolean("bucket_key").map(|flag| flag.value);
    for key in ["kms_key_id", "context", "bucket_key"] {
        if algorithm == Some(EncryptionAlgorithm::Aes256) && table.holds(key) {
            table.report(key, &table.place_of(key), "is for aws:kms and aws:kms:dsse only");
        }
    }
    if algorithm == Some(EncryptionAlgorithm::KmsDualLayer) && table.holds("bucket_key") {
        table.report("bucket_key", &table.place_of("bucket_key"), "is not for aws:kms:dsse, which has no bucket keys");
    }
    table.finish();
    Some(Encryption { algorithm: algorithm?, kms_key_id, context, bucket_key })
}

fn read_context(table: &Table<'_>) -> Option<HeaderText> {
    if !table.is_present() {
        return None;
    }
    let mut context = BTreeMap::new();
    for (name, Located { value, place }) in table.string_pairs() {
        if name.starts_with("aws:") {
            table.report(name, &place, "must not begin with \"aws:\", which AWS keeps for itself");
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
