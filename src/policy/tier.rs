//! Tiers: a part of a bucket and what it demands of each operation.

use std::sync::Arc;
use std::time::Duration;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::checksum::ChecksumAlgorithm;
use super::content_type::ContentTypePattern;
use super::object_key::{BucketName, ObjectKey};
use super::prefix::TierPrefix;
use super::rule::{Operation, Rule};
use crate::document::{Located, Table};

/// The longest life of a URL, in seconds: the limit of SigV4 query signatures
/// ([AWS](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html), `X-Amz-Expires`).
const SIGV4_MAX_TTL: Duration = Duration::from_hours(7 * 24);

/// The life of a URL where neither request nor tier says more: long enough for a person to paste it.
const DEFAULT_TTL: Duration = Duration::from_mins(15);

/// The largest TTL of a tier that names none.
const DEFAULT_MAX_TTL: Duration = Duration::from_hours(1);

/// The largest object that one PUT can write, in bytes (5 GiB;
/// [AWS](https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html)).
pub(super) const MAX_SINGLE_PUT_BYTES: u64 = 5 * 1_024 * 1_024 * 1_024;

/// A tier with the rules that name it.
#[derive(Debug)]
pub(super) struct Tier {
    name: Arc<str>,
    prefix_length: usize,
    include: Option<GlobSet>,
    pub(super) download: Option<DownloadObligations>,
    pub(super) upload: Option<UploadObligations>,
    pub(super) grants: Vec<Arc<Rule>>,
    pub(super) denials: Vec<Arc<Rule>>,
}

/// What a tier as read names beside itself.
#[derive(Debug)]
pub(super) struct TierSpecification {
    pub(super) tier: Tier,
    /// The tier's dotted path in the file.
    pub(super) path: String,
    pub(super) name: Located<String>,
    pub(super) bucket: Located<BucketName>,
    pub(super) prefix_text: Located<String>,
    pub(super) prefix: TierPrefix,
}

/// How long URLs may work.
#[derive(Debug, Clone, Copy)]
pub(super) struct LifetimeObligations {
    pub(super) max_ttl: Duration,
    pub(super) default_ttl: Duration,
    pub(super) end_with_token: bool,
}

/// What a tier demands of downloads.
#[derive(Debug)]
pub(super) struct DownloadObligations {
    pub(super) lifetime: LifetimeObligations,
}

/// What a tier demands of uploads.
#[derive(Debug)]
pub(super) struct UploadObligations {
    pub(super) lifetime: LifetimeObligations,
    pub(super) max_size: Option<u64>,
    pub(super) content_types: Option<Vec<ContentTypePattern>>,
    pub(super) checksums: Option<Vec<ChecksumAlgorithm>>,
    pub(super) overwrite: bool,
}

impl Tier {
    pub(super) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether the tier has an `operation` table at all.
    pub(super) const fn offers(&self, operation: Operation) -> bool {
        match operation {
            Operation::Download => self.download.is_some(),
            Operation::Upload => self.upload.is_some(),
        }
    }

    /// Whether the key, which begins with the tier's prefix, passes the tier's filters.
    pub(super) fn includes(&self, key: &ObjectKey) -> bool {
        let Some(include) = &self.include else {
            return true;
        };
        // The prefix's length in segments, because a template's length in bytes varies with the caller.
        let below = key.as_str().splitn(self.prefix_length + 1, '/').last();
        below.is_some_and(|below| include.is_match(below))
    }

