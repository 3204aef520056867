//! Finds the caller's fields that make a signed request exceed S3's size limit.

use super::terms::tagging;
use crate::sigv4::encoding::push_encoded_path;
use crate::sigv4::{QueryName, QueryParameter};
use access_broker_policy::{
    FieldViolation, HeaderText, MetadataName, ObjectKey, PermittedDownload, PermittedUpload, ResponseOverride,
};

/// The size of each field of a download in the URL, in bytes, without the key.
pub(super) fn download_fields(terms: &PermittedDownload) -> Vec<(&'static str, usize)> {
    let parameter = |name: QueryName, value: &HeaderText| QueryParameter::new(name, value.as_str()).len();
    let overrides = terms
        .response_overrides
        .iter()
        .map(|(header, value)| (override_field(*header), parameter(QueryName::Response(*header), value)));
    let version_id = terms.version_id.as_ref().map(|id| ("version_id", parameter(QueryName::VersionId, id)));
    overrides.chain(version_id).collect()
}

/// The size of each field of an upload in the headers and in the list of their names, in bytes, without the key.
pub(super) fn upload_fields(terms: &PermittedUpload) -> Vec<(&'static str, usize)> {
    let texts = [
        ("cache_control", "cache-control", &terms.cache_control),
        ("content_disposition", "content-disposition", &terms.content_disposition),
        ("content_encoding", "content-encoding", &terms.content_encoding),
        ("content_type", "content-type", &terms.content_type),
    ];
    let texts = texts.into_iter().filter_map(|(field, header, value)| Some((field, header, value.as_ref()?.as_str())));
    let tag = terms.if_match.as_ref().map(|tag| ("if_match", "if-match", tag.as_str()));
    let mut fields: Vec<_> = texts.chain(tag).map(|(field, name, value)| (field, header_bytes(name, value))).collect();
    let metadata = |(name, value): &(MetadataName, HeaderText)| {
        header_bytes("x-amz-meta-", value.as_str()) + 2 * name.as_str().len()
    };
    fields.push(("metadata", terms.metadata.iter().map(metadata).sum()));
    if !terms.tags.is_empty() {
        fields.push(("tags", header_bytes("x-amz-tagging", &tagging(&terms.tags))));
    }
    fields
}

/// `NAME: VALUE` and a line break, and `%3BNAME` among the signed headers.
const fn header_bytes(name: &str, value: &str) -> usize {
    2 * name.len() + value.len() + 7
}

/// The fields to shorten: the largest ones, as many as the excess requires.
pub(super) fn violations(
    bytes: usize,
    limit: usize,
    key: &ObjectKey,
    mut fields: Vec<(&'static str, usize)>,
) -> Vec<FieldViolation> {
    let mut path = String::new();
    push_encoded_path(&mut path, key.as_str());
    fields.push(("key", path.len()));
    fields.retain(|(_, bytes)| *bytes > 0);
    fields.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let mut too_much = bytes.saturating_sub(limit);
    let mut violations = Vec::new();
    for (field, bytes_of_field) in fields {
        if too_much == 0 {
            break;
        }
        too_much = too_much.saturating_sub(bytes_of_field);
        let rule = format!(
            "must be shorter: it takes {bytes_of_field} bytes of a signed request that would have {bytes}, and S3 takes \
             at most {limit}"
        );
        violations.push(FieldViolation::new(field, rule));
    }
    violations
}

const fn override_field(header: ResponseOverride) -> &'static str {
    match header {
        ResponseOverride::CacheControl => "response_overrides.cache_control",
        ResponseOverride::ContentDisposition => "response_overrides.content_disposition",
        ResponseOverride::ContentEncoding => "response_overrides.content_encoding",
        ResponseOverride::ContentLanguage => "response_overrides.content_language",
        ResponseOverride::ContentType => "response_overrides.content_type",
        ResponseOverride::Expires => "response_overrides.expires",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(bytes: usize, fields: &[(&'static str, usize)]) -> Vec<&'static str> {
        let key = ObjectKey::parse("ä").unwrap();
        violations(bytes, 1_000, &key, fields.to_vec()).iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn as_many_fields_are_named_as_make_up_for_what_is_too_much() {
        let fields = [("tags", 100), ("metadata", 300), ("if_match", 0), ("cache_control", 200)];
        assert_eq!(named(1_001, &fields), ["metadata"]);
        assert_eq!(named(1_300, &fields), ["metadata"]);
        assert_eq!(named(1_301, &fields), ["metadata", "cache_control"]);
        assert_eq!(named(9_000, &fields), ["metadata", "cache_control", "tags", "key"]);
    }

    #[test]
    fn a_key_counts_as_it_is_in_the_url() {
        assert_eq!(named(1_001, &[("tags", 5)]), ["key"], "%C3%A4 has six bytes");
        assert_eq!(named(1_001, &[("tags", 7)]), ["tags"]);
    }
}
