//! Reads what a tier demands of uploads.

use std::fmt::Display;
use std::sync::Arc;

use super::lists::{NO_DEMAND, parse_entries, values};
use super::upload_target::UploadTarget;
use super::{encryption, lifetime};
use crate::decide::{ImposedOnUploads, MAX_SINGLE_PUT_BYTES, UploadObligations};
use crate::object::{
    ChecksumAlgorithm, ContentTypePattern, HeaderText, MAX_TAGS, ObjectTags, StorageClass, parse_content_encoding,
};
use access_broker_base::document::{Located, Table};

/// Reads the `upload` table, if the tier has one.
pub(super) fn read(mut table: Table<'_>, target: Option<&UploadTarget<'_>>) -> Option<UploadObligations> {
    if !table.is_present() {
        return None;
    }
    table.describe("What the tier demands of uploads. `{}` takes every default.", "no uploads");
    let lifetime = lifetime::read(&mut table);
    let (overwrite, if_match) = read_conditions(&mut table);
    let (tags, caller_tags) = read_tags(&mut table);
    let imposed = ImposedOnUploads {
        max_size: read_max_size(&mut table),
        content_types: read_content_types(&mut table),
        checksums: read_checksums(&mut table),
        storage_classes: read_storage_classes(&mut table),
        tags,
        encryption: encryption::read(table.table("encryption")).map(Arc::new),
        cache_control: read_header(
            &mut table,
            "cache_control",
            "The `Cache-Control` of every object. A request must not name another.",
            HeaderText::parse,
        ),
        content_disposition: read_header(
            &mut table,
            "content_disposition",
            "The `Content-Disposition` of every object. A request must not name another.",
            HeaderText::parse,
        ),
        content_encoding: read_header(
            &mut table,
            "content_encoding",
            "The `Content-Encoding` of every object. It cannot be `aws-chunked`. A request must not name another.",
            parse_content_encoding,
        ),
        record_decision: table
            .setting(
                "record_decision",
                "The object keeps the ID of its decision as metadata `access-broker-decision`, so that `VerifyUpload` \
                 can compare it.",
            )
            .flag()
            .or(false),
        checked_by_server: target.map(UploadTarget::checked_by_server).unwrap_or_default(),
    };
    if let Some(target) = target {
        let checksums = imposed.checksums.as_deref().unwrap_or_default();
        target.report(&table, overwrite, if_match == Some(true), checksums);
    }
    table.finish();
    Some(UploadObligations {
        lifetime,
        imposed: Arc::new(imposed),
        overwrite,
        if_match: if_match.unwrap_or(true),
        caller_tags,
    })
}

/// `overwrite` and `if_match`.
fn read_conditions(table: &mut Table<'_>) -> (bool, Option<bool>) {
    // The safe default: an upload never replaces an object.
    let overwrite = table.setting("overwrite", "An upload can replace an object.").flag().or(false);
    let if_match = table
        .setting("if_match", "Requests can have `if_match`: the upload replaces the object only if it has this ETag.")
        .flag()
        .limits("`true` requires `overwrite = true`")
        .absent("yes, if the bucket supports it")
        .optional();
    let if_match = if_match.map(|flag| flag.value);
    if if_match == Some(true) && !overwrite {
        table.report("if_match", &table.location_of("if_match"), "requires overwrite = true");
    }
    (overwrite, if_match)
}

fn read_max_size(table: &mut Table<'_>) -> Option<u64> {
    table
        .setting("max_size", "The largest object. With this setting, a request must state `content_length`.")
        .size()
        .within(1..=MAX_SINGLE_PUT_BYTES)
        .absent("5 GiB, and the length is optional")
        .optional()
        .map(|size| size.value)
}

