//! Tiers: a part of a bucket and what it demands of each operation.

use std::sync::Arc;

use super::include::Include;
use super::obligations::{DownloadObligations, UploadObligations};
use super::operation::Operation;
use super::rule::Rule;
use super::tier_quota::TierQuota;
use crate::object::{EndpointName, ObjectKey};

/// A tier with the rules that name it.
#[derive(Debug)]
pub(crate) struct Tier {
    pub(crate) name: Arc<str>,
    pub(crate) prefix_length: usize,
    pub(crate) include: Option<Include>,
    /// How often URLs may be issued. `None`: no limit of its own.
    pub(crate) quota: Option<Arc<TierQuota>>,
    /// The endpoints that its URLs may go by, the preferred one first. `None`: every one of the bucket.
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
}
