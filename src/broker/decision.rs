//! The record of a decision.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use super::error::BrokerError;
use super::issued_terms::IssuedTerms;
use access_broker_identity::Caller;
use access_broker_policy::{EndpointName, ExpiryLimit, ObjectReference, Operation, Permit};
use access_broker_s3::presign::Expiry;

/// Identifies a decision in the answer and in the log: a UUID of version 7 (RFC 9562 section 5.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId(Uuid);

impl DecisionId {
    /// The UUID's version is not checked.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// An id that no other decision has. Ids sort by their time and are otherwise random.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// An id as it stands in answers and logs: 36 characters in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The parser knows other spellings too; what is compared later is this one.
        Uuid::parse_str(text).ok().map(Self).filter(|id| id.to_string() == text)
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// What a caller asked the broker to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum UseCase {
    /// Issue URLs that read an object.
    IssueDownloadUrl,
    /// Issue a URL that writes an object.
    IssueUploadUrl,
    /// Inspect what was uploaded.
    VerifyUpload,
}

impl UseCase {
    /// The method of the API.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::IssueDownloadUrl => "IssueDownloadUrl",
            Self::IssueUploadUrl => "IssueUploadUrl",
            Self::VerifyUpload => "VerifyUpload",
        }
    }

    /// The operation that the policy must grant for it.
    #[must_use]
    pub(crate) const fn operation(self) -> Operation {
        match self {
            Self::IssueDownloadUrl => Operation::Download,
            Self::IssueUploadUrl | Self::VerifyUpload => Operation::Upload,
        }
    }
}

/// What was decided about one request, allowed or refused: everything that logs and audit records tell of it.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Names the decision in answers, logs and records.
    pub id: DecisionId,
    /// The instant by which everything about the call was judged.
    pub at: SystemTime,
    /// As proven for this call.
    pub caller: Arc<Caller>,
    /// The caller's pseudonym.
    pub caller_id: String,
    /// What the caller wanted to do.
    pub(crate) use_case: UseCase,
    /// As the caller named it, whether or not it exists.
    pub object: ObjectReference,
    /// The tier that holds the object, if one does.
    pub tier: Option<Arc<str>>,
    /// Nothing was signed unless it says so.
    pub outcome: Outcome,
}

/// How a decision ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// URLs were issued, by this grant and until then.
    Issued {
        /// The name of the grant.
        grant: Arc<str>,
        /// The endpoint that the URLs go by.
        endpoint: EndpointName,
        /// When the URLs stop working.
        expires_at: SystemTime,
        /// What made that no later.
        limited_by: ExpiryLimit,
        /// What the URLs bind beside the object.
        terms: Box<IssuedTerms>,
    },
    /// An upload was inspected, by this grant.
    Verified {
        /// The name of the grant.
        grant: Arc<str>,
        /// Whether it was what the caller expected.
        as_expected: bool,
        /// The names of the expectations that do not hold.
        mismatches: Vec<&'static str>,
        /// The names of those that could not be compared.
        unknown: Vec<&'static str>,
    },
    /// Nothing was issued or said.
    Failed(BrokerError),
}

impl Outcome {
    /// The outcome of a call that issued URLs.
    pub(super) fn issued<T>(permit: &Permit<T>, expiry: Expiry, terms: IssuedTerms) -> Self {
        Self::Issued {
            grant: Arc::clone(permit.object().rule()),
            endpoint: permit.endpoint().clone(),
            expires_at: expiry.at,
            limited_by: expiry.limited_by,
            terms: Box::new(terms),
        }
    }

    /// The name for metrics and traces. A policy refuses; everything else without an answer failed.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Issued { .. } => "issued",
            Self::Verified { .. } => "verified",
            Self::Failed(BrokerError::Refused(_)) => "refused",
            Self::Failed(_) => "failed",
        }
    }
}
