//! Reads tiers.

use std::sync::Arc;

use super::context::PolicyContext;
use super::upload_target::UploadTarget;
use super::{download, endpoints, include, quota, templates, upload};
use crate::decide::{Tier, TierPrefix, TierPrefixError};
use crate::object::{BucketName, EndpointName};
use access_broker_base::document::{Located, Table};

/// A tier, and what the rules between tiers are checked with.
#[derive(Debug)]
pub(super) struct TierSpecification {
    pub(super) tier: Tier,
    /// The tier's dotted path in the file.
    pub(super) path: String,
    pub(super) name: Located<BucketName>,
    pub(super) bucket: Located<BucketName>,
    pub(super) prefix_text: Located<String>,
    pub(super) prefix: TierPrefix,
    pub(super) endpoints: Vec<Located<EndpointName>>,
}

/// Reads one `[[tier]]`.
pub(super) fn read(mut table: Table<'_>, context: &PolicyContext<'_>) -> Option<TierSpecification> {
    table.describe("A part of a bucket: its prefix, and what it demands of downloads and uploads.", "required");
    let name = table
        .setting("name", "The name of the tier in rules, answers and logs.")
        .parsed("string", BucketName::parse)
        .limits("1 to 63 of `a-z`, `0-9`, `-` and `_`; a letter or digit first")
        .required();
    let bucket = table
        .setting("bucket", "The `name` of a `[[bucket]]` of the configuration.")
        .parsed("name of a bucket", BucketName::parse)
        .required();
    let prefix = table
        .setting(
            "prefix",
            "The beginning of the tier's keys. It ends with `/`; `\"\"` is the whole bucket. `{sub}` and `{claims.NAME}` \
             stand for a segment from the caller's token.",
        )
        .parsed("prefix", |text| Ok::<_, TierPrefixError>((text.to_owned(), TierPrefix::parse(text)?)))
        .limits("at most 32 segments and 1,024 bytes")
        .required_because("is required; \"\" means the whole bucket");
    if let (Some(prefix), Some(raw)) = (&prefix, table.raw_string("prefix"))
        && let Some(rule) = templates::broken_rule(raw, &prefix.value.0)
    {
        table.report("prefix", &prefix.location, rule);
    }
    let include = include::read(&mut table);
    let quota = quota::read(table.table("quota")).map(Arc::new);
    let endpoints = endpoints::read(
        &mut table,
        "The bucket's endpoints that URLs can use. The first is used if neither the request nor the grant has one.",
        "every endpoint of the bucket, the default one first",
    );
    let download = download::read(table.table("download"));
    let target = bucket.as_ref().and_then(|name| UploadTarget::find(&name.value, endpoints.as_deref(), context));
    let upload = upload::read(table.table("upload"), target.as_ref());
    if download.is_none() && upload.is_none() {
        table.report_here("must have a download or an upload table");
    }
    let path = table.path().to_owned();
    table.finish();
    let (name, bucket, prefix) = (name?, bucket?, prefix?);
    let (prefix_text, location, prefix) = (prefix.value.0, prefix.location, prefix.value.1);
    let tier = Tier {
        name: name.value.as_str().into(),
        prefix_length: prefix.segments().len(),
        include,
        quota,
        endpoints: endpoints::names(endpoints.as_ref()),
        download,
        upload,
        grants: Vec::new(),
        denials: Vec::new(),
    };
    let prefix_text = Located { value: prefix_text, location };
    Some(TierSpecification { tier, path, name, bucket, prefix_text, prefix, endpoints: endpoints.unwrap_or_default() })
}
