//! Whether an uploaded object is what was promised.

use std::sync::Arc;

use super::conclusion::Pending;
use super::decision::{Decision, DecisionId, Outcome, UseCase};
use super::error::BrokerError;
use super::{AuthenticatedCaller, Broker};
use crate::policy::{Checksum, ChecksumAlgorithm, EntityTag, HeaderText, ObjectReference, PermittedObject};
use crate::storage::StoredObject;

/// A valid request to verify an upload.
#[derive(Debug, Clone)]
pub struct VerificationRequest {
    /// The object.
    pub object: ObjectReference,
    /// One version of it, instead of the current one.
    pub version_id: Option<HeaderText>,
    /// What it should be.
    pub expected: Expectations,
}

/// What an uploaded object should be. What is `None` is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectations {
    /// Uploaded by this decision.
    pub decision_id: Option<DecisionId>,
    /// Of this length in bytes.
    pub content_length: Option<u64>,
    /// Of this content type, compared byte for byte.
    pub content_type: Option<HeaderText>,
    /// With this checksum.
    pub checksum: Option<Checksum>,
    /// With this entity tag.
    pub etag: Option<EntityTag>,
}

/// What was found.
#[derive(Debug)]
pub struct Verification {
    /// The object as S3 describes it.
    pub object: StoredObject,
    /// The names of the expectations that do not hold.
    pub mismatches: Vec<&'static str>,
    /// The names of those that could not be compared.
    pub unknown: Vec<&'static str>,
    /// The tier that holds the object.
    pub tier: Arc<str>,
    /// The decision's id.
    pub decision_id: DecisionId,
}

impl Verification {
    /// Whether every expectation was compared and holds.
    #[must_use]
    pub const fn as_expected(&self) -> bool {
        self.mismatches.is_empty() && self.unknown.is_empty()
    }
}

impl Broker {
    /// Looks at an uploaded object. The decision to let the caller look comes with the answer, whatever it is.
    pub async fn verify_upload(
        &self,
        asking: &AuthenticatedCaller,
        request: VerificationRequest,
    ) -> (Decision, Result<Verification, BrokerError>) {
        let VerificationRequest { object, version_id, expected } = request;
        let pending = self.pending(asking, UseCase::VerifyUpload, &object);
        let by_decision = expected.decision_id.is_some();
        let decided = self.0.policy.current().decide_verification(&asking.caller, &object, by_decision);
        match decided {
            Err(refusal) => pending.refused(refusal),
            Ok(permitted) => {
                let result = self.verify(&pending, &permitted, version_id.as_ref(), &expected).await;
                pending.concluded(&permitted, result)
            }
        }
    }

    async fn verify(
        &self,
        pending: &Pending,
        permitted: &PermittedObject,
        version_id: Option<&HeaderText>,
        expected: &Expectations,
    ) -> Result<(Verification, Outcome), BrokerError> {
        self.admit(pending, permitted)?;
        let object = self.0.inspector.inspect(permitted, version_id).await?;
        let (mut mismatches, mut unknown) = (Vec::new(), Vec::new());
        for (field, comparison) in expected.compared_with(&object) {
            match comparison {
                Comparison::Holds => {}
                Comparison::Differs => mismatches.push(field),
                Comparison::Unknown => unknown.push(field),
            }
        }
        let tier = Arc::clone(permitted.tier());
        let verification = Verification { object, mismatches, unknown, tier, decision_id: pending.id };
        let grant = Arc::clone(permitted.rule());
        let outcome = Outcome::Verified {
            grant,
            as_expected: verification.as_expected(),
            mismatches: verification.mismatches.clone(),
            unknown: verification.unknown.clone(),
        };
        Ok((verification, outcome))
    }
}

enum Comparison {
    Holds,
    Differs,
    Unknown,
}

impl Comparison {
    fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Differs }
    }
}

impl Expectations {
    /// Every expectation by its field's name in the request, and how it compares.
    fn compared_with(&self, object: &StoredObject) -> impl Iterator<Item = (&'static str, Comparison)> {
        let decision = self.decision_id.map(|id| Comparison::of(object.decision_id == Some(id.to_string())));
        let length = self.content_length.map(|length| Comparison::of(length == object.size));
        let content_type = self
            .content_type
            .as_ref()
            .map(|content_type| Comparison::of(object.content_type.as_deref() == Some(content_type.as_str())));
        let checksum = self.checksum.as_ref().map(|expected| {
            let stored = object.checksums.iter().find(|stored| stored.algorithm() == expected.algorithm());
            match stored {
                Some(stored) => Comparison::of(stored == expected),
                None if is_md5_in(expected, &object.etag) => Comparison::Holds,
                None => Comparison::Unknown,
            }
        });
        let etag = self.etag.as_ref().map(|etag| Comparison::of(object.etag == etag.as_str()));
        [
            ("decision_id", decision),
            ("content_length", length),
            ("content_type", content_type),
            ("checksum", checksum),
            ("etag", etag),
        ]
        .into_iter()
        .filter_map(|(field, comparison)| Some((field, comparison?)))
    }
}

/// Whether an entity tag is the MD5 that was promised. S3 keeps no MD5 as a checksum, but takes it for the tag of what is
/// uploaded in one piece, unless KMS encrypts it: a tag that differs tells nothing.
fn is_md5_in(expected: &Checksum, etag: &str) -> bool {
    let hex = expected.bytes().iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
    let hex = hex.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect::<String>();
    expected.algorithm() == ChecksumAlgorithm::Md5 && etag.trim_matches('"') == hex
}
