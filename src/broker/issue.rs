//! Issuing URLs: one way for downloads and uploads, from request to decision.

use std::sync::Arc;

use thiserror::Error;

use super::decision::{Decision, DecisionId, Outcome};
use super::{AuthenticatedCaller, Broker};
use crate::policy::{
    DownloadTerms, LifetimeRequest, ObjectReference, Operation, Permit, Refusal, RefusalReason, UploadTerms,
};
use crate::presign::{Expiry, PresignError, PresignedDownload, PresignedUpload};

/// A valid request for download URLs.
#[derive(Debug, Clone)]
pub struct DownloadRequest {
    /// The object to read.
    pub object: ObjectReference,
    /// For how long.
    pub lifetime: LifetimeRequest,
    /// How to read it.
    pub terms: DownloadTerms,
}

/// A valid request for an upload URL.
#[derive(Debug, Clone)]
pub struct UploadRequest {
    /// The object to write.
    pub object: ObjectReference,
    /// For how long.
    pub lifetime: LifetimeRequest,
    /// What to write.
    pub terms: UploadTerms,
}

/// URLs and what goes with them.
#[derive(Debug)]
pub struct Issued<P> {
    /// The signed requests and when they stop working.
    pub signed: P,
    /// The tier that holds the object.
    pub tier: Arc<str>,
    /// The decision's id.
    pub decision_id: DecisionId,
}

/// Why nothing was issued.
#[derive(Debug, Clone, Error)]
pub enum IssueError {
    /// The policy refuses.
    #[error("the policy refuses: {}", .0.code())]
    Refused(RefusalReason),
    /// The policy permits, and signing failed.
    #[error(transparent)]
    Presign(#[from] PresignError),
}

impl IssueError {
    /// The reason's name in logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(reason) => reason.code(),
            Self::Presign(error) => error.code(),
        }
    }

    /// The name of the denial that refused, if one did.
    #[must_use]
    pub fn denial(&self) -> Option<&str> {
        match self {
            Self::Refused(RefusalReason::Denied(rule)) => Some(rule),
            _ => None,
        }
    }
}

impl Broker {
    /// Issues URLs that read an object. The decision comes with the answer, whatever it is.
    pub fn issue_download(
        &self,
        asking: &AuthenticatedCaller,
        request: DownloadRequest,
    ) -> (Decision, Result<Issued<PresignedDownload>, IssueError>) {
        let DownloadRequest { object, lifetime, terms } = request;
        let policy = self.policy.current();
        let decided = policy.decide_download(&asking.caller, object.clone(), lifetime, terms, asking.at);
        let sign = |permit: &Permit<_>| {
            let signed = self.presigner.presign_download(permit, asking.at)?;
            let expiry = signed.expiry;
            Ok((signed, expiry))
        };
        self.conclude(Operation::Download, object, decided, sign)
    }

    /// Issues a URL that writes an object. The decision comes with the answer, whatever it is.
    pub fn issue_upload(
        &self,
        asking: &AuthenticatedCaller,
        request: UploadRequest,
    ) -> (Decision, Result<Issued<PresignedUpload>, IssueError>) {
        let UploadRequest { object, lifetime, terms } = request;
        let policy = self.policy.current();
        let decided = policy.decide_upload(&asking.caller, object.clone(), lifetime, terms, asking.at);
        let sign = |permit: &Permit<_>| {
            let signed = self.presigner.presign_upload(permit, asking.at)?;
            let expiry = signed.expiry;
            Ok((signed, expiry))
        };
        self.conclude(Operation::Upload, object, decided, sign)
    }

    /// Signs what was permitted and writes down what came of it.
    fn conclude<T, P>(
        &self,
        operation: Operation,
        object: ObjectReference,
        decided: Result<Permit<T>, Refusal>,
        sign: impl FnOnce(&Permit<T>) -> Result<(P, Expiry), PresignError>,
    ) -> (Decision, Result<Issued<P>, IssueError>) {
        let id = self.decision_ids.next();
        let permit = match decided {
            Ok(permit) => permit,
            Err(Refusal { tier, reason }) => {
                let error = IssueError::Refused(reason);
                let outcome = Outcome::NotIssued(error.clone());
                return (Decision { id, operation, object, tier, outcome }, Err(error));
            }
        };
        let tier = Arc::clone(permit.tier());
        let (outcome, result) = match sign(&permit) {
            Ok((signed, Expiry { at, .. })) => {
                let outcome = Outcome::Issued { grant: Arc::clone(permit.rule()), expires_at: at };
                (outcome, Ok(Issued { signed, tier: Arc::clone(&tier), decision_id: id }))
            }
            Err(error) => {
                let error = IssueError::Presign(error);
                (Outcome::NotIssued(error.clone()), Err(error))
            }
        };
        (Decision { id, operation, object, tier: Some(tier), outcome }, result)
    }
}
