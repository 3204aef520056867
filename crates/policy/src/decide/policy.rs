//! A compiled policy.

use std::collections::HashMap;
use std::sync::Arc;

use super::members::MembersOutline;
use super::operation::Operation;
use super::policy_hash::PolicyHash;
use super::tier_tree::TierTree;
use crate::object::{BucketName, BucketProfile};

/// A compiled policy. It decides about requests: see [`decide_download`](Self::decide_download) and
/// [`decide_upload`](Self::decide_upload).
#[derive(Debug)]
pub struct Policy {
    pub(crate) buckets: HashMap<BucketName, BucketTiers>,
    pub(crate) outline: Vec<TierOutline>,
    pub(crate) hash: PolicyHash,
    pub(crate) members: Option<MembersOutline>,
}

#[derive(Debug, Default)]
pub(crate) struct BucketTiers {
    pub(crate) tree: TierTree,
    /// What the configuration says about the bucket.
    pub(crate) profile: BucketProfile,
}

/// One tier as `access-broker check` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierOutline {
    /// The tier's name.
    pub name: Arc<str>,
    /// Its logical bucket.
    pub bucket: BucketName,
    /// Its prefix as written.
    pub prefix: String,
    /// Its own `include`, or that of the defaults of its bucket. Empty: every key below the prefix.
    pub include: Vec<String>,
    /// The tier whose rules also apply in it.
    pub inherit: Option<Arc<str>>,
    /// The operations that it offers.
    pub operations: Vec<Operation>,
    /// The names of the grants that reach it, inherited ones last.
    pub grants: Vec<Arc<str>>,
    /// The names of the denials that reach it, inherited ones included.
    pub denials: Vec<Arc<str>>,
}

impl Policy {
    /// The tiers in the order of the file.
    #[must_use]
    pub fn outline(&self) -> &[TierOutline] {
        &self.outline
    }

    /// The members file that the policy was compiled with.
    #[must_use]
    pub const fn members(&self) -> Option<MembersOutline> {
        self.members
    }

    /// Identifies the policy, in logs and metrics.
    #[must_use]
    pub const fn hash(&self) -> PolicyHash {
        self.hash
    }
}
