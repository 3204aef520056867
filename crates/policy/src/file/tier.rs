//! Reads tiers.

use std::collections::HashMap;
use std::sync::Arc;

use super::context::PolicyContext;
use super::defaults::BucketDefaults;
use super::include::{self, WrittenInclude};
use super::upload_target::UploadTarget;
use super::{download, endpoints, quota, templates, upload};
use crate::decide::{TemplateLength, Tier, TierPrefix, TierPrefixError};
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
    /// Those of the tier itself.
    pub(super) endpoints: Vec<Located<EndpointName>>,
    /// Its own `include`, or that of the defaults.
    pub(super) include: Option<WrittenInclude>,
    /// The dotted path of the defaults that `include` is from.
    pub(super) include_from: Option<String>,
    /// The tier whose rules also apply in this one.
    pub(super) inherit: Option<Located<String>>,
}

/// The rule that a template with `:*` breaks without `prefix_free`.
const ANY_LENGTH_IS_NOT_SAFE: &str = "has a template with :*, which requires prefix_free = true: the issuer must \
    guarantee that no value of the claim is the beginning of another one at a \"/\", because the caller with \"a\" gets \
    the keys of the caller with \"a/b\"";

/// The rule that a `bucket` breaks.
pub(super) fn undefined_bucket(bucket: &BucketName) -> String {
    format!("refers to undefined bucket \"{bucket}\"")
}

/// Reads one `[[tier]]`, with the defaults of each bucket.
pub(super) fn read(
    mut table: Table<'_>,
    context: &PolicyContext<'_>,
    defaults: &HashMap<BucketName, BucketDefaults>,
) -> Option<TierSpecification> {
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
             stand for [segments](#claims-in-prefixes) from the caller's token.",
        )
        .parsed("prefix", |text| Ok::<_, TierPrefixError>((text.to_owned(), TierPrefix::parse(text)?)))
        .limits("at most 32 segments and 1,024 bytes")
        .required_because("is required; \"\" means the whole bucket");
    if let (Some(prefix), Some(raw)) = (&prefix, table.raw_string("prefix"))
        && let Some(rule) = templates::broken_rule(raw, &prefix.value.0)
    {
        table.report("prefix", &prefix.location, rule);
    }
    let prefix_free = table
        .setting(
            "prefix_free",
            "The issuer guarantees that no value of a claim with `:*` in `prefix` is the beginning of another one. See \
             [any number of segments](#any-number-of-segments).",
        )
        .flag()
        .limits("`true` requires `:*` in `prefix`")
        .or(false);
    if let Some(prefix) = &prefix {
        let takes_any = prefix.value.1.templates().any(|template| template.length() == TemplateLength::OfValue);
        match (takes_any, prefix_free) {
            (true, false) => table.report("prefix", &prefix.location, ANY_LENGTH_IS_NOT_SAFE),
            (false, true) => {
                let rule = "must be left out, because the prefix has no template with :*";
                table.report("prefix_free", &table.location_of("prefix_free"), rule);
            }
            (true, true) | (false, false) => {}
        }
    }
    let defaults = bucket.as_ref().and_then(|bucket| defaults.get(&bucket.value));
    let own_include = include::read(&mut table);
    let default_include = || defaults?.include.clone();
    let include_from = defaults.filter(|_| own_include.is_none()).map(|defaults| defaults.path.clone());
    let include = own_include.or_else(default_include);
    let inherit = table
        .setting(
            "inherit",
            "The name of a tier whose rules also apply in this tier: its grants, and with them its denials. See \
             [inherited rules](#inherited-rules).",
        )
        .parsed("name of a tier", |text| BucketName::parse(text).map(|_| text.to_owned()))
        .limits("a tier of the bucket whose prefix is the beginning of `prefix`")
        .optional();
    let quota = quota::read(table.table("quota"), defaults.map(|defaults| &defaults.quota)).map(Arc::new);
    let own_endpoints = endpoints::read_of_tiers(&mut table);
    let endpoints = own_endpoints.as_ref().or_else(|| defaults?.endpoints.as_ref());
    let download = download::read(table.table("download"), defaults.map(BucketDefaults::download));
    let listed = endpoints.map(Vec::as_slice);
    let target = bucket.as_ref().and_then(|name| UploadTarget::find(&name.value, listed, context));
    let upload = upload::read(table.table("upload"), target.as_ref(), defaults.map(BucketDefaults::upload));
    if download.is_none() && upload.is_none() {
        table.report_here("must have a download or an upload table");
    }
    let path = table.path().to_owned();
    table.finish();
    let (name, bucket, prefix) = (name?, bucket?, prefix?);
    let (prefix_text, location, prefix) = (prefix.value.0, prefix.location, prefix.value.1);
    let tier = Tier {
        name: name.value.as_str().into(),
        include: include.as_ref().map(|written| Arc::clone(&written.include)),
        quota,
        endpoints: endpoints::names(endpoints),
        download,
        upload,
        grants: Vec::new(),
        denials: Vec::new(),
    };
    let prefix_text = Located { value: prefix_text, location };
    let endpoints = own_endpoints.unwrap_or_default();
    Some(TierSpecification { tier, path, name, bucket, prefix_text, prefix, endpoints, include, include_from, inherit })
}
