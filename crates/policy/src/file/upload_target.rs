//! Where a tier's uploads go, and what the tier must not promise there.

use super::context::PolicyContext;
use super::upload::UploadSettings;
use crate::object::{BucketName, BucketProfile, ChecksumAlgorithm, EndpointName};
use access_broker_base::document::{Located, Table, WarningCode};

/// The bucket of a tier, and the endpoints that its URLs can use.
pub(crate) struct UploadTarget<'c> {
    bucket: &'c BucketName,
    profile: &'c BucketProfile,
    endpoints: Vec<EndpointName>,
}

impl<'c> UploadTarget<'c> {
    /// `endpoints` are those that the tier lists. `None`: every endpoint of the bucket.
    pub(crate) fn find(
        bucket: &'c BucketName,
        endpoints: Option<&[Located<EndpointName>]>,
        context: &PolicyContext<'c>,
    ) -> Option<Self> {
        let profile = context.buckets.get(bucket)?;
        let endpoints = match endpoints {
            Some(names) => names.iter().map(|name| name.value.clone()).collect(),
            None => profile.endpoints.iter().cloned().collect(),
        };
        Some(Self { bucket, profile, endpoints })
    }

    /// The checksums that the bucket's server is known to compare with the content.
    pub(crate) fn checked_by_server(&self) -> Vec<ChecksumAlgorithm> {
        ChecksumAlgorithm::ALL.into_iter().filter(|algorithm| self.profile.is_known_to_check(*algorithm)).collect()
    }

    /// Reports the settings of an `upload` table, of a tier or of defaults, that the server does not keep.
    pub(crate) fn report_settings(&self, table: &Table<'_>, settings: &UploadSettings) {
        let Self { bucket, profile, .. } = self;
        let report = |key: &str, rule: String| table.report(key, &table.location_of(key), rule);
        if profile.ignores_conditions() && settings.overwrite == Some(false) {
            report("overwrite", self.always_overwrites());
        }
        let if_match = settings.if_match == Some(true);
        if if_match && profile.ignores_conditions() {
            report("if_match", format!("must not be true: conditional_writes is false for bucket \"{bucket}\""));
        } else if if_match && !profile.supports_if_match() {
            report(
                "if_match",
                format!(
                    "must not be true: the upload_credentials of bucket \"{bucket}\" may be unable to read, and outside \
                     AWS a condition on the object's ETag requires read access; remove if_match, or use a bucket without \
                     upload_credentials"
                ),
            );
        }
        let checksums = settings.checksums.iter().flatten();
        for algorithm in checksums.filter(|algorithm| profile.is_known_to_ignore(**algorithm)) {
            let rule = format!("has \"{algorithm}\", which is not one of the checksums of bucket \"{bucket}\"");
            let known = profile.checksums.iter().flatten().map(|known| known.name()).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "none" } else { &known };
            report("checksum", format!("{rule}: its server compares {known}"));
        }
    }

    /// Reports what a tier's `upload` table relies on without a setting, and the server does not do. Warns about what the
    /// server may not do. The settings are those of the tier or of the defaults.
    pub(crate) fn report(&self, table: &Table<'_>, overwrite: Option<bool>, checksums: Option<&[ChecksumAlgorithm]>) {
        let Self { bucket, profile, endpoints } = self;
        if let Some(endpoint) = profile.endpoint_open_to_unsigned_headers(endpoints) {
            table.report_here(format!(
                "is not safe: the server at endpoint \"{endpoint}\" of bucket \"{bucket}\" may accept unsigned x-amz-* \
                 headers, by which the holder of an upload URL reads other objects; set the bucket's upload_credentials to \
                 credentials that cannot read, or its unsigned_headers to \"refused\" if you have tested that the server \
                 refuses them, or to \"accepted\" to accept the risk (docs/SERVERS.md)"
            ));
        }
        if profile.ignores_conditions() && overwrite.is_none() {
            table.report("overwrite", &table.location_of("overwrite"), self.always_overwrites());
        }
        self.warn(table, overwrite == Some(true), checksums.unwrap_or_default());
    }

    fn always_overwrites(&self) -> String {
        let rule = "must be true, because the server always overwrites: conditional_writes is false for";
        format!("{rule} bucket \"{}\"", self.bucket)
    }

    /// Warns about what a server other than AWS may not do, if the configuration does not say that it does.
    fn warn(&self, table: &Table<'_>, overwrite: bool, checksums: &[ChecksumAlgorithm]) {
        let Self { bucket, profile, endpoints } = self;
        if !profile.other_servers.iter().any(|endpoint| endpoints.contains(endpoint)) {
            return;
        }
        let warn = |what: &str, setting: &str| {
            let message = format!(
                "relies on {what} by the server of bucket \"{bucket}\", but the configuration does not say whether the \
                 server does this; test it (docs/SERVERS.md), and set the bucket's {setting}"
            );
            table.warn_here(WarningCode::ServerNotDescribed, message);
        };
        if profile.conditional_writes.is_none() && !overwrite {
            warn("the check of If-None-Match", "conditional_writes");
        }
        if profile.checksums.is_none() && !checksums.is_empty() {
            warn("the check of checksums", "checksums");
        }
    }
}
