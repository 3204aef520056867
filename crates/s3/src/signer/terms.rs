//! Puts the terms of a permit into a request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::entity_tag_form::EntityTagForm;
use crate::presign::Attribution;
use crate::presign::PresignError;
use crate::sigv4::encoding::push_encoded_query;
use crate::sigv4::{QueryName, QueryParameter};
use crate::sigv4::{SignedHeaderError, SignedHeaders};
use access_broker_policy::{DECISION_METADATA, Encryption, ObjectTags, PermittedDownload, PermittedUpload};

/// The query of a GET, in the SDK's order: `x-id`, the overrides by name, the version.
pub(super) fn download_query(terms: &PermittedDownload) -> Result<Vec<QueryParameter>, PresignError> {
    let mut overrides: Vec<_> = terms.response_overrides.iter().collect();
    overrides.sort_unstable_by_key(|(header, _)| header.query_name());
    if overrides.iter().zip(overrides.iter().skip(1)).any(|((left, _), (right, _))| left == right) {
        return Err(PresignError::RepeatedTerm);
    }
    let mut query = Vec::with_capacity(overrides.len() + 2);
    query.push(QueryParameter::GET_OBJECT);
    for (header, value) in overrides {
        query.push(QueryParameter::new(QueryName::Response(*header), value.as_str()));
    }
    if let Some(version_id) = &terms.version_id {
        query.push(QueryParameter::new(QueryName::VersionId, version_id.as_str()));
    }
    Ok(query)
}

/// Adds the headers of a PUT. They are not put into the query, where S3 ignores several of them, for instance
/// checksums.
pub(super) fn add_upload_headers(
    headers: &mut SignedHeaders,
    terms: &PermittedUpload,
    etag_form: EntityTagForm,
    attribution: &Attribution,
) -> Result<(), PresignError> {
    let texts = [
        ("cache-control", &terms.cache_control),
        ("content-disposition", &terms.content_disposition),
        ("content-encoding", &terms.content_encoding),
        ("content-type", &terms.content_type),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            headers.insert(name, value.as_str())?;
        }
    }
    if let Some(content_length) = terms.content_length {
        headers.insert("content-length", content_length.to_string())?;
    }
    if terms.create_only {
        headers.insert("if-none-match", "*")?;
    }
    if let Some(entity_tag) = &terms.if_match {
        headers.insert("if-match", etag_form.text(entity_tag))?;
    }
    if let Some(checksum) = &terms.checksum {
        headers.insert(checksum.algorithm().header_name(), STANDARD.encode(checksum.bytes()))?;
    }
    for (name, value) in &terms.metadata {
        headers.insert(format!("x-amz-meta-{}", name.as_str()), value.as_str())?;
    }
    if terms.record_decision {
        headers.insert(format!("x-amz-meta-{DECISION_METADATA}"), attribution.decision_id.as_str())?;
    }
    if !terms.tags.is_empty() {
        headers.insert("x-amz-tagging", tagging(&terms.tags))?;
    }
    if let Some(class) = terms.storage_class {
        headers.insert("x-amz-storage-class", class.name())?;
    }
    match &terms.encryption {
        Some(encryption) => add_encryption(headers, encryption),
        None => Ok(()),
    }
}

/// `name=value&name=value`, sorted by name and percent-encoded: S3 would read a `+` as a space.
pub(super) fn tagging(tags: &ObjectTags) -> String {
    let mut text = String::new();
    for (name, value) in tags.iter() {
        if !text.is_empty() {
            text.push('&');
        }
        push_encoded_query(&mut text, name);
        text.push('=');
        push_encoded_query(&mut text, value);
    }
    text
}

fn add_encryption(headers: &mut SignedHeaders, encryption: &Encryption) -> Result<(), PresignError> {
    headers.insert("x-amz-server-side-encryption", encryption.algorithm.name())?;
    let texts = [
        ("x-amz-server-side-encryption-aws-kms-key-id", &encryption.kms_key_id),
        ("x-amz-server-side-encryption-context", &encryption.context),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            headers.insert(name, value.as_str())?;
        }
    }
    if let Some(enabled) = encryption.bucket_key {
        headers.insert("x-amz-server-side-encryption-bucket-key-enabled", enabled.to_string())?;
    }
    Ok(())
}

impl From<SignedHeaderError> for PresignError {
    fn from(error: SignedHeaderError) -> Self {
        match error {
            SignedHeaderError::Repeated => Self::RepeatedTerm,
            SignedHeaderError::Name | SignedHeaderError::Unsignable | SignedHeaderError::Value => {
                Self::UnsignableHeader
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_encoded_and_sorted() {
        let mut tags = ObjectTags::default();
        tags.insert("team", "a+b=c/d e").unwrap();
        tags.insert("größe", "").unwrap();
        assert_eq!(tagging(&tags), "gr%C3%B6%C3%9Fe=&team=a%2Bb%3Dc%2Fd%20e");
    }
}
