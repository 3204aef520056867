//! The decision: a permit, or a refusal with its reason.

use std::sync::Arc;
use std::time::SystemTime;

use super::endpoints::EndpointLists;
use super::fit::Fit;
use super::operation::Operation;
use super::permit::{Permit, PermittedInspection, PermittedObject};
use super::permitted_terms::{PermittedDownload, PermittedUpload};
use super::policy::Policy;
use super::refusal::{Refusal, RefusalReason};
use super::request::{AccessRequest, RequestedDownload, RequestedUpload};
use super::rule::Rule;
use super::tier::Tier;
use super::violation::FieldViolation;
use crate::object::{BucketProfile, EndpointName, ObjectReference};
use access_broker_identity::Caller;

impl Policy {
    /// Decides whether the caller may read the object.
    ///
    /// # Errors
    ///
    /// The first reason against it, with the object's tier if it has one.
    pub fn decide_download(
        &self,
        caller: &Caller,
        request: AccessRequest<RequestedDownload>,
        now: SystemTime,
    ) -> Result<Permit<PermittedDownload>, Refusal> {
        let AccessRequest { object, endpoint, lifetime, terms } = request;
        let granted = self.grant(caller, &object, Operation::Download, endpoint.as_ref())?;
        let refuse = |reason| refusal_in(granted.tier, reason);
        let obligations = granted.tier.download.as_ref().ok_or_else(|| refuse(RefusalReason::OperationNotOffered))?;
        let (agreed, window) = (obligations.agree(terms), obligations.window(lifetime.stable));
        let (terms, window) = match (agreed, window) {
            (Ok(terms), Ok(window)) => (terms, window),
            (agreed, window) => {
                let violations = agreed.err().into_iter().flatten().chain(window.err()).collect();
                return Err(refuse(RefusalReason::ObligationsNotMet(violations)));
            }
        };
        let lifetime = obligations.lifetime.agree(lifetime, window, caller, now).map_err(refuse)?;
        Ok(Permit::new(granted.permitted(object), granted.endpoint, lifetime, terms))
    }

    /// Decides whether the caller may write the object.
    ///
    /// # Errors
    ///
    /// The first reason against it, with the object's tier if it has one.
    pub fn decide_upload(
        &self,
        caller: &Caller,
        request: AccessRequest<RequestedUpload>,
        now: SystemTime,
    ) -> Result<Permit<PermittedUpload>, Refusal> {
        let AccessRequest { object, endpoint, lifetime, terms } = request;
        let granted = self.grant(caller, &object, Operation::Upload, endpoint.as_ref())?;
        let refuse = |reason| refusal_in(granted.tier, reason);
        let obligations = granted.tier.upload.as_ref().ok_or_else(|| refuse(RefusalReason::OperationNotOffered))?;
        let agreed = obligations.agree(terms, granted.profile);
        let terms = agreed.map_err(|violations| refuse(RefusalReason::ObligationsNotMet(violations)))?;
        let lifetime = obligations.lifetime.agree(lifetime, None, caller, now).map_err(refuse)?;
        Ok(Permit::new(granted.permitted(object), granted.endpoint, lifetime, terms))
    }

    /// Decides whether the caller may verify an upload: callers that may upload the object may. `by_decision` says whether
    /// the request has the upload's decision. The permission comes with what the tier imposes on uploads.
    ///
    /// # Errors
    ///
    /// The first reason against it, with the object's tier if it has one.
    pub fn decide_verification(
        &self,
        caller: &Caller,
        object: &ObjectReference,
        by_decision: bool,
    ) -> Result<PermittedInspection, Refusal> {
        let granted = self.grant(caller, object, Operation::Upload, None)?;
        let refuse = |reason| refusal_in(granted.tier, reason);
        let obligations = granted.tier.upload.as_ref().ok_or_else(|| refuse(RefusalReason::OperationNotOffered))?;
        if by_decision && !obligations.imposed.record_decision {
            let violation = FieldViolation::new("decision_id", "must not be set: this tier does not record decisions");
            return Err(refuse(RefusalReason::ObligationsNotMet(vec![violation])));
        }
        Ok(PermittedInspection { object: granted.permitted(object.clone()), imposed: Arc::clone(&obligations.imposed) })
    }

