//! What a tier demands of uploads.

use std::sync::Arc;

use crate::decide::imposed::ImposedOnUploads;
use crate::decide::lifetime::LifetimeObligations;
use crate::decide::terms::UploadTerms;
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
        mut terms: UploadTerms,
        bucket: &BucketProfile,
    ) -> Result<UploadTerms, Vec<FieldViolation>> {
        let mut violations: Vec<FieldViolation> = [
            self.content_type_violation(&terms),
            self.content_length_violation(&terms),
            self.checksum_violation(&terms, bucket),
            self.create_only_violation(&terms, bucket),
            self.if_match_violation(&terms, bucket),
            self.storage_class_violation(&terms),
            self.tags_violation(&terms),
            self.metadata_violation(&terms),
        ]
        .into_iter()
        .flatten()
        .collect();
        let imposed = &self.imposed;
        for (field, imposed, wish) in [
            ("cache_control", &imposed.cache_control, &mut terms.cache_control),
            ("content_disposition", &imposed.content_disposition, &mut terms.content_disposition),
            ("content_encoding", &imposed.content_encoding, &mut terms.content_encoding),
        ] {
            let Some(imposed) = imposed else { continue };
            if wish.get_or_insert_with(|| imposed.clone()) != imposed {
                violations.push(FieldViolation::new(field, "must be what this tier imposes, or not be set"));
            }
        }
        if !violations.is_empty() {
            return Err(violations);
        }
        if !self.overwrite {
            terms.create_only = Some(true);
        }
        terms.tags.extend(&imposed.tags);
        terms.encryption.clone_from(&imposed.encryption);
        terms.record_decision = imposed.record_decision;
        Ok(terms)
    }

    fn content_type_violation(&self, terms: &UploadTerms) -> Option<FieldViolation> {
        let given = terms.content_type.as_ref().map_or("", HeaderText::as_str);
        let is_let_in = self.imposed.lets_in_content_type(given)?;
        let rule =
            if given.is_empty() { "is required in this tier" } else { "must be one of the tier's content types" };
        (!is_let_in).then(|| FieldViolation::new("content_type", rule))
    }

    fn content_length_violation(&self, terms: &UploadTerms) -> Option<FieldViolation> {
        let max = self.imposed.max_size.unwrap_or(MAX_SINGLE_PUT_BYTES);
        let rule = match terms.content_length {
            None if self.imposed.max_size.is_some() => format!("is required in this tier, at most {max} bytes"),
            Some(length) if length > max => format!("must be at most {max} bytes"),
            _ => return None,
        };
        Some(FieldViolation::new("content_length", rule))
    }

    fn checksum_violation(&self, terms: &UploadTerms, bucket: &BucketProfile) -> Option<FieldViolation> {
        let given = terms.checksum.as_ref().map(Checksum::algorithm);
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

    fn create_only_violation(&self, terms: &UploadTerms, bucket: &BucketProfile) -> Option<FieldViolation> {
        let rule = match terms.create_only {
            Some(false) if !self.overwrite => "must not be false in this tier, which forbids overwriting",
            Some(true) if bucket.ignores_conditions() => "must not be true in this bucket, whose server ignores it",
            _ => return None,
        };
        Some(FieldViolation::new("create_only", rule))
    }

    fn if_match_violation(&self, terms: &UploadTerms, bucket: &BucketProfile) -> Option<FieldViolation> {
        terms.if_match.as_ref()?;
        let rule = if !self.overwrite {
            "must not be set in this tier, which forbids overwriting"
        } else if !self.if_match {
            "must not be set in this tier"
        } else if bucket.ignores_conditions() {
            "must not be set in this bucket, whose server ignores it"
        } else if !bucket.keeps_if_match() {
            "must not be set in this bucket, whose uploads are signed by credentials that need not read"
        } else if terms.create_only == Some(true) {
            "must not be set beside create_only: the object cannot both be there and not"
        } else {
            return None;
        };
        Some(FieldViolation::new("if_match", rule))
    }

    fn storage_class_violation(&self, terms: &UploadTerms) -> Option<FieldViolation> {
        let wanted = terms.storage_class.unwrap_or(StorageClass::Standard);
        let names: Vec<&str> = self.imposed.storage_classes.iter().map(|class| class.name()).collect();
        let rule = || format!("must be {} in this tier", names.join(" or "));
        (!self.imposed.storage_classes.contains(&wanted)).then(|| FieldViolation::new("storage_class", rule()))
    }

    fn tags_violation(&self, terms: &UploadTerms) -> Option<FieldViolation> {
        let allowed = |name: &str| self.caller_tags.iter().any(|allowed| allowed == name);
        let all_allowed = terms.tags.iter().all(|(name, _)| allowed(name));
        (!all_allowed).then(|| FieldViolation::new("tags", "must have only names that this tier lets callers set"))
    }

    /// What the broker adds counts against S3's limit, too.
    fn metadata_violation(&self, terms: &UploadTerms) -> Option<FieldViolation> {
        let bytes: usize = terms.metadata.iter().map(|(name, value)| name.as_str().len() + value.as_str().len()).sum();
        let max = MAX_METADATA_BYTES - DECISION_METADATA.len() - DECISION_ID_BYTES;
        let exceeds = self.imposed.record_decision && bytes > max;
        exceeds.then(|| FieldViolation::new("metadata", format!("must not hold more than {max} bytes in this tier")))
    }
}
