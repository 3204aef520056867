//! The proof that the policy permitted an operation.

use std::sync::Arc;

use super::imposed::ImposedOnUploads;
use super::lifetime::Lifetime;
use super::permitted_terms::PermittedDownload;
use super::tier_quota::TierQuota;
use crate::object::{BucketName, EndpointName, HeaderText, ObjectKey, ObjectReference};

/// Proof that the policy permitted one operation on one object, on these terms and for this life.
///
/// `T` is [`PermittedDownload`] or [`PermittedUpload`](super::PermittedUpload): the operation is part of the type, so that a
/// permit to read cannot be signed as a write. The fields are private and only the decision can call the constructor:
/// every permit comes from [`Policy`](super::Policy).
///
/// ```
/// # use std::time::SystemTime;
/// # use access_broker_identity::Caller;
/// # use access_broker_policy::{AccessRequest, Permit, PermittedDownload, Policy, Refusal, RequestedDownload};
/// fn decide(
///     policy: &Policy,
///     caller: &Caller,
///     request: AccessRequest<RequestedDownload>,
///     now: SystemTime,
/// ) -> Result<Permit<PermittedDownload>, Refusal> {
///     policy.decide_download(caller, request, now)
/// }
/// ```
///
/// No other crate can put one together from its parts,
///
/// ```compile_fail,E0451
/// # use std::sync::Arc;
/// # use access_broker_policy::{EndpointName, Lifetime, Permit, PermittedDownload, PermittedObject};
/// fn forge(
///     object: PermittedObject,
///     endpoint: EndpointName,
///     lifetime: Lifetime,
///     terms: Arc<PermittedDownload>,
/// ) -> Permit<PermittedDownload> {
///     Permit { object, endpoint, lifetime, terms }
/// }
/// ```
///
/// nor call its constructor:
///
/// ```compile_fail,E0624
/// # use access_broker_policy::{EndpointName, Lifetime, Permit, PermittedDownload, PermittedObject};
/// fn forge(
///     object: PermittedObject,
///     endpoint: EndpointName,
///     lifetime: Lifetime,
///     terms: PermittedDownload,
/// ) -> Permit<PermittedDownload> {
///     Permit::new(object, endpoint, lifetime, terms)
/// }
/// ```
#[derive(Debug)]
pub struct Permit<T> {
    object: PermittedObject,
    endpoint: EndpointName,
    lifetime: Lifetime,
    terms: Arc<T>,
}

impl<T> Permit<T> {
    pub(super) fn new(object: PermittedObject, endpoint: EndpointName, lifetime: Lifetime, terms: T) -> Self {
        Self { object, endpoint, lifetime, terms: Arc::new(terms) }
    }

    /// A permit without a policy file, for tests of other members.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn for_tests(bucket: BucketName, key: ObjectKey, lifetime: Lifetime, terms: T) -> Self {
        let object = PermittedObject::for_tests(bucket, key);
        Self::new(object, EndpointName::default_endpoint(), lifetime, terms)
    }

    /// The object, with the tier and the grant that permit it.
    #[must_use]
    pub const fn object(&self) -> &PermittedObject {
        &self.object
    }

    /// The endpoint that the URL uses.
    #[must_use]
    pub const fn endpoint(&self) -> &EndpointName {
        &self.endpoint
    }

    /// How long the URL works.
    #[must_use]
    pub const fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// What the signature must bind.
    #[must_use]
    pub fn terms(&self) -> &T {
        &self.terms
    }

    /// The same, for code that keeps it longer than the permit, such as the record of the decision.
    #[must_use]
    pub fn shared_terms(&self) -> Arc<T> {
        Arc::clone(&self.terms)
    }
}

impl Permit<PermittedDownload> {
    /// The same permit for only one version of its object. A version that it already has stays.
    #[must_use]
    pub fn pinned_to(mut self, version_id: HeaderText) -> Self {
        Arc::make_mut(&mut self.terms).version_id.get_or_insert(version_id);
        self
    }
}

/// Proof that the policy gives a caller access to an object. Inspecting the object for the caller requires it. Only the
/// [`Policy`](crate::Policy) creates it.
#[derive(Debug, Clone)]
pub struct PermittedObject {
    reference: ObjectReference,
    tier: Arc<str>,
    rule: Arc<str>,
    quota: Option<Arc<TierQuota>>,
}

impl PermittedObject {
    pub(super) const fn new(
        reference: ObjectReference,
        tier: Arc<str>,
        rule: Arc<str>,
        quota: Option<Arc<TierQuota>>,
    ) -> Self {
        Self { reference, tier, rule, quota }
    }

    /// Without a policy file, for tests of other members.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn for_tests(bucket: BucketName, key: ObjectKey) -> Self {
        Self::new(ObjectReference { bucket, key }, "tier-1".into(), "grant".into(), None)
    }

    /// The logical bucket.
    #[must_use]
    pub const fn bucket(&self) -> &BucketName {
        &self.reference.bucket
    }

    /// The key of the request.
    #[must_use]
    pub const fn key(&self) -> &ObjectKey {
        &self.reference.key
    }

    /// Bucket and key.
    #[must_use]
    pub const fn reference(&self) -> &ObjectReference {
        &self.reference
    }

    /// The object's tier.
    #[must_use]
    pub const fn tier(&self) -> &Arc<str> {
        &self.tier
    }

    /// The name of the grant that permits it.
    #[must_use]
    pub const fn rule(&self) -> &Arc<str> {
        &self.rule
    }

    /// How often URLs are issued in that tier, if it has a quota.
    #[must_use]
    pub fn quota(&self) -> Option<&TierQuota> {
        self.quota.as_deref()
    }
}

/// An uploaded object that may be inspected, and what its tier imposes on uploads.
#[derive(Debug, Clone)]
pub struct PermittedInspection {
    /// With its tier.
    pub object: PermittedObject,
    /// What its tier imposes.
    pub imposed: Arc<ImposedOnUploads>,
}
