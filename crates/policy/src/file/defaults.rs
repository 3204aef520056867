//! Reads `[[defaults]]`: settings for the tiers of a bucket.

use std::collections::HashMap;

use super::context::PolicyContext;
use super::download::{self, DownloadSettings};
use super::include::{self, WrittenInclude};
use super::layers::Defaults;
use super::quota::{self, QuotaSettings};
use super::upload::{self, UploadSettings};
use super::upload_target::UploadTarget;
use super::{endpoints, tier};
use crate::object::{BucketName, EndpointName};
use access_broker_base::document::{Document, Located, Table};

/// The settings for the tiers of one bucket.
#[derive(Debug)]
pub(super) struct BucketDefaults {
    /// The dotted path in the file.
    pub(super) path: String,
    pub(super) include: Option<WrittenInclude>,
    pub(super) endpoints: Option<Vec<Located<EndpointName>>>,
    pub(super) quota: QuotaSettings,
    pub(super) download: DownloadSettings,
    pub(super) upload: UploadSettings,
}

impl BucketDefaults {
    pub(super) fn download(&self) -> Defaults<'_, DownloadSettings> {
        Defaults { settings: &self.download, path: &self.path }
    }

    pub(super) fn upload(&self) -> Defaults<'_, UploadSettings> {
        Defaults { settings: &self.upload, path: &self.path }
    }
}

/// Reads every `[[defaults]]`, by bucket.
pub(super) fn read_all(
    document: &Document<'_>,
    tables: Vec<Table<'_>>,
    context: &PolicyContext<'_>,
) -> HashMap<BucketName, BucketDefaults> {
    let mut by_bucket = HashMap::new();
    for table in tables {
        let Some((bucket, defaults)) = read(table, context) else { continue };
        let setting = format!("{}.bucket", defaults.path);
        match context.buckets.get(&bucket.value) {
            Some(known) => {
                let listed = defaults.endpoints.as_deref().unwrap_or_default();
                endpoints::report_unknown(document, &defaults.path, listed, &bucket.value, &known.endpoints);
            }
            None => {
                document.report(&bucket.location, setting.clone(), tier::undefined_bucket(&bucket.value));
            }
        }
        if by_bucket.insert(bucket.value, defaults).is_some() {
            document.report(&bucket.location, setting, "repeats the bucket of another [[defaults]]");
        }
    }
    by_bucket
}

fn read(mut table: Table<'_>, context: &PolicyContext<'_>) -> Option<(Located<BucketName>, BucketDefaults)> {
    table.describe(
        "Settings for the tiers of a bucket that do not have them. They permit nothing: a tier without a `download` or \
         `upload` table still has no downloads or uploads.",
        "none",
    );
    let bucket = table
        .setting("bucket", "The `name` of a `[[bucket]]` of the configuration. Each bucket has at most one.")
        .parsed("name of a bucket", BucketName::parse)
        .required();
    let include = include::read(&mut table);
    let quota = quota::read_defaults(table.table("quota"));
    let endpoints = endpoints::read_of_tiers(&mut table);
    let download = download::read_defaults(table.table("download"));
    let target = bucket.as_ref().and_then(|name| UploadTarget::find(&name.value, endpoints.as_deref(), context));
    let upload = upload::read_defaults(table.table("upload"), target.as_ref());
    let path = table.path().to_owned();
    table.finish();
    Some((bucket?, BucketDefaults { path, include, endpoints, quota, download, upload }))
}
