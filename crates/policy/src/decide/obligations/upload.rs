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

/// The length of a decision's id in metadata: a UUID with its hyphens.
const DECISION_ID_BYTES: usize = 36;

/// What a tier demands of uploads.
#[derive(Debug)]
pub(crate) struct UploadObligations {
    pub(crate) lifetime: LifetimeObligations,
    /// What can be seen of the obligations in what is stored.
    pub(crate) imposed: Arc<ImposedOnUploads>,
    pub(crate) overwrite: bool,
    /// Whether callers may bind an upload to the object that is there.
    pub(crate) if_match: bool,
    /// Names of the tags that callers may set.
    pub(crate) caller_tags: Vec<String>,
}

impl UploadObligations {
    /// The terms that the permit fixes: the caller's, with what the tier imposes.
    ///
    /// Every demand that is not met is reported, not only the first.
    pub(crate) fn agree(
        &self,
        asked: RequestedUpload,
        bucket: &BucketProfile,
    ) -> Result<PermittedUpload, Vec<FieldViolation>> {
        let mut violations: Vec<FieldViolation> = [
            self.content_type_violation(&asked),
            self.content_length_violation(&asked),
            self.checksum_violation(&asked, bucket),
            self.create_only_violation(&asked, bucket),
            self.if_match_violation(&asked, bucket),
            self.storage_class_violation(&asked),
            self.tags_violation(&asked),
            self.metadata_violation(&asked),
        ]
        .into_iter()
        .flatten()
        .collect();
        let imposed = &self.imposed;
        let mut header = |field, imposed: &Option<HeaderText>, asked: Option<HeaderText>| {
            if imposed.is_some() && asked.is_some() && asked != *imposed {
                violations.push(FieldViolation::new(field, "must be what this tier imposes, or not be set"));
            }
            asked.or_else(|| imposed.clone())
        };
        let cache_control = header("cache_control", &imposed.cache_control, asked.cache_control);
        let content_disposition =
            header("content_disposition", &imposed.content_disposition, asked.content_disposition);
        let content_encoding = header("content_encoding", &imposed.content_encoding, asked.content_encoding);
        if !violations.is_empty() {
            return Err(violations);
        }
        let mut tags = asked.tags;
        tags.extend(&imposed.tags);
        Ok(PermittedUpload {
            content_type: asked.content_type,
            content_length: asked.content_length,
            checksum: asked.checksum,
            create_only: !self.overwrite || asked.create_only == Some(true),
            if_match: asked.if_match,
            cache_control,
            content_disposition,
            content_encoding,
            metadata: asked.metadata,
            tags,
            storage_class: asked.storage_class,
            encryption: imposed.encryption.clone(),
            record_decision: imposed.record_decision,
        })
    }

    fn content_type_violation(&self, asked: &RequestedUpload) -> Option<FieldViolation> {
        let given = asked.content_type.as_ref().map_or("", HeaderText::as_str);
        let is_let_in = self.imposed.lets_in_content_type(given)?;
        let rule =
            if given.is_empty() { "is required in this tier" } else { "must be one of the tier's content types" };
        (!is_let_in).then(|| FieldViolation::new("content_type", rule))
    }

    fn content_length_violation(&self, asked: &RequestedUpload) -> Option<FieldViolation> {
        let max = self.imposed.max_size.unwrap_or(MAX_SINGLE_PUT_BYTES);
        let rule = match asked.content_length {
            None if self.imposed.max_size.is_some() => format!("is required in this tier, at most {max} bytes"),
            Some(length) if length > max => format!("must be at most {max} bytes"),
            _ => return None,
        };
        Some(FieldViolation::new("content_length", rule))
    }

    fn checksum_violation(&self, asked: &RequestedUpload, bucket: &BucketProfile) -> Option<FieldViolation> {
        let given = asked.checksum.as_ref().map(Checksum::algorithm);
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

    fn create_only_violation(&self, asked: &RequestedUpload, bucket: &BucketProfile) -> Option<FieldViolation> {
        let rule = match asked.create_only {
            Some(false) if !self.overwrite => "must not be false in this tier, which forbids overwriting",
            Some(true) if bucket.ignores_conditions() => "must not be true in this bucket, whose server ignores it",
            _ => return None,
        };
        Some(FieldViolation::new("create_only", rule))
    }

    fn if_match_violation(&self, asked: &RequestedUpload, bucket: &BucketProfile) -> Option<FieldViolation> {
        asked.if_match.as_ref()?;
        let rule = if !self.overwrite {
            "must not be set in this tier, which forbids overwriting"
        } else if !self.if_match {
            "must not be set in this tier"
        } else if bucket.ignores_conditions() {
            "must not be set in this bucket, whose server ignores it"
        } else if !bucket.keeps_if_match() {
            "must not be set in this bucket, whose uploads are signed by credentials that need not read"
        } else if asked.create_only == Some(true) {
            "must not be set beside create_only: the object cannot both be there and not"
        } else {
            return None;
        };
        Some(FieldViolation::new("if_match", rule))
    }

    fn storage_class_violation(&self, asked: &RequestedUpload) -> Option<FieldViolation> {
        let wanted = asked.storage_class.unwrap_or(StorageClass::Standard);
        let names: Vec<&str> = self.imposed.storage_classes.iter().map(|class| class.name()).collect();
        let rule = || format!("must be {} in this tier", names.join(" or "));
        (!self.imposed.storage_classes.contains(&wanted)).then(|| FieldViolation::new("storage_class", rule()))
    }

    fn tags_violation(&self, asked: &RequestedUpload) -> Option<FieldViolation> {
        let allowed = |name: &str| self.caller_tags.iter().any(|allowed| allowed == name);
        let all_allowed = asked.tags.iter().all(|(name, _)| allowed(name));
        (!all_allowed).then(|| FieldViolation::new("tags", "must have only names that this tier lets callers set"))
    }

    /// What the broker adds counts against S3's limit, too.
    fn metadata_violation(&self, asked: &RequestedUpload) -> Option<FieldViolation> {
        let bytes: usize = asked.metadata.iter().map(|(name, value)| name.as_str().len() + value.as_str().len()).sum();
        let max = MAX_METADATA_BYTES - DECISION_METADATA.len() - DECISION_ID_BYTES;
        let exceeds = self.imposed.record_decision && bytes > max;
        exceeds.then(|| FieldViolation::new("metadata", format!("must not hold more than {max} bytes in this tier")))
    }
}
