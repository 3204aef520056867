//! Reads what a tier demands of uploads.

use std::fmt::Display;
use std::sync::Arc;

use super::encryption;
use super::layers::{Contradictions, Defaults, Layered, Origin, layered};
use super::lifetime::{self, LifetimeSettings};
use super::lists::{NO_DEMAND, parse_entries, values};
use super::upload_target::UploadTarget;
use crate::decide::{ImposedOnUploads, MAX_SINGLE_PUT_BYTES, UploadObligations};
use crate::object::{
    ChecksumAlgorithm, ContentTypePattern, Encryption, HeaderText, MAX_TAGS, ObjectTags, StorageClass,
    parse_content_encoding,
};
use access_broker_base::document::{Located, Location, Table};

/// The settings of an `upload` table, as far as it has them. `tags` and `encryption` are one setting each.
#[derive(Debug, Clone, Default)]
pub(super) struct UploadSettings {
    lifetime: LifetimeSettings,
    pub(super) overwrite: Option<bool>,
    pub(super) if_match: Option<bool>,
    tags: Option<ObjectTags>,
    caller_tags: Option<Vec<Located<String>>>,
    max_size: Option<u64>,
    content_types: Option<Vec<ContentTypePattern>>,
    pub(super) checksums: Option<Vec<ChecksumAlgorithm>>,
    storage_classes: Option<Vec<StorageClass>>,
    encryption: Option<Arc<Encryption>>,
    cache_control: Option<HeaderText>,
    content_disposition: Option<HeaderText>,
    content_encoding: Option<HeaderText>,
    record_decision: Option<bool>,
}

/// Reads the `upload` table, if the tier has one. Defaults alone offer no uploads.
pub(super) fn read(
    mut table: Table<'_>,
    target: Option<&UploadTarget<'_>>,
    defaults: Option<Defaults<'_, UploadSettings>>,
) -> Option<UploadObligations> {
    if !table.is_present() {
        return None;
    }
    table.describe("What the tier demands of uploads. `{}` takes every default.", "no uploads");
    let settings = read_settings(&mut table);
    let checked_by_server = target.map(UploadTarget::checked_by_server).unwrap_or_default();
    let contradictions = Contradictions::of_tier(&table, defaults);
    let obligations = settings.resolve(defaults, checked_by_server, contradictions);
    if let Some(target) = target {
        target.report_settings(&table, &settings);
        let default = defaults.and_then(|defaults| defaults.settings.overwrite);
        target.report(&table, settings.overwrite.or(default), obligations.imposed.checksums.as_deref());
    }
    table.finish();
    Some(obligations)
}

/// Reads the `upload` table of defaults.
pub(super) fn read_defaults(mut table: Table<'_>, target: Option<&UploadTarget<'_>>) -> UploadSettings {
    if !table.is_present() {
        return UploadSettings::default();
    }
    table.describe("Settings for `upload` tables of tiers that do not have them. It permits no uploads.", "none");
    let settings = read_settings(&mut table);
    settings.resolve(None, Vec::new(), Contradictions::of_defaults(&table));
    if let Some(target) = target {
        target.report_settings(&table, &settings);
    }
    table.finish();
    settings
}

fn read_settings(table: &mut Table<'_>) -> UploadSettings {
    let lifetime = lifetime::read(table);
    let (overwrite, if_match) = read_conditions(table);
    let (tags, caller_tags) = read_tags(table);
    UploadSettings {
        lifetime,
        overwrite,
        if_match,
        tags,
        caller_tags,
        max_size: read_max_size(table),
        content_types: read_content_types(table),
        checksums: read_checksums(table),
        storage_classes: read_storage_classes(table),
        encryption: encryption::read(table.table("encryption")).map(Arc::new),
        cache_control: read_header(
            table,
            "cache_control",
            "The `Cache-Control` of every object. A request must not name another.",
            HeaderText::parse,
        ),
        content_disposition: read_header(
            table,
            "content_disposition",
            "The `Content-Disposition` of every object. A request must not name another.",
            HeaderText::parse,
        ),
        content_encoding: read_header(
            table,
            "content_encoding",
            "The `Content-Encoding` of every object. It cannot be `aws-chunked`. A request must not name another.",
            parse_content_encoding,
        ),
        record_decision: read_flag(
            table,
            "record_decision",
            "The object keeps the ID of its decision as metadata `access-broker-decision`, so that `VerifyUpload` can \
             compare it.",
        ),
    }
}

