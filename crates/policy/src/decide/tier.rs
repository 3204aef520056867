//! Tiers: a part of a bucket and what it demands of each operation.

use std::sync::Arc;

use super::include::Include;
use super::obligations::{DownloadObligations, UploadObligations};
use super::operation::Operation;
use super::rule::Rule;
use super::tier_quota::TierQuota;
use crate::object::{EndpointName, ObjectKey};

/// A tier with its rules.
#[derive(Debug)]
pub(crate) struct Tier {
    pub(crate) name: Arc<str>,
    pub(crate) include: Option<Arc<Include>>,
    /// How often URLs are issued. `None`: the tier has no limit.
    pub(crate) quota: Option<Arc<TierQuota>>,
    /// The endpoints that its URLs can use, the preferred one first. `None`: every endpoint of the bucket.
    pub(crate) endpoints: Option<Vec<EndpointName>>,
    pub(crate) download: Option<DownloadObligations>,
    pub(crate) upload: Option<UploadObligations>,
    pub(crate) grants: Vec<Arc<Rule>>,
    pub(crate) denials: Vec<Arc<Rule>>,
}

impl Tier {
    pub(crate) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether the tier has the table of the operation.
    pub(crate) const fn offers(&self, operation: Operation) -> bool {
        match operation {
            Operation::Download => self.download.is_some(),
            Operation::Upload => self.upload.is_some(),
        }
    }

    /// Whether `include` matches what the key has after the tier's prefix of so many segments.
    pub(crate) fn includes(&self, key: &ObjectKey, prefix_segments: usize) -> bool {
        let Some(include) = &self.include else {
            return true;
        };
        let below = key.as_str().splitn(prefix_segments + 1, '/').last();
        below.is_some_and(|below| include.matches(below))
    }
}
