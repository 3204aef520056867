//! The value that stands for "this was allowed".

use std::sync::Arc;

use super::imposed::ImposedOnUploads;
use super::lifetime::Lifetime;
use super::permitted_terms::PermittedDownload;
use super::tier_quota::TierQuota;
use crate::object::{BucketName, EndpointName, HeaderText, ObjectKey, ObjectReference};

/// Proof that the policy allowed one operation on one object, on these terms and for this long.
///
/// `T` is [`PermittedDownload`] or [`PermittedUpload`](super::PermittedUpload): the operation is part of the type, so that a
/// permit to read cannot be signed as a write. The fields are private and the constructor is visible to the decision alone:
/// who holds a permit got it from [`Policy`](super::Policy).
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

    /// Lets tests outside the policy hold a permit without a policy file.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn for_tests(bucket: BucketName, key: ObjectKey, lifetime: Lifetime, terms: T) -> Self {
        let object = PermittedObject::for_tests(bucket, key);
        Self::new(object, EndpointName::default_endpoint(), lifetime, terms)
    }

    /// The object, with the tier and the grant that make it permitted.
    #[must_use]
    pub const fn object(&self) -> &PermittedObject {
        &self.object
    }

    /// The endpoint that the URL goes by.
    #[must_use]
    pub const fn endpoint(&self) -> &EndpointName {
        &self.endpoint
    }

    /// How long the URL may work.
    #[must_use]
    pub const fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// What the signature must bind.
    #[must_use]
    pub fn terms(&self) -> &T {
        &self.terms
    }

    /// The same for who keeps it beyond the permit, such as the record of the decision.
    #[must_use]
    pub fn shared_terms(&self) -> Arc<T> {
        Arc::clone(&self.terms)
    }
}

impl Permit<PermittedDownload> {
    /// The same permit for one version alone, of which it already was or whose object it was for.
    #[must_use]
    pub fn pinned_to(mut self, version_id: HeaderText) -> Self {
        Arc::make_mut(&mut self.terms).version_id.get_or_insert(version_id);
        self
    }
}

/// An object that the policy gives a caller access to: inspecting it on the caller's behalf requires this proof. Only the
/// [`Policy`](crate::Policy) makes it.
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

    /// Lets tests outside the policy hold one without a policy file.
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

    /// As the caller gave it; the policy found it in the tier.
    #[must_use]
    pub const fn key(&self) -> &ObjectKey {
        &self.reference.key
    }

    /// Bucket and key.
    #[must_use]
    pub const fn reference(&self) -> &ObjectReference {
        &self.reference
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

    /// How often URLs may be issued in that tier, if it says so.
    #[must_use]
    pub fn quota(&self) -> Option<&TierQuota> {
        self.quota.as_deref()
    }
}

/// An uploaded object that may be looked at, and what its tier imposes on uploads.
#[derive(Debug, Clone)]
pub struct PermittedInspection {
    /// With the tier that holds it.
    pub object: PermittedObject,
    /// What its tier imposes.
    pub imposed: Arc<ImposedOnUploads>,
}
