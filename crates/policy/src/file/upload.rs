//! Reads what a tier demands of uploads.

use std::fmt::Display;
use std::sync::Arc;

use super::lists::read_list;
use super::upload_place::UploadPlace;
use super::{encryption, lifetime};
use crate::decide::{ImposedOnUploads, MAX_SINGLE_PUT_BYTES, UploadObligations};
use crate::object::{
    ChecksumAlgorithm, ContentTypePattern, HeaderText, MAX_TAGS, ObjectTags, StorageClass, parse_content_encoding,
};
use access_broker_base::document::{Located, Table};

/// Reads the `upload` table, if there is one.
pub(super) fn read(mut table: Table<'_>, location: Option<&UploadPlace<'_>>) -> Option<UploadObligations> {
    if !table.is_present() {
        return None;
    }
    let lifetime = lifetime::read(&mut table);
    let max_size = table.byte_size("max_size").map(|Located { value, location }| {
        if !(1..=MAX_SINGLE_PUT_BYTES).contains(&value) {
            table.report("max_size", &location, "must be between 1B and 5GiB, the most that one PUT can write");
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
    let encryption = encryption::read(table.table("encryption")).map(Arc::new);
    let cache_control = read_header(&mut table, "cache_control", HeaderText::parse);
    let content_disposition = read_header(&mut table, "content_disposition", HeaderText::parse);
    let content_encoding = read_header(&mut table, "content_encoding", parse_content_encoding);
    // Left out means the safe choice: an upload never replaces what is there.
    let overwrite = table.boolean("overwrite").is_some_and(|overwrite| overwrite.value);
    let record_decision = table.boolean("record_decision").is_some_and(|record| record.value);
    let if_match = table.boolean("if_match");
    if if_match.as_ref().is_some_and(|if_match| if_match.value) && !overwrite {
        table.report("if_match", &table.location_of("if_match"), "must not be true where overwrite is not true");
    }
    if let Some(location) = location {
        let must_match = if_match.as_ref().is_some_and(|if_match| if_match.value);
        location.report(&table, overwrite, must_match, checksums.as_deref().unwrap_or_default());
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
        checked_by_server: location.map(UploadPlace::checked_by_server).unwrap_or_default(),
    };
    Some(UploadObligations {
        lifetime,
        imposed: Arc::new(imposed),
        overwrite,
        if_match: if_match.is_none_or(|if_match| if_match.value),
        caller_tags,
    })
}

/// Reads a header that every object gets.
fn read_header<E: Display>(
    table: &mut Table<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Result<HeaderText, E>,
) -> Option<HeaderText> {
    let Located { value, location } = table.string(key)?;
    parse(&value).map_err(|error| table.report(key, &location, error)).ok()
}

fn read_tags(table: &Table<'_>) -> ObjectTags {
    let mut tags = ObjectTags::default();
    for (name, Located { value, location }) in table.string_pairs() {
        if let Err(error) = tags.insert(name, &value) {
            table.report(name, &location, error);
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
        table.report("caller_tags", &table.location_of("caller_tags"), rule);
    }
    for Located { value, location } in &names {
        if let Err(error) = ObjectTags::default().insert(value, "") {
            table.report("caller_tags", location, error);
        } else if imposed.iter().any(|(name, _)| name == value) {
            table.report("caller_tags", location, format!("holds {value:?}, which the tier sets itself"));
        }
    }
    names.into_iter().map(|name| name.value).collect()
}
