//! The decision: whether a caller may read or write an object, and on which terms.

mod claim_pattern;
mod condition;
mod decision;
mod endpoints;
mod fit;
mod glob;
mod imposed;
mod include;
mod lifetime;
mod longest_ttl;
mod members;
mod obligations;
mod operation;
mod permit;
mod permitted_terms;
mod policy;
mod policy_hash;
mod prefix;
mod rate_limit;
mod refusal;
mod request;
mod rule;
mod tier;
mod tier_quota;
mod tier_tree;
mod violation;

pub use imposed::ImposedOnUploads;
pub use lifetime::{ExpiryLimit, Lifetime, LifetimeRequest, MAX_TTL};
pub use members::{Members, MembersHash, MembersOutline};
pub use operation::Operation;
pub use permit::{Permit, PermittedInspection, PermittedObject};
pub use permitted_terms::{PermittedDownload, PermittedUpload};
pub use policy::{Policy, TierOutline};
pub use policy_hash::PolicyHash;
pub use rate_limit::RateLimit;
pub use refusal::{Refusal, RefusalReason};
pub use request::{AccessRequest, RequestedDownload, RequestedUpload};
pub use tier_quota::TierQuota;
pub use violation::FieldViolation;

// What a policy is built of, for its reader.
pub(crate) use claim_pattern::ClaimPattern;
pub(crate) use condition::{Condition, Issuers};
pub(crate) use glob::Glob;
pub(crate) use include::Include;
pub(crate) use lifetime::LifetimeObligations;
pub(crate) use members::{MemberGroup, MemberList};
pub(crate) use obligations::{DownloadObligations, MAX_SINGLE_PUT_BYTES, UploadObligations};
pub(crate) use policy::BucketTiers;
pub(crate) use prefix::{PrefixPart, Template, TemplateLength, TierPrefix, TierPrefixError};
pub(crate) use rate_limit::MAX_COUNT;
pub(crate) use rule::Rule;
pub(crate) use tier::Tier;