    /// Reads one `[[tier]]`.
    pub(super) fn read(mut table: Table<'_>) -> Option<TierSpecification> {
        let name = table.required_string("name").filter(|name| {
            let fits = BucketName::parse(&name.value).is_ok();
            if !fits {
                table.report("name", &name.place, super::BucketNameError);
            }
            fits
        });
        let bucket = table.required_string("bucket").and_then(|Located { value, place }| {
            let parsed = BucketName::parse(&value).map_err(|error| table.report("bucket", &place, error));
            Some(Located { value: parsed.ok()?, place })
        });
        let prefix_text = table.string("prefix");
        if prefix_text.is_none() {
            table.report("prefix", &table.place_of("prefix"), "is required; \"\" means the whole bucket");
        }
        let prefix = prefix_text.as_ref().and_then(|Located { value, place }| {
            TierPrefix::parse(value).map_err(|error| table.report("prefix", place, error)).ok()
        });
        let include = read_include(&mut table);
        let download = read_download(table.table("download"));
        let upload = read_upload(table.table("upload"));
        if download.is_none() && upload.is_none() {
            table.report_here("must offer an operation: a download or an upload table");
        }
        let path = table.path().to_owned();
        table.finish();
        let (name, bucket, prefix_text, prefix) = (name?, bucket?, prefix_text?, prefix?);
        let tier = Self {
            name: name.value.as_str().into(),
            prefix_length: prefix.segments().len(),
            include,
            download,
            upload,
            grants: Vec::new(),
            denials: Vec::new(),
        };
        Some(TierSpecification { tier, path, name, bucket, prefix_text, prefix })
    }
}

fn read_include(table: &mut Table<'_>) -> Option<GlobSet> {
    let patterns = table.strings("include")?;
    if patterns.is_empty() {
        table.report(
            "include",
            &table.place_of("include"),
            "must not be an empty list; leave it out to include every key",
        );
    }
    let mut set = GlobSetBuilder::new();
    for Located { value, place } in &patterns {
        // `*` stays within a segment; `**` crosses them.
        match GlobBuilder::new(value).literal_separator(true).build() {
            Ok(glob) => {
                set.add(glob);
            }
            Err(error) => table.report("include", place, format!("holds a glob that is not one: {}", error.kind())),
        }
    }
    set.build()
        .map_err(|error| table.report("include", &table.place_of("include"), format!("is too large: {}", error.kind())))
        .ok()
}

fn read_download(mut table: Table<'_>) -> Option<DownloadObligations> {
    if !table.is_present() {
        return None;
    }
    let lifetime = LifetimeObligations::read(&mut table);
    table.finish();
    Some(DownloadObligations { lifetime })
}

fn read_upload(mut table: Table<'_>) -> Option<UploadObligations> {
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
    let by_name = |name: &str| ChecksumAlgorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name);
    let checksums = read_list(&mut table, "checksum", by_name, |value| {
        let known = ChecksumAlgorithm::ALL.map(ChecksumAlgorithm::name).join(", ");
        format!("holds {value:?}; the algorithms are {known}")
    });
    // Left out means the safe choice: an upload never replaces what is there.
    let overwrite = table.boolean("overwrite").is_some_and(|overwrite| overwrite.value);
    table.finish();
    Some(UploadObligations { lifetime, max_size, content_types, checksums, overwrite })
}

fn read_list<T>(
    table: &mut Table<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    rule: impl Fn(&str) -> String,
) -> Option<Vec<T>> {
    let values = table.strings(key)?;
    if values.is_empty() {
        table.report(key, &table.place_of(key), "must not be an empty list; leave it out to demand nothing");
    }
    let mut parsed = Vec::new();
    for Located { value, place } in values {
        match parse(&value) {
            Some(item) => parsed.push(item),
            None => table.report(key, &place, rule(&value)),
        }
    }
    Some(parsed)
}

impl LifetimeObligations {
    fn read(table: &mut Table<'_>) -> Self {
        let max_ttl = table.duration("max_ttl");
        let default_ttl = table.duration("default_ttl");
        for (key, ttl) in [("max_ttl", &max_ttl), ("default_ttl", &default_ttl)] {
            if let Some(Located { value, place }) = ttl
                && !(Duration::from_secs(1)..=SIGV4_MAX_TTL).contains(value)
            {
                table.report(key, place, "must be between 1s and 7days, the limit of SigV4 signatures");
            }
        }
        let max = max_ttl.map_or(DEFAULT_MAX_TTL, |ttl| ttl.value);
        if let Some(Located { value, place }) = &default_ttl
            && *value > max
        {
            table.report(
                "default_ttl",
                place,
                format!("must not be longer than max_ttl ({})", humantime::format_duration(max)),
            );
        }
        Self {
            max_ttl: max,
            default_ttl: default_ttl.map_or(DEFAULT_TTL.min(max), |ttl| ttl.value),
            end_with_token: table.boolean("end_with_token").is_some_and(|flag| flag.value),
        }
    }
}