fn read_content_types(table: &mut Table<'_>) -> Option<Vec<ContentTypePattern>> {
    let types = table
        .setting(
            "content_types",
            "A request must state a `content_type` that matches one of these: exact types, or `TYPE/*` for every \
             subtype without parameters.",
        )
        .list("content types")
        .absent("any content type, or none")
        .optional()?;
    let parse = |text: &str| {
        let pattern = ContentTypePattern::parse(text);
        pattern.ok_or_else(|| format!("has {text:?}, which is neither a content type nor TYPE/*"))
    };
    Some(values(parse_entries(table, "content_types", types, NO_DEMAND, parse)))
}

fn read_checksums(table: &mut Table<'_>) -> Option<Vec<ChecksumAlgorithm>> {
    let algorithms = table
        .setting("checksum", "A request must have a checksum of one of these algorithms.")
        .list("checksum algorithms")
        .limits("`crc32`, `crc32c`, `crc64nvme`, `md5`, `sha1`, `sha256`; in the bucket's `checksums` if it has them")
        .optional()?;
    let parse = |name: &str| {
        ChecksumAlgorithm::by_name(name).ok_or_else(|| {
            let known = ChecksumAlgorithm::ALL.map(ChecksumAlgorithm::name).join(", ");
            format!("has the unknown algorithm {name:?}; the algorithms are {known}")
        })
    };
    Some(values(parse_entries(table, "checksum", algorithms, NO_DEMAND, parse)))
}

fn read_storage_classes(table: &mut Table<'_>) -> Vec<StorageClass> {
    let classes = table
        .setting(
            "storage_classes",
            "The storage classes that a request can name. A request without one means `STANDARD`.",
        )
        .list("storage classes")
        .limits(
            "`STANDARD`, `STANDARD_IA`, `ONEZONE_IA`, `INTELLIGENT_TIERING`, `GLACIER_IR`, `GLACIER`, `DEEP_ARCHIVE`, \
             `REDUCED_REDUNDANCY`",
        )
        .absent("`STANDARD`")
        .optional();
    let parse = |name: &str| {
        StorageClass::by_name(name).ok_or_else(|| {
            let known = StorageClass::ALL.map(StorageClass::name).join(", ");
            format!("has the unknown storage class {name:?}; the storage classes are {known}")
        })
    };
    classes.map_or_else(
        || vec![StorageClass::Standard],
        |classes| values(parse_entries(table, "storage_classes", classes, NO_DEMAND, parse)),
    )
}

/// Reads a header that every object gets.
fn read_header<E: Display>(
    table: &mut Table<'_>,
    key: &'static str,
    meaning: &'static str,
    parse: impl Fn(&str) -> Result<HeaderText, E>,
) -> Option<HeaderText> {
    let absent = "what the request has, or the client adds";
    table.setting(key, meaning).parsed("header value", parse).absent(absent).optional().map(|header| header.value)
}

/// The tags of the tier, and the names of tags that callers can set.
fn read_tags(table: &mut Table<'_>) -> (ObjectTags, Vec<String>) {
    let own = table.table("tags");
    own.describe(
        "Tags that every object gets, such as `{ origin = \"uploads\" }`. At most 10, with `caller_tags`.",
        "none",
    );
    own.describe_free_keys("The value of the tag of this name.");
    let mut tags = ObjectTags::default();
    for (name, Located { value, location }) in own.string_pairs() {
        if let Err(error) = tags.insert(name, &value) {
            own.report(name, &location, error);
        }
    }
    let names = table
        .setting(
            "caller_tags",
            "The names of tags that a request can set. Policies of S3 can make access depend on tags.",
        )
        .list("names of tags")
        .limits("not those of `tags`; at most 10 with `tags`")
        .optional()
        .unwrap_or_default();
    if tags.len() + names.len() > MAX_TAGS {
        let rule = format!("must not make more than {MAX_TAGS} tags together with tags");
        table.report("caller_tags", &table.location_of("caller_tags"), rule);
    }
    for Located { value, location } in &names {
        if let Err(error) = ObjectTags::default().insert(value, "") {
            table.report("caller_tags", location, error);
        } else if tags.iter().any(|(name, _)| name == value) {
            table.report("caller_tags", location, format!("has {value:?}, which is in tags"));
        }
    }
    (tags, values(names))
}