    /// The object's tier and the grant that permits the operation. Nothing is permitted without a grant, and a denial wins
    /// over every grant.
    fn grant<'a>(
        &'a self,
        caller: &Caller,
        object: &ObjectReference,
        operation: Operation,
        endpoint: Option<&'a EndpointName>,
    ) -> Result<Granted<'a>, Refusal> {
        let no_tier = || Refusal { tier: None, reason: RefusalReason::NoTier };
        let bucket = self.buckets.get(&object.bucket).ok_or_else(no_tier)?;
        if bucket.profile.has_another_key(&object.key) {
            return Err(no_tier());
        }
        let found = bucket.tree.find(&object.key, caller);
        let found = found.map_err(|possible| refusal_in(possible, RefusalReason::ClaimElsewhere(None)))?;
        let mut including = found.ok_or_else(no_tier)?.including(&object.key);
        // A key that no `include` matches is in no tier: it does not fall to a tier with a shorter prefix.
        let not_included = || Refusal { tier: None, reason: RefusalReason::NotIncluded };
        let tier = including.next().ok_or_else(not_included)?;
        let others: Vec<&Arc<Tier>> = including.collect();
        if let Some(refusal) = denied([tier].into_iter().chain(others.iter().copied()), operation, caller) {
            return Err(refusal);
        }
        // Neither tier has the key. If one of them had it, an edit of the other could give it to other callers.
        if !others.is_empty() {
            return Err(refusal_in(tier, RefusalReason::TierAmbiguous));
        }
        if !tier.offers(operation) {
            return Err(refusal_in(tier, RefusalReason::OperationNotOffered));
        }
        let mut refusal = RefusalReason::NotGranted;
        for rule in &tier.grants {
            match rule.grants(operation, caller) {
                Fit::Yes => {}
                Fit::Elsewhere if refusal == RefusalReason::NotGranted => {
                    refusal = RefusalReason::ClaimElsewhere(Some(Arc::clone(rule.name())));
                    continue;
                }
                Fit::No | Fit::Elsewhere => continue,
            }
            let lists = EndpointLists {
                bucket: &bucket.profile.endpoints,
                tier: tier.endpoints.as_deref(),
                grant: rule.endpoints(),
            };
            match lists.choose(endpoint) {
                Some(endpoint) => return Ok(Granted { tier, rule, endpoint, profile: &bucket.profile }),
                None => refusal = RefusalReason::EndpointNotGranted,
            }
        }
        Err(refusal_in(tier, refusal))
    }
}

/// The refusal by a denial of one of these tiers, if there is one. A denial that certainly holds comes before one that may
/// hold, also before one of an earlier tier.
fn denied<'t>(tiers: impl Iterator<Item = &'t Arc<Tier>>, operation: Operation, caller: &Caller) -> Option<Refusal> {
    let mut refusal = None;
    for (tier, denial) in tiers.flat_map(|tier| tier.denials.iter().map(move |denial| (tier, denial))) {
        let name = || Arc::clone(denial.name());
        match denial.denies(operation, caller) {
            Fit::No => {}
            Fit::Yes => return Some(refusal_in(tier, RefusalReason::Denied(name()))),
            Fit::Elsewhere => {
                refusal = refusal.or_else(|| Some(refusal_in(tier, RefusalReason::ClaimElsewhere(Some(name())))));
            }
        }
    }
    refusal
}

/// The tier, grant and endpoint that permit a call.
struct Granted<'a> {
    tier: &'a Tier,
    rule: &'a Rule,
    endpoint: EndpointName,
    profile: &'a BucketProfile,
}

impl Granted<'_> {
    fn permitted(&self, object: ObjectReference) -> PermittedObject {
        PermittedObject::new(
            object,
            Arc::clone(self.tier.name()),
            Arc::clone(self.rule.name()),
            self.tier.quota.clone(),
        )
    }
}

fn refusal_in(tier: &Tier, reason: RefusalReason) -> Refusal {
    Refusal { tier: Some(Arc::clone(tier.name())), reason }
}
