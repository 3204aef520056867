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

/// Identifies a decision in answers and logs: a UUID of version 7 (RFC 9562 section 5.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId(Uuid);

impl DecisionId {
    /// The UUID's version is not checked.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// A unique id. Ids sort by time and are otherwise random.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Parses an id in the form of answers and logs: 36 characters in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The parser accepts other spellings, but later comparisons use this one.
        Uuid::parse_str(text).ok().map(Self).filter(|id| id.to_string() == text)
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// The operation that a caller requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum UseCase {
    /// Issue URLs that read an object.
    IssueDownloadUrl,
    /// Issue a URL that writes an object.
    IssueUploadUrl,
    /// Verify an upload.
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

    /// The operation that the policy must permit for it.
    #[must_use]
    pub(crate) const fn operation(self) -> Operation {
        match self {
            Self::IssueDownloadUrl => Operation::Download,
            Self::IssueUploadUrl | Self::VerifyUpload => Operation::Upload,
        }
    }
}

/// The decision about one request, permitted or denied, with everything that logs and audit records contain of it.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Identifies the decision in answers, logs and records.
    pub id: DecisionId,
    /// The instant that everything about the call was judged by.
    pub at: SystemTime,
    /// The caller as authenticated for this call.
    pub caller: Arc<Caller>,
    /// The caller's pseudonym.
    pub caller_id: String,
    /// The requested operation.
    pub(crate) use_case: UseCase,
    /// The object in the request, whether or not it exists.
    pub object: ObjectReference,
    /// The tier that contains the object, if one does.
    pub tier: Option<Arc<str>>,
    /// Nothing was signed unless this says so.
    pub outcome: Outcome,
}

/// The result of a decision.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// URLs were issued, by this grant, until this time.
    Issued {
        /// The name of the grant.
        grant: Arc<str>,
        /// The endpoint that the URLs use.
        endpoint: EndpointName,
        /// When the URLs expire.
        expires_at: SystemTime,
        /// What limited the expiry.
        limited_by: ExpiryLimit,
        /// What the URLs bind in addition to the object.
        terms: Box<IssuedTerms>,
    },
    /// An upload was verified, by this grant.
    Verified {
        /// The name of the grant.
        grant: Arc<str>,
        /// Whether the object is as expected.
        as_expected: bool,
        /// The names of the expectations that differ.
        mismatches: Vec<&'static str>,
        /// The names of the expectations that could not be compared.
        unknown: Vec<&'static str>,
    },
    /// The caller got no result.
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

    /// The name for metrics and traces. The policy refuses; every other failure has failed.
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
