//! What S3 stores with the content, in requests to upload and to verify.

use crate::contract::violations::Violations;
use access_broker_policy::{
    HeaderText, MAX_METADATA_BYTES, MAX_TAGS, MetadataName, ObjectTags, StorageClass, parse_content_encoding,
};

pub(super) fn content_encoding_of(text: Option<String>, violations: &mut Violations) -> Option<HeaderText> {
    violations.take("content_encoding", parse_content_encoding(&text?))
}

pub(super) fn metadata_of(
    message: impl IntoIterator<Item = (String, String)>,
    violations: &mut Violations,
) -> Vec<(MetadataName, HeaderText)> {
    let mut bytes = 0_usize;
    let mut metadata = Vec::new();
    for (name, value) in message {
        bytes = bytes.saturating_add(name.len()).saturating_add(value.len());
        let name = violations.take("metadata", MetadataName::parse(&name));
        let value = violations.take("metadata", HeaderText::parse(&value));
        metadata.extend(name.zip(value));
    }
    if bytes > MAX_METADATA_BYTES {
        violations.add("metadata", format!("must have at most {MAX_METADATA_BYTES} bytes of names and values"));
    }
    metadata.sort_by(|one, other| one.0.cmp(&other.0));
    metadata
}

pub(super) fn tags_of(message: impl IntoIterator<Item = (String, String)>, violations: &mut Violations) -> ObjectTags {
    let mut tags = ObjectTags::default();
    for (name, value) in message {
        violations.take("tags", tags.insert(&name, &value));
    }
    if tags.len() > MAX_TAGS {
        violations.add("tags", format!("must have at most {MAX_TAGS} entries"));
    }
    tags
}

pub(super) fn storage_class_of(name: Option<String>, violations: &mut Violations) -> Option<StorageClass> {
    let known = || format!("must be one of {}", StorageClass::ALL.map(StorageClass::name).join(", "));
    violations.take("storage_class", StorageClass::by_name(&name?).ok_or_else(known))
}
