//! The decision against a caller, and its reason.

use std::sync::Arc;
use std::time::Duration;

use super::violation::FieldViolation;

/// A decision against the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The tier that holds the object, if one does.
    pub tier: Option<Arc<str>>,
    /// The first reason that was found.
    pub reason: RefusalReason,
}

/// Why the policy refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalReason {
    /// No tier's prefix matches the key, the bucket has no tiers, or its server would take the key for another.
    NoTier,
    /// The key is under a tier's prefix, and the tier's `include` leaves it out.
    NotIncluded,
    /// The tier has no such operation.
    OperationNotOffered,
    /// No grant lets this caller do this.
    NotGranted,
    /// A denial, by its name, wins over every grant.
    Denied(Arc<str>),
    /// Something depends on a claim of which the token says that it is in another place: a rule, by its name, which is a
    /// denial that may hold or the only grant that might; or without a name the prefix of the tier, which may hold the
    /// object.
    ClaimElsewhere(Option<Arc<str>>),
    /// A grant lets this caller do this, but not by the endpoint that it asks for.
    EndpointNotGranted,
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
            Self::ClaimElsewhere(_) => "claim_elsewhere",
            Self::EndpointNotGranted => "endpoint_not_granted",
            Self::TokenEnded => "token_ended",
            Self::ObligationsNotMet(_) => "obligations_not_met",
            Self::FullTtlNotAllowed(_) => "full_ttl_not_allowed",
        }
    }
}
