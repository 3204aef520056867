//! What a tier demands of uploads.

use std::fmt::Display;
use std::sync::Arc;

use super::{FieldViolation, read_list};
use crate::decide::imposed::ImposedOnUploads;
use crate::decide::lifetime::LifetimeObligations;
use crate::decide::terms::UploadTerms;
use crate::file::UploadPlace;
use crate::object::{
    BucketProfile, Checksum, ChecksumAlgorithm, ContentTypePattern, DECISION_METADATA, HeaderText, MAX_METADATA_BYTES,
    MAX_TAGS, ObjectTags, StorageClass, parse_content_encoding, read_encryption,
};
use access_broker_base::document::{Located, Table};

/// The largest object that one PUT can write, in bytes (5 GiB;
/// [AWS](https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html)).
const MAX_SINGLE_PUT_BYTES: u64 = 5 * 1_024 * 1_024 * 1_024;

/// The length of a decision's id in metadata: a UUID with its hyphens.
const DECISION_ID_BYTES: usize = 36;

/// What a tier demands of uploads.
#[derive(Debug)]
pub(crate) struct UploadObligations {
    pub(crate) lifetime: LifetimeObligations,
    /// What can be seen of the obligations in what is stored.
    pub(crate) imposed: Arc<ImposedOnUploads>,
    overwrite: bool,
    /// Whether callers may bind an upload to the object that is there.
    if_match: bool,
    /// Names of the tags that callers may set.
    caller_tags: Vec<String>,
}

impl UploadObligations {
    /// Reads the `upload` table, if there is one.
    pub(crate) fn read(mut table: Table<'_>, place: Option<&UploadPlace<'_>>) -> Option<Self> {
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
        let cache_control = read_header(&mut table, "cache_control", HeaderText::parse);
        let content_disposition = read_header(&mut table, "content_disposition", HeaderText::parse);
        let content_encoding = read_header(&mut table, "content_encoding", parse_content_encoding);
        // Left out means the safe choice: an upload never replaces what is there.
        let overwrite = table.boolean("overwrite").is_some_and(|overwrite| overwrite.value);
        let record_decision = table.boolean("record_decision").is_some_and(|record| record.value);
        let if_match = table.boolean("if_match");
        if if_match.as_ref().is_some_and(|if_match| if_match.value) && !overwrite {
            table.report("if_match", &table.place_of("if_match"), "must not be true where overwrite is not true");
        }
        if let Some(place) = place {
            let must_match = if_match.as_ref().is_some_and(|if_match| if_match.value);
            place.report(&table, overwrite, must_match, checksums.as_deref().unwrap_or_default());
        }
        table.finish();
        let imposed = ImposedOnUploads {
            max_size,
            checksums,
            storage_classes: storage_classes.unwrap_or_else(|| vec![StorageClass::Standard]),
            tags,
            encryption,
            cache_control,
            content_disposition,
            content_encoding,
            record_decision,
            content_types,
            checked_by_server: place.map(UploadPlace::checked_by_server).unwrap_or_default(),
        };
        Some(Self {
            lifetime,
            imposed: Arc::new(imposed),
            overwrite,
            if_match: if_match.is_none_or(|if_match| if_match.value),
            caller_tags,
        })
    }

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

/// Reads a header that every object gets.
fn read_header<E: Display>(
    table: &mut Table<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Result<HeaderText, E>,
) -> Option<HeaderText> {
    let Located { value, place } = table.string(key)?;
    parse(&value).map_err(|error| table.report(key, &place, error)).ok()
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
