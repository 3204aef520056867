//! Fields that several requests have.

use std::time::Duration;

use crate::contract::proto;
use crate::contract::violations::Violations;
use access_broker_policy::{
    BucketName, Checksum, ChecksumAlgorithm, DispositionType, EndpointName, HeaderText, LifetimeRequest, MAX_TTL,
    ObjectKey, ObjectReference,
};

pub(super) fn object_reference(
    bucket: &str,
    key: &str,
    sole_bucket: Option<&BucketName>,
    violations: &mut Violations,
) -> Option<ObjectReference> {
    let bucket = match (bucket, sole_bucket) {
        ("", Some(sole)) => Some(sole.clone()),
        ("", None) => {
            violations.add("bucket", "is required, because several buckets are configured");
            None
        }
        (name, _) => violations.take("bucket", BucketName::parse(name)),
    };
    let key = violations.take("key", ObjectKey::parse(key));
    Some(ObjectReference { bucket: bucket?, key: key? })
}

pub(super) fn lifetime_request(
    ttl: Option<prost_types::Duration>,
    require_full_ttl: bool,
    stable: bool,
    violations: &mut Violations,
) -> LifetimeRequest {
    let ttl = ttl.and_then(|ttl| match u64::try_from(ttl.seconds).map(Duration::from_secs) {
        Ok(asked) if (Duration::from_secs(1)..=MAX_TTL).contains(&asked) && ttl.nanos == 0 => Some(asked),
        _ => {
            violations.add("ttl", "must be whole seconds, from 1 second to 7 days");
            None
        }
    });
    LifetimeRequest { ttl, require_full_ttl, stable }
}

pub(super) fn header_text(
    field: &'static str,
    text: Option<String>,
    violations: &mut Violations,
) -> Option<HeaderText> {
    violations.take(field, HeaderText::parse(&text?))
}

pub(super) fn endpoint_name(name: Option<String>, violations: &mut Violations) -> Option<EndpointName> {
    violations.take("endpoint", EndpointName::parse(&name?))
}

/// `Content-Disposition`, as a header value in one field or from its parts in another.
pub(super) fn content_disposition(
    raw_field: &'static str,
    raw: Option<String>,
    parts_field: &'static str,
    parts: Option<proto::Disposition>,
    violations: &mut Violations,
) -> Option<HeaderText> {
    let Some(parts) = parts else {
        return header_text(raw_field, raw, violations);
    };
    if raw.is_some() {
        violations.add(parts_field, format!("cannot be combined with {raw_field}"));
        return None;
    }
    let kind = match parts.r#type() {
        proto::disposition::Type::Attachment => DispositionType::Attachment,
        proto::disposition::Type::Inline => DispositionType::Inline,
        proto::disposition::Type::Unspecified => {
            violations.add(parts_field, "requires a type");
            return None;
        }
    };
    let text = kind.with_file_name(parts.filename.as_deref());
    text.map_err(|error| violations.add(parts_field, format!("has an invalid filename: it {error}"))).ok()
}

pub(super) fn checksum_of(message: proto::Checksum, violations: &mut Violations) -> Option<Checksum> {
    use proto::checksum::Value;
    let (algorithm, bytes) = match message.value {
        Some(Value::Crc32(bytes)) => (ChecksumAlgorithm::Crc32, bytes),
        Some(Value::Crc32c(bytes)) => (ChecksumAlgorithm::Crc32c, bytes),
        Some(Value::Crc64nvme(bytes)) => (ChecksumAlgorithm::Crc64Nvme, bytes),
        Some(Value::Md5(bytes)) => (ChecksumAlgorithm::Md5, bytes),
        Some(Value::Sha1(bytes)) => (ChecksumAlgorithm::Sha1, bytes),
        Some(Value::Sha256(bytes)) => (ChecksumAlgorithm::Sha256, bytes),
        None => {
            violations.add("checksum", "requires a checksum of a known algorithm");
            return None;
        }
    };
    violations.take("checksum", Checksum::new(algorithm, &bytes))
}
