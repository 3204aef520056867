//! The decision: may this caller do this with this object, and on which terms?

mod condition;
mod decision;
mod endpoints;
mod fit;
mod glob;
mod imposed;
mod include;
mod lifetime;
mod longest_ttl;
mod obligations;
mod permit;
mod prefix;
mod rate_limit;
pub(crate) mod rule;
mod terms;
mod tier;
mod tier_quota;
mod tier_tree;

pub(crate) use condition::ANY_ISSUER;
pub use decision::{AccessRequest, ObjectReference, Refusal, RefusalReason};
pub use imposed::ImposedOnUploads;
pub use lifetime::{ExpiryLimit, Lifetime, LifetimeRequest};
pub use obligations::FieldViolation;
pub use permit::{Permit, PermittedLook, PermittedObject};
#[cfg(test)]
pub(crate) use prefix::{TierPrefix, TierPrefixError};
pub use rate_limit::{RateLimit, read_rate};
pub use rule::Operation;
pub(crate) use rule::RuleWithTiers;
pub use terms::{DownloadTerms, MAX_VERSION_ID_BYTES, ResponseOverride, UploadTerms};
pub(crate) use tier::{Tier, TierSpecification};
pub use tier_quota::TierQuota;
pub(crate) use tier_tree::TierTree;
