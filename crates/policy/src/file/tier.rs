//! Reads tiers.

use std::sync::Arc;

use super::context::PolicyContext;
use super::upload_place::UploadPlace;
use super::{download, endpoints, include, quota, upload};
use crate::decide::{Tier, TierPrefix};
use crate::object::{BucketName, BucketNameError, EndpointName};
use access_broker_base::document::{Located, Table};

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
    pub(super) endpoints: Vec<Located<EndpointName>>,
}

/// Reads one `[[tier]]`.
pub(super) fn read(mut table: Table<'_>, context: &PolicyContext<'_>) -> Option<TierSpecification> {
    let name = table.required_string("name").filter(|name| {
        let fits = BucketName::parse(&name.value).is_ok();
        if !fits {
            table.report("name", &name.location, BucketNameError);
        }
        fits
    });
    let bucket = table.required_string("bucket").and_then(|Located { value, location }| {
        let parsed = BucketName::parse(&value).map_err(|error| table.report("bucket", &location, error));
        Some(Located { value: parsed.ok()?, location })
    });
    let prefix_text = table.string("prefix");
    if prefix_text.is_none() {
        table.report("prefix", &table.location_of("prefix"), "is required; \"\" means the whole bucket");
    }
    let prefix = prefix_text.as_ref().and_then(|Located { value, location }| {
        TierPrefix::parse(value).map_err(|error| table.report("prefix", location, error)).ok()
    });
    let include = include::read(&mut table);
    let quota = quota::read(table.table("quota")).map(Arc::new);
    let endpoints = endpoints::read(&mut table);
    let download = download::read(table.table("download"));
    let upload = {
        let name = bucket.as_ref().map(|bucket| &bucket.value);
        let location = name.and_then(|name| UploadPlace::find(name, endpoints.as_deref(), context));
        upload::read(table.table("upload"), location.as_ref())
    };
    if download.is_none() && upload.is_none() {
        table.report_here("must offer an operation: a download or an upload table");
    }
    let path = table.path().to_owned();
    table.finish();
    let (name, bucket, prefix_text, prefix) = (name?, bucket?, prefix_text?, prefix?);
    let tier = Tier {
        name: name.value.as_str().into(),
        prefix_length: prefix.segments().len(),
        include,
        quota,
        endpoints: endpoints.as_ref().map(|names| names.iter().map(|name| name.value.clone()).collect()),
        download,
        upload,
        grants: Vec::new(),
        denials: Vec::new(),
    };
    Some(TierSpecification { tier, path, name, bucket, prefix_text, prefix, endpoints: endpoints.unwrap_or_default() })
}
