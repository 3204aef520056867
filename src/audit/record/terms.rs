//! What issued URLs bind, for a record.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::broker::IssuedTerms;
use access_broker_policy::{Checksum, Encryption, EntityTag, HeaderText, ResponseOverride, StorageClass};

/// The fields of both kinds of URL. What a URL does not bind is omitted, and also what only the client and S3 use:
/// metadata, tags and caching.
#[derive(Debug, Default, Serialize)]
pub(super) struct RecordedTerms<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_content_disposition: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    stable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<ChecksumFields>,
    #[serde(skip_serializing_if = "is_false")]
    create_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_match: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption: Option<EncryptionFields<'a>>,
    #[serde(skip_serializing_if = "is_false")]
    record_decision: bool,
}

#[derive(Debug, Serialize)]
struct ChecksumFields {
    algorithm: &'static str,
    /// Base64, as in the signed header.
    value: String,
}

#[derive(Debug, Serialize)]
struct EncryptionFields<'a> {
    algorithm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<&'a str>,
}

impl<'a> RecordedTerms<'a> {
    pub(super) fn new(terms: &'a IssuedTerms) -> Self {
        match terms {
            IssuedTerms::Download { terms, stable } => {
                let replaced = |header| terms.response_override(header).map(HeaderText::as_str);
                Self {
                    version_id: terms.version_id.as_ref().map(HeaderText::as_str),
                    response_content_type: replaced(ResponseOverride::ContentType),
                    response_content_disposition: replaced(ResponseOverride::ContentDisposition),
                    stable: *stable,
                    ..Self::default()
                }
            }
            IssuedTerms::Upload(terms) => Self {
                content_type: terms.content_type.as_ref().map(HeaderText::as_str),
                content_length: terms.content_length,
                checksum: terms.checksum.as_ref().map(ChecksumFields::new),
                create_only: terms.create_only,
                if_match: terms.if_match.as_ref().map(EntityTag::as_str),
                storage_class: terms.storage_class.map(StorageClass::name),
                encryption: terms.encryption.as_deref().map(EncryptionFields::new),
                record_decision: terms.record_decision,
                ..Self::default()
            },
        }
    }
}

impl ChecksumFields {
    fn new(checksum: &Checksum) -> Self {
        Self { algorithm: checksum.algorithm().name(), value: STANDARD.encode(checksum.bytes()) }
    }
}

impl<'a> EncryptionFields<'a> {
    fn new(encryption: &'a Encryption) -> Self {
        Self {
            algorithm: encryption.algorithm.name(),
            kms_key_id: encryption.kms_key_id.as_ref().map(HeaderText::as_str),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
