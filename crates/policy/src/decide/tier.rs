//! Tiers: a part of a bucket and what it demands of each operation.

use std::sync::Arc;

use super::endpoints;
use super::include::Include;
use super::obligations::{DownloadObligations, UploadObligations};
use super::prefix::TierPrefix;
use super::rule::{Operation, Rule};
use super::tier_quota::TierQuota;
use crate::file::PolicyContext;
use crate::file::{UploadPlace, read_quota};
use crate::object::{BucketName, EndpointName, ObjectKey};
use access_broker_base::document::{Located, Table};

/// A tier with the rules that name it.
#[derive(Debug)]
pub(crate) struct Tier {
    name: Arc<str>,
    prefix_length: usize,
    include: Option<Include>,
    /// How often URLs may be issued. `None`: no limit of its own.
    pub(crate) quota: Option<Arc<TierQuota>>,
    /// The endpoints that its URLs may go by, the preferred one first. `None`: every one of the bucket.
    pub(crate) endpoints: Option<Vec<EndpointName>>,
    pub(crate) download: Option<DownloadObligations>,
    pub(crate) upload: Option<UploadObligations>,
    pub(crate) grants: Vec<Arc<Rule>>,
    pub(crate) denials: Vec<Arc<Rule>>,
}

/// What a tier as read names beside itself.
#[derive(Debug)]
pub(crate) struct TierSpecification {
    pub(crate) tier: Tier,
    /// The tier's dotted path in the file.
    pub(crate) path: String,
    pub(crate) name: Located<String>,
    pub(crate) bucket: Located<BucketName>,
    pub(crate) prefix_text: Located<String>,
    pub(crate) prefix: TierPrefix,
    pub(crate) endpoints: Vec<Located<EndpointName>>,
}

impl Tier {
    pub(crate) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether the tier has an `operation` table at all.
    pub(crate) const fn offers(&self, operation: Operation) -> bool {
        match operation {
            Operation::Download => self.download.is_some(),
            Operation::Upload => self.upload.is_some(),
        }
    }

    /// Whether the key, which begins with the tier's prefix, passes the tier's filters.
    pub(crate) fn includes(&self, key: &ObjectKey) -> bool {
        let Some(include) = &self.include else {
            return true;
        };
        // The prefix's length in segments, because a template's length in bytes varies with the caller.
        let below = key.as_str().splitn(self.prefix_length + 1, '/').last();
        below.is_some_and(|below| include.matches(below))
    }

    /// Reads one `[[tier]]`.
    pub(crate) fn read(mut table: Table<'_>, context: &PolicyContext<'_>) -> Option<TierSpecification> {
        let name = table.required_string("name").filter(|name| {
            let fits = BucketName::parse(&name.value).is_ok();
            if !fits {
                table.report("name", &name.place, crate::object::BucketNameError);
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
        let include = Include::read(&mut table);
        let quota = read_quota(table.table("quota")).map(Arc::new);
        let endpoints = endpoints::read(&mut table);
        let download = DownloadObligations::read(table.table("download"));
        let upload = {
            let name = bucket.as_ref().map(|bucket| &bucket.value);
            let place = name.and_then(|name| UploadPlace::find(name, endpoints.as_deref(), context));
            UploadObligations::read(table.table("upload"), place.as_ref())
        };
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
            quota,
            endpoints: endpoints.as_ref().map(|names| names.iter().map(|name| name.value.clone()).collect()),
            download,
            upload,
            grants: Vec::new(),
            denials: Vec::new(),
        };
        Some(TierSpecification {
            tier,
            path,
            name,
            bucket,
            prefix_text,
            prefix,
            endpoints: endpoints.unwrap_or_default(),
        })
    }
}
