//! The decision: a permit, or a refusal with its reason.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::compile::Policy;
use super::object_key::{BucketName, ObjectKey};
use super::obligations::{self, FieldViolation};
use super::permit::{Lifetime, Permit};
use super::rule::{Operation, Rule};
use super::terms::{DownloadTerms, ExpiryLimit, LifetimeRequest, UploadTerms};
use super::tier::{LifetimeObligations, Tier};
use crate::identity::Caller;

/// One object that a caller names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectReference {
    /// The logical bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
}

/// A decision against the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The tier that holds the object, if one does.
    pub tier: Option<Arc<str>>,
    /// Why.
    pub reason: RefusalReason,
}

/// Why the policy refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalReason {
    /// No tier's prefix matches the key, or the bucket has no tiers.
    NoTier,
    /// The key is under a tier's prefix, and the tier's `include` leaves it out.
    NotIncluded,
    /// The tier has no such operation.
    OperationNotOffered,
    /// No grant lets this caller do this.
    NotGranted,
    /// A denial, by its name, wins over every grant.
    Denied(Arc<str>),
    /// The tier ties URLs to the caller's token, and that has ended.
    TokenEnded,
    /// The request lacks what the tier demands, or exceeds it.
    ObligationsNotMet(Vec<FieldViolation>),
    /// The caller insists on a life that the policy shortens to this.
    FullTtlNotAllowed(Duration),
}

impl RefusalReason {
    /// The reason's name in logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoTier => "no_tier",
            Self::NotIncluded => "not_included",
            Self::OperationNotOffered => "operation_not_offered",
            Self::NotGranted => "not_granted",
            Self::Denied(_) => "denied",
            Self::TokenEnded => "token_ended",
            Self::ObligationsNotMet(_) => "obligations_not_met",
            Self::FullTtlNotAllowed(_) => "full_ttl_not_allowed",
        }
    }
}

impl Policy {
    /// Decides whether the caller may read the object.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn decide_download(
        &self,
        caller: &Caller,
        object: ObjectReference,
        wanted: LifetimeRequest,
        terms: DownloadTerms,
        now: SystemTime,
    ) -> Result<Permit<DownloadTerms>, Refusal> {
        let (tier, rule) = self.granted_tier(caller, &object, Operation::Download)?;
        let refuse = |reason| refusal_in(tier, reason);
        let obligations = tier.download.as_ref().ok_or_else(|| refuse(RefusalReason::OperationNotOffered))?;
        let lifetime = agree_lifetime(wanted, obligations.lifetime, caller, now).map_err(refuse)?;
        Ok(Permit::new(object, Arc::clone(tier.name()), Arc::clone(rule.name()), lifetime, terms))
    }

    /// Decides whether the caller may write the object.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn decide_upload(
        &self,
        caller: &Caller,
        object: ObjectReference,
        wanted: LifetimeRequest,
        terms: UploadTerms,
        now: SystemTime,
    ) -> Result<Permit<UploadTerms>, Refusal> {
        let (tier, rule) = self.granted_tier(caller, &object, Operation::Upload)?;
        let refuse = |reason| refusal_in(tier, reason);
        let obligations = tier.upload.as_ref().ok_or_else(|| refuse(RefusalReason::OperationNotOffered))?;
        let terms = obligations::agree_upload(terms, obligations)
            .map_err(|violations| refuse(RefusalReason::ObligationsNotMet(violations)))?;
        let lifetime = agree_lifetime(wanted, obligations.lifetime, caller, now).map_err(refuse)?;
        Ok(Permit::new(object, Arc::clone(tier.name()), Arc::clone(rule.name()), lifetime, terms))
    }

    /// The one tier that holds the object and the grant that lets the caller in. Nothing is allowed unless granted, and
    /// a denial wins over every grant.
    fn granted_tier(
        &self,
        caller: &Caller,
        object: &ObjectReference,
        operation: Operation,
    ) -> Result<(&Tier, &Rule), Refusal> {
        let tier = self
            .trees
            .get(&object.bucket)
            .and_then(|tree| tree.find(&object.key, caller))
            .ok_or(Refusal { tier: None, reason: RefusalReason::NoTier })?;
        // A key that its tier leaves out is in no tier, not in a shallower one.
        if !tier.includes(&object.key) {
            return Err(Refusal { tier: None, reason: RefusalReason::NotIncluded });
        }
        if let Some(denial) = tier.denials.iter().find(|rule| rule.applies(operation, caller)) {
            return Err(refusal_in(tier, RefusalReason::Denied(Arc::clone(denial.name()))));
        }
        if !tier.offers(operation) {
            return Err(refusal_in(tier, RefusalReason::OperationNotOffered));
        }
        match tier.grants.iter().find(|rule| rule.applies(operation, caller)) {
            Some(grant) => Ok((tier, grant)),
            None => Err(refusal_in(tier, RefusalReason::NotGranted)),
        }
    }
}

fn refusal_in(tier: &Tier, reason: RefusalReason) -> Refusal {
    Refusal { tier: Some(Arc::clone(tier.name())), reason }
}

/// The least of what was asked, what the tier allows and, where the tier says so, what the token has left.
fn agree_lifetime(
    wanted: LifetimeRequest,
    obligations: LifetimeObligations,
    caller: &Caller,
    now: SystemTime,
) -> Result<Lifetime, RefusalReason> {
    let (asked, mut limited_by) = match wanted.ttl {
        Some(ttl) => (ttl, ExpiryLimit::RequestedTtl),
        None => (obligations.default_ttl, ExpiryLimit::TierDefaultTtl),
    };
    let mut ttl = asked;
    if obligations.max_ttl < ttl {
        (ttl, limited_by) = (obligations.max_ttl, ExpiryLimit::TierMaxTtl);
    }
    if obligations.end_with_token {
        // A caller without a token has nothing that the URL could end with, so it gets none.
        let token_end = caller.token().map_or(now, |token| token.expires_at);
        let left = token_end.duration_since(now).unwrap_or_default();
        // Signatures count whole seconds; rounding up would outlive the token.
        let left = Duration::from_secs(left.as_secs());
        if left.is_zero() {
            return Err(RefusalReason::TokenEnded);
        }
        if left < ttl {
            (ttl, limited_by) = (left, ExpiryLimit::TokenExpiry);
        }
    }
    if wanted.require_full_ttl && ttl < asked {
        return Err(RefusalReason::FullTtlNotAllowed(ttl));
    }
    Ok(Lifetime { ttl, limited_by, require_full_ttl: wanted.require_full_ttl })
}
