//! What a tier demands of uploads.

use std::sync::Arc;

use super::{FieldViolation, read_list};
use crate::document::{Located, Table};
use crate::policy::checksum::ChecksumAlgorithm;
use crate::policy::content_type::ContentTypePattern;
use crate::policy::encryption::{Encryption, read_encryption};
use crate::policy::lifetime::LifetimeObligations;
use crate::policy::metadata::{DECISION_METADATA, MAX_METADATA_BYTES};
use crate::policy::object_tags::{MAX_TAGS, ObjectTags};
use crate::policy::storage_class::StorageClass;
use crate::policy::terms::UploadTerms;

/// The largest object that one PUT can write, in bytes (5 GiB;
/// [AWS](https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html)).
const MAX_SINGLE_PUT_BYTES: u64 = 5 * 1_024 * 1_024 * 1_024;

/// The length of a decision's id in metadata: a UUID with its hyphens.
const DECISION_ID_BYTES: usize = 36;

/// What a tier demands of uploads.
#[derive(Debug)]
pub(in crate::policy) struct UploadObligations {
    pub(in crate::policy) lifetime: LifetimeObligations,
    /// Whether objects keep the ids of their decisions.
    pub(in crate::policy) record_decision: bool,
    max_size: Option<u64>,
    content_types: Option<Vec<ContentTypePattern>>,
    checksums: Option<Vec<ChecksumAlgorithm>>,
    overwrite: bool,
    storage_classes: Vec<StorageClass>,
    /// Tags that every object gets.
    tags: ObjectTags,
    /// Names of the tags that callers may set.
    caller_tags: Vec<String>,
    encryption: Option<Arc<Encryption>>,
}

impl UploadObligations {
    /// Reads the `upload` table, if there is one.
    pub(in crate::policy) fn read(mut table: Table<'_>) -> Option<Self> {
        if !table.is_present() {
            return None;
        }
        let lifetime = LifetimeObligations::read(&mut table);
        let max_size = table.byte_size("max_size").map(|Located { value, place }| {
            if !(1..=MAX_SINGLE_PUT_BYTES).contains(&value) {
                table.report("max_size", &place, "must be between 1B and 5GiB, the most that one PUT can write");
            }
            value
        });
        let content_types = read_list(&mut table, "content_types", ContentTypePattern::parse, |_| {
            "holds what is neither a content type nor TYPE/*".to_owned()
        });
        let checksums = read_list(&mut table, "checksum", ChecksumAlgorithm::by_name, |value| {
            let known = ChecksumAlgorithm::ALL.map(ChecksumAlgorithm::name).join(", ");
            format!("holds {value:?}; the algorithms are {known}")
        });
        let storage_classes = read_list(&mut table, "storage_classes", StorageClass::by_name, |value| {
            let known = StorageClass::ALL.map(StorageClass::name).join(", ");
            format!("holds {value:?}; the classes are {known}")
        });
        let tags = read_tags(&table.table("tags"));
        let caller_tags = read_caller_tags(&mut table, &tags);
        let encryption = read_encryption(table.table("encryption")).map(Arc::new);
        // Left out means the safe choice: an upload never replaces what is there.
        let overwrite = table.boolean("overwrite").is_some_and(|overwrite| overwrite.value);
        let record_decision = table.boolean("record_decision").is_some_and(|record| record.value);
        table.finish();
        Some(Self {
            lifetime,
            record_decision,
            max_size,
            content_types,
            checksums,
            overwrite,
            storage_classes: storage_classes.unwrap_or_else(|| vec![StorageClass::Standard]),
            tags,
            caller_tags,
            encryption,
        })
    }

