//! A refusal and its reason.

use std::sync::Arc;
use std::time::Duration;

use super::violation::FieldViolation;

/// A decision against a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The object's tier, if it has one, or the first of those that it may be in.
    pub tier: Option<Arc<str>>,
    /// The first reason that was found.
    pub reason: RefusalReason,
}

/// Why the policy refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalReason {
    /// No tier's prefix matches the key, the bucket has no tiers, or its server treats the key as another key.
    NoTier,
    /// The key begins with a tier's prefix, but the tier's `include` does not match it.
    NotIncluded,
    /// The `include` of two tiers with the same prefix matches the key, so it is in neither. The refusal names the first.
    TierAmbiguous,
    /// The tier does not offer the operation.
    OperationNotOffered,
    /// No grant permits the operation to this caller.
    NotGranted,
    /// A denial, by its name, wins over every grant.
    Denied(Arc<str>),
    /// The decision depends on a claim that is in another place, as the token says. With a name: the rule that depends on it,
    /// a denial that may hold or a grant that may permit. Without a name: the prefix of the tier that may have the object.
    ClaimElsewhere(Option<Arc<str>>),
    /// A grant permits the operation to this caller, but not by the requested endpoint.
    EndpointNotGranted,
    /// The tier has `end_with_token`, and the caller's token has expired or is missing.
    TokenEnded,
    /// The request does not meet the demands of the tier.
    ObligationsNotMet(Vec<FieldViolation>),
    /// The request requires its full life, and the policy shortens it to this.
    FullTtlNotAllowed(Duration),
}

impl RefusalReason {
    /// The reason's name in logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoTier => "no_tier",
            Self::NotIncluded => "not_included",
            Self::TierAmbiguous => "tier_ambiguous",
            Self::OperationNotOffered => "operation_not_offered",
            Self::NotGranted => "not_granted",
            Self::Denied(_) => "denied",
            Self::ClaimElsewhere(_) => "claim_elsewhere",
            Self::EndpointNotGranted => "endpoint_not_granted",
            Self::TokenEnded => "token_ended",
            Self::ObligationsNotMet(_) => "obligations_not_met",
            Self::FullTtlNotAllowed(_) => "full_ttl_not_allowed",
        }
    }
}
