//! The part of the configuration that policies refer to.

use std::collections::{BTreeMap, BTreeSet};

use access_broker_base::document::Variables;

use crate::decide::Members;
use crate::object::{BucketName, BucketProfile};

/// What a policy can refer to.
#[derive(Debug, Clone, Copy)]
pub struct PolicyContext<'c> {
    /// The logical buckets.
    pub buckets: &'c BTreeMap<BucketName, BucketProfile>,
    /// The trusted issuers.
    pub issuers: &'c BTreeSet<String>,
    /// The trust domains of workloads that a listener or an issuer accepts.
    pub trust_domains: &'c BTreeSet<String>,
    /// The variables that the file can use. Listed ones are part of the policy's hash.
    pub variables: &'c Variables,
    /// The groups for `members_of`. `None`: the configuration has no members file.
    pub members: Option<&'c Members>,
}

impl PolicyContext<'_> {
    /// The first trusted issuers, as a policy file writes them.
    pub(crate) fn list_issuers(&self) -> String {
        list_issuers(self.issuers)
    }
}

/// The first of these issuers, as a file writes them.
pub(super) fn list_issuers(issuers: &BTreeSet<String>) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = issuers.iter().take(SHOWN).map(|issuer| format!("{issuer:?}")).collect();
    let more = if issuers.len() > SHOWN { ", ..." } else { "" };
    if shown.is_empty() { "none".to_owned() } else { format!("{}{more}", shown.join(", ")) }
}
