//! What a tier demands of uploads.

use std::sync::Arc;

use crate::decide::imposed::ImposedOnUploads;
use crate::decide::lifetime::LifetimeObligations;
use crate::decide::permitted_terms::PermittedUpload;
use crate::decide::request::RequestedUpload;
use crate::decide::violation::FieldViolation;
use crate::object::{BucketProfile, Checksum, DECISION_METADATA, HeaderText, MAX_METADATA_BYTES, StorageClass};

/// The largest object that one PUT can write, in bytes (5 GiB;
/// [AWS](https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html)).
pub(crate) const MAX_SINGLE_PUT_BYTES: u64 = 5 * 1_024 * 1_024 * 1_024;

/// The length of a decision's ID in metadata: a UUID with its hyphens.
const DECISION_ID_BYTES: usize = 36;

/// What a tier demands of uploads.
#[derive(Debug)]
pub(crate) struct UploadObligations {
    pub(crate) lifetime: LifetimeObligations,
    /// The obligations that are visible in the stored object.
    pub(crate) imposed: Arc<ImposedOnUploads>,
    pub(crate) overwrite: bool,
    /// Whether requests can have `if_match`.
    pub(crate) if_match: bool,
    /// Names of the tags that callers can set.
    pub(crate) caller_tags: Vec<String>,
}

impl UploadObligations {
    /// The terms of the permit: those of the caller and of the tier.
    ///
    /// Reports every demand that is not met, not only the first.
    pub(crate) fn agree(
        &self,
        requested: RequestedUpload,
        bucket: &BucketProfile,
    ) -> Result<PermittedUpload, Vec<FieldViolation>> {
        let mut violations: Vec<FieldViolation> = [
            self.content_type_violation(&requested),
            self.content_length_violation(&requested),
            self.checksum_violation(&requested, bucket),
            self.create_only_violation(&requested, bucket),
            self.if_match_violation(&requested, bucket),
            self.storage_class_violation(&requested),
            self.tags_violation(&requested),
            self.metadata_violation(&requested),
        ]
        .into_iter()
        .flatten()
        .collect();
        let imposed = &self.imposed;
        let mut header = |field, imposed: &Option<HeaderText>, requested: Option<HeaderText>| {
            if imposed.is_some() && requested.is_some() && requested != *imposed {
                violations.push(FieldViolation::new(field, "must be left out or equal to what this tier imposes"));
            }
            requested.or_else(|| imposed.clone())
        };
        let cache_control = header("cache_control", &imposed.cache_control, requested.cache_control);
        let content_disposition =
            header("content_disposition", &imposed.content_disposition, requested.content_disposition);
        let content_encoding = header("content_encoding", &imposed.content_encoding, requested.content_encoding);
        if !violations.is_empty() {
            return Err(violations);
        }
        let mut tags = requested.tags;
        tags.extend(&imposed.tags);
        Ok(PermittedUpload {
            content_type: requested.content_type,
            content_length: requested.content_length,
            checksum: requested.checksum,
            create_only: !self.overwrite || requested.create_only == Some(true),
            if_match: requested.if_match,
            cache_control,
            content_disposition,
            content_encoding,
            metadata: requested.metadata,
            tags,
            storage_class: requested.storage_class,
            encryption: imposed.encryption.clone(),
            record_decision: imposed.record_decision,
        })
    }

    fn content_type_violation(&self, requested: &RequestedUpload) -> Option<FieldViolation> {
        let given = requested.content_type.as_ref().map_or("", HeaderText::as_str);
        let is_allowed = self.imposed.lets_in_content_type(given)?;
        let rule =
            if given.is_empty() { "is required in this tier" } else { "must be one of the tier's content types" };
        (!is_allowed).then(|| FieldViolation::new("content_type", rule))
    }

    fn content_length_violation(&self, requested: &RequestedUpload) -> Option<FieldViolation> {
        let max = self.imposed.max_size.unwrap_or(MAX_SINGLE_PUT_BYTES);
        let rule = match requested.content_length {
            None if self.imposed.max_size.is_some() => format!("is required in this tier, at most {max} bytes"),
            Some(length) if length > max => format!("must be at most {max} bytes"),
            _ => return None,
        };
        Some(FieldViolation::new("content_length", rule))
    }

    fn checksum_violation(&self, requested: &RequestedUpload, bucket: &BucketProfile) -> Option<FieldViolation> {
        let given = requested.checksum.as_ref().map(Checksum::algorithm);
        if let Some(allowed) = &self.imposed.checksums
            && !given.is_some_and(|algorithm| allowed.contains(&algorithm))
        {
            let names: Vec<&str> = allowed.iter().map(|algorithm| algorithm.name()).collect();
            let rule = format!("is required in this tier, with {}", names.join(" or "));
            return Some(FieldViolation::new("checksum", rule));
        }
        let ignored = given.filter(|algorithm| bucket.is_known_to_ignore(*algorithm))?;
        let rule = format!("must not be {ignored}, which the server of this bucket does not compare with the content");
        Some(FieldViolation::new("checksum", rule))
    }

    fn create_only_violation(&self, requested: &RequestedUpload, bucket: &BucketProfile) -> Option<FieldViolation> {
        let rule = match requested.create_only {
            Some(false) if !self.overwrite => "must be true or absent: this tier does not permit overwriting",
            Some(true) if bucket.ignores_conditions() => "must not be true in this bucket, whose server ignores it",
            _ => return None,
        };
        Some(FieldViolation::new("create_only", rule))
    }

    fn if_match_violation(&self, requested: &RequestedUpload, bucket: &BucketProfile) -> Option<FieldViolation> {
        requested.if_match.as_ref()?;
        let rule = if !self.overwrite {
            "must be absent: this tier does not permit overwriting"
        } else if !self.if_match {
            "must not be set in this tier"
        } else if bucket.ignores_conditions() {
            "must not be set in this bucket, whose server ignores it"
        } else if !bucket.supports_if_match() {
            "must not be set in this bucket, whose uploads are signed by credentials that may be unable to read"
        } else if requested.create_only == Some(true) {
            "cannot be combined with create_only: the object cannot both exist and not exist"
        } else {
            return None;
        };
        Some(FieldViolation::new("if_match", rule))
    }

    fn storage_class_violation(&self, requested: &RequestedUpload) -> Option<FieldViolation> {
        let wanted = requested.storage_class.unwrap_or(StorageClass::Standard);
        let names: Vec<&str> = self.imposed.storage_classes.iter().map(|class| class.name()).collect();
        let rule = || format!("must be {} in this tier", names.join(" or "));
        (!self.imposed.storage_classes.contains(&wanted)).then(|| FieldViolation::new("storage_class", rule()))
    }

    fn tags_violation(&self, requested: &RequestedUpload) -> Option<FieldViolation> {
        let allowed = |name: &str| self.caller_tags.iter().any(|allowed| allowed == name);
        let all_allowed = requested.tags.iter().all(|(name, _)| allowed(name));
        (!all_allowed).then(|| FieldViolation::new("tags", "must have only names that callers can set in this tier"))
    }

    /// What the broker adds also counts against S3's limit.
    fn metadata_violation(&self, requested: &RequestedUpload) -> Option<FieldViolation> {
        let bytes: usize =
            requested.metadata.iter().map(|(name, value)| name.as_str().len() + value.as_str().len()).sum();
        let max = MAX_METADATA_BYTES - DECISION_METADATA.len() - DECISION_ID_BYTES;
        let exceeds = self.imposed.record_decision && bytes > max;
        exceeds.then(|| FieldViolation::new("metadata", format!("must not exceed {max} bytes in this tier")))
    }
}