    /// The terms that the permit fixes: the caller's, with what the tier imposes.
    ///
    /// Every demand that is not met is reported, not only the first.
    pub(in crate::policy) fn agree(&self, mut terms: UploadTerms) -> Result<UploadTerms, Vec<FieldViolation>> {
        let violations: Vec<FieldViolation> = [
            self.content_type_violation(&terms),
            self.content_length_violation(&terms),
            self.checksum_violation(&terms),
            self.create_only_violation(&terms),
            self.if_match_violation(&terms),
            self.storage_class_violation(&terms),
            self.tags_violation(&terms),
            self.metadata_violation(&terms),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !violations.is_empty() {
            return Err(violations);
        }
        if !self.overwrite {
            terms.create_only = Some(true);
        }
        terms.tags.extend(&self.tags);
        terms.encryption.clone_from(&self.encryption);
        terms.record_decision = self.record_decision;
        Ok(terms)
    }

    fn content_type_violation(&self, terms: &UploadTerms) -> Option<FieldViolation> {
        let allowed = self.content_types.as_ref()?;
        match &terms.content_type {
            None => Some(FieldViolation::new("content_type", "is required in this tier")),
            Some(given) if allowed.iter().any(|pattern| pattern.matches(given.as_str())) => None,
            Some(_) => Some(FieldViolation::new("content_type", "must be one of the tier's content types")),
        }
    }

    fn content_length_violation(&self, terms: &UploadTerms) -> Option<FieldViolation> {
        let max = self.max_size.unwrap_or(MAX_SINGLE_PUT_BYTES);
        let rule = match terms.content_length {
            None if self.max_size.is_some() => format!("is required in this tier, at most {max} bytes"),
            Some(length) if length > max => format!("must be at most {max} bytes"),
            _ => return None,
        };
        Some(FieldViolation::new("content_length", rule))
    }

    fn checksum_violation(&self, terms: &UploadTerms) -> Option<FieldViolation> {
        let allowed = self.checksums.as_ref()?;
        let fits = terms.checksum.as_ref().is_some_and(|checksum| allowed.contains(&checksum.algorithm()));
        let names: Vec<&str> = allowed.iter().map(|algorithm| algorithm.name()).collect();
        let rule = || format!("is required in this tier, with {}", names.join(" or "));
        (!fits).then(|| FieldViolation::new("checksum", rule()))
    }

    fn create_only_violation(&self, terms: &UploadTerms) -> Option<FieldViolation> {
        let contradicts = terms.create_only == Some(false) && !self.overwrite;
        contradicts
            .then(|| FieldViolation::new("create_only", "must not be false in this tier, which forbids overwriting"))
    }

    fn if_match_violation(&self, terms: &UploadTerms) -> Option<FieldViolation> {
        terms.if_match.as_ref()?;
        let rule = if !self.overwrite {
            "must not be set in this tier, which forbids overwriting"
        } else if terms.create_only == Some(true) {
            "must not be set beside create_only: the object cannot both be there and not"
        } else {
            return None;
        };
        Some(FieldViolation::new("if_match", rule))
    }

    fn storage_class_violation(&self, terms: &UploadTerms) -> Option<FieldViolation> {
        let wanted = terms.storage_class.unwrap_or(StorageClass::Standard);
        let names: Vec<&str> = self.storage_classes.iter().map(|class| class.name()).collect();
        let rule = || format!("must be {} in this tier", names.join(" or "));
        (!self.storage_classes.contains(&wanted)).then(|| FieldViolation::new("storage_class", rule()))
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
        let exceeds = self.record_decision && bytes > max;
        exceeds.then(|| FieldViolation::new("metadata", format!("must not hold more than {max} bytes in this tier")))
    }
}

fn read_tags(table: &Table<'_>) -> ObjectTags {
    let mut tags = ObjectTags::default();
    for (name, Located { value, place }) in table.string_pairs() {
        if let Err(error) = tags.insert(name, &value) {
            table.report(name, &place, error);
        }
    }
    tags
}

/// The names of tags that callers may set. With those of the tier there are never more than S3 takes.
fn read_caller_tags(table: &mut Table<'_>, imposed: &ObjectTags) -> Vec<String> {
    let Some(names) = table.strings("caller_tags") else {
        return Vec::new();
    };
    if imposed.len() + names.len() > MAX_TAGS {
        let rule = format!("must not make more than {MAX_TAGS} tags with those of the tier");
        table.report("caller_tags", &table.place_of("caller_tags"), rule);
    }
    for Located { value, place } in &names {
        if let Err(error) = ObjectTags::default().insert(value, "") {
            table.report("caller_tags", place, error);
        } else if imposed.iter().any(|(name, _)| name == value) {
            table.report("caller_tags", place, format!("holds {value:?}, which the tier sets itself"));
        }
    }
    names.into_iter().map(|name| name.value).collect()
}
