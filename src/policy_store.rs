//! The active policy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use arc_swap::ArcSwap;

use access_broker_base::clock::{Clock, SystemClock};
use access_broker_policy::{Policy, PolicyHash};

/// Holds the active policy. A new one replaces it atomically, for every later decision.
#[derive(Debug)]
pub struct PolicyStore {
    policy: ArcSwap<Policy>,
    loaded_at: ArcSwap<SystemTime>,
    reloads: AtomicU64,
    refused: AtomicU64,
    file_in_force: AtomicBool,
}

/// The state of the policy, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PolicyStatus {
    /// The number of the active policy: 1 at the start.
    pub(crate) generation: u64,
    pub(crate) hash: PolicyHash,
    /// When it became active.
    pub(crate) loaded_at: SystemTime,
    /// How often a changed file became active.
    pub(crate) reloads: u64,
    /// How often a changed file was refused or could not be read.
    pub(crate) refused: u64,
    /// Whether the policy file, as last read, has the active policy.
    pub(crate) file_in_force: bool,
}

impl PolicyStore {
    /// Starts with a policy, so that there is always one.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy: ArcSwap::from_pointee(policy),
            loaded_at: ArcSwap::from_pointee(SystemClock.now()),
            reloads: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            file_in_force: AtomicBool::new(true),
        }
    }

    /// The active policy.
    #[must_use]
    pub fn current(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// Makes a policy active.
    pub fn replace(&self, policy: Policy) {
        self.policy.store(Arc::new(policy));
        self.loaded_at.store(Arc::new(SystemClock.now()));
        self.reloads.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a refused policy.
    pub(crate) fn note_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Records whether the policy file has the active policy.
    pub(crate) fn note_file_in_force(&self, file_in_force: bool) {
        self.file_in_force.store(file_in_force, Ordering::Relaxed);
    }

    #[must_use]
    pub(crate) fn status(&self) -> PolicyStatus {
        let reloads = self.reloads.load(Ordering::Relaxed);
        PolicyStatus {
            generation: reloads + 1,
            hash: self.policy.load().hash(),
            loaded_at: **self.loaded_at.load(),
            reloads,
            refused: self.refused.load(Ordering::Relaxed),
            file_in_force: self.file_in_force.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use access_broker_base::document::Variables;
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use access_broker_identity::{Caller, ClaimSet, Names, TokenIdentity};
    use access_broker_policy::{
        AccessRequest, BucketName, BucketProfile, EndpointName, LifetimeRequest, ObjectKey, ObjectReference,
        PolicyContext, RequestedDownload,
    };

    fn compile(text: &str) -> Policy {
        let bucket = BucketProfile::at_aws([EndpointName::default_endpoint()]);
        let buckets = BTreeMap::from([(BucketName::parse("media").unwrap(), bucket)]);
        let (issuers, trust_domains) = (BTreeSet::new(), BTreeSet::new());
        let context = PolicyContext {
            buckets: &buckets,
            issuers: &issuers,
            trust_domains: &trust_domains,
            variables: &Variables::None,
            members: None,
        };
        Policy::parse("policy.toml", text, &context).unwrap()
    }

    fn lets_in(policy: &Policy) -> bool {
        let now = SystemTime::UNIX_EPOCH;
        let caller = Caller::from_token(Arc::new(TokenIdentity {
            issuer: "https://issuer.example".into(),
            subject: "subject-1".into(),
            groups: Names::default(),
            scopes: Names::default(),
            claims: ClaimSet::pack(&serde_json::Map::new(), false).unwrap(),
            expires_at: now,
        }));
        let object =
            ObjectReference { bucket: BucketName::parse("media").unwrap(), key: ObjectKey::parse("x").unwrap() };
        let lifetime = LifetimeRequest::default();
        let request = AccessRequest { object, endpoint: None, lifetime, terms: RequestedDownload::default() };
        policy.decide_download(&caller, request, now).is_ok()
    }

    #[test]
    fn a_new_policy_is_active_for_the_next_decision() {
        let tier = "tier = [{ name = \"t\", bucket = \"media\", prefix = \"\", download = {} }]\n";
        let grant = "grant = [{ tiers = [\"t\"], operations = [\"download\"], to = { authenticated = true } }]";
        let store = PolicyStore::new(compile(tier));
        assert!(!lets_in(&store.current()));
        store.replace(compile(&format!("{tier}{grant}")));
        assert!(lets_in(&store.current()));
    }
}
