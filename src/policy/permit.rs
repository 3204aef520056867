//! The value that stands for "this was allowed".

use std::sync::Arc;
use std::time::Duration;

use super::decide::ObjectReference;
use super::object_key::{BucketName, ObjectKey};
use super::terms::ExpiryLimit;

/// Proof that the policy allowed one operation on one object, on these terms and for this long.
///
/// `T` is [`DownloadTerms`](super::DownloadTerms) or [`UploadTerms`](super::UploadTerms): the operation is part of the
/// type, so that a permit to read cannot be signed as a write. The fields are private and the constructor is visible
/// to the policy alone: whoever holds a permit got it from [`Policy`](super::Policy).
#[derive(Debug)]
pub struct Permit<T> {
    object: ObjectReference,
    tier: Arc<str>,
    rule: Arc<str>,
    lifetime: Lifetime,
    terms: T,
}

impl<T> Permit<T> {
    pub(in crate::policy) const fn new(
        object: ObjectReference,
        tier: Arc<str>,
        rule: Arc<str>,
        lifetime: Lifetime,
        terms: T,
    ) -> Self {
        Self { object, tier, rule, lifetime, terms }
    }

    /// Lets tests outside the policy hold a permit without a policy file.
    #[cfg(test)]
    pub(crate) fn for_tests(bucket: BucketName, key: ObjectKey, tier: Arc<str>, lifetime: Lifetime, terms: T) -> Self {
        Self::new(ObjectReference { bucket, key }, tier, "grant".into(), lifetime, terms)
    }

    /// The logical bucket.
    #[must_use]
    pub const fn bucket(&self) -> &BucketName {
        &self.object.bucket
    }

    /// The object.
    #[must_use]
    pub const fn key(&self) -> &ObjectKey {
        &self.object.key
    }

    /// The tier that the object belongs to.
    #[must_use]
    pub const fn tier(&self) -> &Arc<str> {
        &self.tier
    }

    /// The name of the grant that allowed it.
    #[must_use]
    pub const fn rule(&self) -> &Arc<str> {
        &self.rule
    }

    /// How long the URL may work.
    #[must_use]
    pub const fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// What the signature must bind.
    #[must_use]
    pub const fn terms(&self) -> &T {
        &self.terms
    }
}

/// How long the policy lets a URL work, counted from the instant of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Whole seconds, 1 to 604,800.
    pub ttl: Duration,
    /// What made it no longer than this.
    pub limited_by: ExpiryLimit,
    /// Whether a presigner that cannot keep `ttl` must refuse.
    pub require_full_ttl: bool,
}