impl UploadSettings {
    /// What a tier with these settings demands. Reports what contradicts.
    fn resolve(
        &self,
        defaults: Option<Defaults<'_, Self>>,
        checked_by_server: Vec<ChecksumAlgorithm>,
        contradictions: Contradictions<'_, '_>,
    ) -> UploadObligations {
        let default = defaults.map(|defaults| defaults.settings);
        let lifetime = self.lifetime.resolve(default.map(|default| &default.lifetime), contradictions);
        // The safe default: an upload never replaces an object.
        let overwrite = layered(self.overwrite.as_ref(), default.and_then(|default| default.overwrite.as_ref()));
        let overwrite = overwrite.unwrap_or(Layered::program(false));
        let if_match = layered(self.if_match.as_ref(), default.and_then(|default| default.if_match.as_ref()));
        if let Some(Layered { value: true, origin }) = if_match
            && !overwrite.value
        {
            let location = contradictions.table.location_of("if_match");
            let (if_match, overwrite) = (("if_match", origin), ("overwrite", overwrite.origin));
            contradictions.report(if_match, overwrite, &location, "requires overwrite = true");
        }
        let tags = layered(self.tags.as_ref(), default.and_then(|default| default.tags.as_ref()));
        let tags = tags.unwrap_or(Layered::program(ObjectTags::default()));
        let caller_tags = layered(self.caller_tags.as_ref(), default.and_then(|default| default.caller_tags.as_ref()));
        let caller_tags = caller_tags.unwrap_or(Layered::program(Vec::new()));
        report_tags(&tags, &caller_tags, contradictions);
        let storage_classes = own_or(self, default, |settings| &settings.storage_classes);
        let imposed = ImposedOnUploads {
            max_size: own_or(self, default, |settings| &settings.max_size),
            content_types: own_or(self, default, |settings| &settings.content_types),
            checksums: own_or(self, default, |settings| &settings.checksums),
            storage_classes: storage_classes.unwrap_or_else(|| vec![StorageClass::Standard]),
            tags: tags.value,
            encryption: own_or(self, default, |settings| &settings.encryption),
            cache_control: own_or(self, default, |settings| &settings.cache_control),
            content_disposition: own_or(self, default, |settings| &settings.content_disposition),
            content_encoding: own_or(self, default, |settings| &settings.content_encoding),
            record_decision: own_or(self, default, |settings| &settings.record_decision).unwrap_or(false),
            checked_by_server,
        };
        UploadObligations {
            lifetime: lifetime.obligations,
            imposed: Arc::new(imposed),
            overwrite: overwrite.value,
            if_match: if_match.is_none_or(|if_match| if_match.value),
            caller_tags: values(caller_tags.value),
        }
    }
}

/// The table's own setting, or else the default.
fn own_or<T: Clone>(
    own: &UploadSettings,
    default: Option<&UploadSettings>,
    setting: impl Fn(&UploadSettings) -> &Option<T>,
) -> Option<T> {
    setting(own).as_ref().or_else(|| setting(default?).as_ref()).cloned()
}

/// `overwrite` and `if_match`.
fn read_conditions(table: &mut Table<'_>) -> (Option<bool>, Option<bool>) {
    let overwrite = read_flag(table, "overwrite", "An upload can replace an object.");
    let if_match = table
        .setting("if_match", "Requests can have `if_match`: the upload replaces the object only if it has this ETag.")
        .flag()
        .limits("`true` requires `overwrite = true`")
        .absent("yes, if the bucket supports it")
        .optional();
    (overwrite, if_match.map(|flag| flag.value))
}

/// A flag that is `false` without the setting.
fn read_flag(table: &mut Table<'_>, key: &'static str, meaning: &'static str) -> Option<bool> {
    let is_there = table.holds(key);
    let flag = table.setting(key, meaning).flag().or(false);
    is_there.then_some(flag)
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

fn read_storage_classes(table: &mut Table<'_>) -> Option<Vec<StorageClass>> {
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
        .optional()?;
    let parse = |name: &str| {
        StorageClass::by_name(name).ok_or_else(|| {
            let known = StorageClass::ALL.map(StorageClass::name).join(", ");
            format!("has the unknown storage class {name:?}; the storage classes are {known}")
        })
    };
    Some(values(parse_entries(table, "storage_classes", classes, NO_DEMAND, parse)))
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

/// The tags that every object gets, and the names of tags that callers can set.
fn read_tags(table: &mut Table<'_>) -> (Option<ObjectTags>, Option<Vec<Located<String>>>) {
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
        .optional();
    for Located { value, location } in names.iter().flatten() {
        if let Err(error) = ObjectTags::default().insert(value, "") {
            table.report("caller_tags", location, error);
        }
    }
    (own.is_present().then_some(tags), names)
}

fn report_tags(
    tags: &Layered<ObjectTags>,
    names: &Layered<Vec<Located<String>>>,
    contradictions: Contradictions<'_, '_>,
) {
    // Without `tags`, the names break a rule alone.
    let tags_origin = if tags.origin == Origin::Program { names.origin } else { tags.origin };
    let report = |location: &Location, rule: String| {
        contradictions.report(("caller_tags", names.origin), ("tags", tags_origin), location, rule);
    };
    if tags.value.len() + names.value.len() > MAX_TAGS {
        let location = contradictions.table.location_of("caller_tags");
        report(&location, format!("must not make more than {MAX_TAGS} tags together with tags"));
    }
    for Located { value, location } in &names.value {
        if tags.value.iter().any(|(name, _)| name == value) {
            report(location, format!("has {value:?}, which is in tags"));
        }
    }
}
