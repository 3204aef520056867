//! Server-side encryption as an upload requests it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use s3s::dto::ServerSideEncryption;
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};

/// The requested encryption, which GET and HEAD return. Nothing is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Encryption {
    algorithm: String,
    /// `None` for `AES256`.
    pub(in super::super) kms_key_id: Option<String>,
    pub(in super::super) context: Option<String>,
    pub(in super::super) bucket_key_enabled: Option<bool>,
}

impl Encryption {
    pub(in super::super) fn algorithm(&self) -> ServerSideEncryption {
        ServerSideEncryption::from(self.algorithm.clone())
    }
}

/// The headers of a request, unchecked.
pub(super) struct Requested {
    pub(super) algorithm: Option<ServerSideEncryption>,
    pub(super) kms_key_id: Option<String>,
    pub(super) context: Option<String>,
    pub(super) bucket_key_enabled: Option<bool>,
    pub(super) has_customer_key: bool,
}

impl Requested {
    /// A key and its context belong to an algorithm of the Key Management Service.
    pub(super) fn validate(self) -> S3Result<Option<Encryption>> {
        if self.has_customer_key {
            return Err(s3_error!(NotImplemented, "keys of customers are not supported"));
        }
        let names_a_key = self.kms_key_id.is_some() || self.context.is_some();
        let Some(algorithm) = self.algorithm else {
            return if names_a_key { Err(misplaced()) } else { Ok(None) };
        };
        match algorithm.as_str() {
            "AES256" if names_a_key => return Err(misplaced()),
            "AES256" | "aws:kms" | "aws:kms:dsse" => {}
            _ => {
                return Err(s3_error!(
                    InvalidEncryptionAlgorithmError,
                    "The encryption request you specified is not valid. The valid value is AES256."
                ));
            }
        }
        if self.context.as_deref().is_some_and(|context| !is_context(context)) {
            return Err(s3_error!(InvalidArgument, "The encryption context is not base64 of a JSON map of strings"));
        }
        Ok(Some(Encryption {
            algorithm: algorithm.as_str().to_owned(),
            kms_key_id: self.kms_key_id,
            context: self.context,
            bucket_key_enabled: self.bucket_key_enabled,
        }))
    }
}

fn misplaced() -> S3Error {
    s3_error!(InvalidArgument, "A KMS key or context needs x-amz-server-side-encryption to be aws:kms or aws:kms:dsse")
}

#[expect(clippy::disallowed_methods, reason = "a map of texts, by which nothing is decided")]
fn is_context(text: &str) -> bool {
    STANDARD.decode(text).is_ok_and(|json| serde_json::from_slice::<BTreeMap<String, String>>(&json).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(algorithm: Option<&str>, kms_key_id: Option<&str>, context: Option<&str>) -> String {
        let requested = Requested {
            algorithm: algorithm.map(|name| ServerSideEncryption::from(name.to_owned())),
            kms_key_id: kms_key_id.map(str::to_owned),
            context: context.map(str::to_owned),
            bucket_key_enabled: None,
            has_customer_key: false,
        };
        match requested.validate() {
            Ok(None) => "none".to_owned(),
            Ok(Some(encryption)) => encryption.algorithm,
            Err(error) => error.code().as_str().to_owned(),
        }
    }

    #[test]
    fn keys_and_contexts_belong_to_kms() {
        let context = STANDARD.encode(r#"{"tier":"tier 1"}"#);
        for (algorithm, key, context, expected) in [
            (None, None, None, "none"),
            (Some("AES256"), None, None, "AES256"),
            (Some("aws:kms"), None, None, "aws:kms"),
            (Some("aws:kms"), Some("key"), Some(context.as_str()), "aws:kms"),
            (Some("aws:kms:dsse"), Some("key"), None, "aws:kms:dsse"),
            (Some("AES256"), Some("key"), None, "InvalidArgument"),
            (Some("AES256"), None, Some(context.as_str()), "InvalidArgument"),
            (None, Some("key"), None, "InvalidArgument"),
            (None, None, Some(context.as_str()), "InvalidArgument"),
            (Some("aws:kms"), None, Some("{}"), "InvalidArgument"),
            (Some("aws:kms"), None, Some("W10="), "InvalidArgument"),
            (Some("AES128"), None, None, "InvalidEncryptionAlgorithmError"),
            (Some(""), None, None, "InvalidEncryptionAlgorithmError"),
        ] {
            assert_eq!(verdict(algorithm, key, context), expected, "{algorithm:?} {key:?} {context:?}");
        }
    }
}
