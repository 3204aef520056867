//! One decision as one line of JSON.

mod terms;

#[cfg(test)]
pub(super) mod tests;

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;

use super::call_context::CallContext;
use super::text::{json_line, rfc3339_micros, rfc3339_seconds};
use crate::broker::{BrokerError, Decision, Outcome, UseCase};
use access_broker_base::hex::lower_hex;
use access_broker_identity::{Caller, PeerAddress, WorkloadId};
use access_broker_policy::{ExpiryLimit, ObjectKey};

use terms::RecordedTerms;

/// The version of the record's format. It changes when a field is removed or changes its meaning; new fields do not
/// change it.
const VERSION: u8 = 1;

/// How a record has the object's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum KeyForm {
    #[default]
    Plain,
    /// As its SHA-256 in hexadecimal digits. It has no secret, so that a search for a known key finds its records, also
    /// in old ones and in those of other brokers. It hides keys from readers, but not keys that can be guessed.
    Sha256,
}

/// A record: a line of JSON with its line feed. Nothing in it gives access to anything.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AuditRecord(Box<str>);

impl AuditRecord {
    /// The record of a decision.
    ///
    /// # Errors
    ///
    /// Never in practice: everything in it can be written as JSON.
    pub(crate) fn new(decision: &Decision, context: &CallContext, key: KeyForm) -> serde_json::Result<Self> {
        let fields = Fields::new(decision, context, key);
        Ok(Self(json_line(&fields)?.into()))
    }

    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AuditRecord {
    /// Without the object and its caller, so that a log does not get them by accident.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditRecord").field("bytes", &self.0.len()).finish()
    }
}

/// The fields, in order. `None` is omitted. `docs/audit-record.schema.json` lists all of them.
#[derive(Debug, Serialize)]
struct Fields<'a> {
    version: u8,
    time: String,
    decision_id: String,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    method: &'static str,
    operation: &'static str,
    caller: CallerFields<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<PeerFields>,
    bucket: &'a str,
    #[serde(flatten)]
    key: KeyField<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(flatten)]
    issued: Option<IssuedFields<'a>>,
    #[serde(flatten)]
    verified: Option<VerifiedFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct CallerFields<'a> {
    caller_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    /// The claim that the subject is from, if it is not `sub`.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_claim: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum PeerFields {
    Address(String),
    Uid(u32),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum KeyField<'a> {
    Key(&'a str),
    KeySha256(String),
}

#[derive(Debug, Serialize)]
struct IssuedFields<'a> {
    endpoint: &'a str,
    terms: RecordedTerms<'a>,
    expires_at: String,
    expiry_limited_by: &'static str,
}

#[derive(Debug, Serialize)]
struct VerifiedFields<'a> {
    as_expected: bool,
    mismatches: &'a [&'static str],
    unknown: &'a [&'static str],
}

impl<'a> Fields<'a> {
    fn new(decision: &'a Decision, context: &'a CallContext, key: KeyForm) -> Self {
        let (rule, reason, issued, verified) = match &decision.outcome {
            Outcome::Issued { grant, endpoint, expires_at, limited_by, terms } => {
                let issued = IssuedFields {
                    endpoint: endpoint.as_str(),
                    terms: RecordedTerms::new(terms),
                    expires_at: rfc3339_seconds(*expires_at),
                    expiry_limited_by: limit_name(*limited_by),
                };
                (Some(&**grant), None, Some(issued), None)
            }
            Outcome::Verified { grant, as_expected, mismatches, unknown } => {
                let verified = VerifiedFields { as_expected: *as_expected, mismatches, unknown };
                (Some(&**grant), None, None, Some(verified))
            }
            Outcome::Failed(error) => (error.refusing_rule(), Some(error.code()), None, None),
        };
        Self {
            version: VERSION,
            time: rfc3339_micros(decision.at),
            decision_id: decision.id.to_string(),
            event: event_name(decision),
            reason,
            method: decision.use_case.name(),
            operation: decision.use_case.operation().name(),
            caller: CallerFields::new(&decision.caller, &decision.caller_id),
            peer: context.peer.map(PeerFields::new),
            bucket: decision.object.bucket.as_str(),
            key: KeyField::new(&decision.object.key, key),
            tier: decision.tier.as_deref(),
            rule,
            issued,
            verified,
            request_id: context.request_id.as_deref(),
            trace_id: context.trace_id.as_deref(),
        }
    }
}

impl<'a> CallerFields<'a> {
    fn new(caller: &'a Caller, caller_id: &'a str) -> Self {
        let token = caller.token();
        Self {
            caller_id,
            issuer: token.map(|token| &*token.issuer),
            subject: token.map(|token| token.subject.as_str()),
            subject_claim: token.and_then(|token| token.subject.claim()),
            workload: caller.workload().map(WorkloadId::as_str),
        }
    }
}

impl PeerFields {
    fn new(peer: PeerAddress) -> Self {
        match peer {
            PeerAddress::Tcp(address) => Self::Address(address.to_string()),
            PeerAddress::Unix { uid } => Self::Uid(uid),
        }
    }
}

impl<'a> KeyField<'a> {
    fn new(key: &'a ObjectKey, form: KeyForm) -> Self {
        match form {
            KeyForm::Plain => Self::Key(key.as_str()),
            KeyForm::Sha256 => Self::KeySha256(lower_hex(digest(&SHA256, key.as_str().as_bytes()).as_ref())),
        }
    }
}

/// The kind of event, from a closed list.
fn event_name(decision: &Decision) -> &'static str {
    match (&decision.outcome, decision.use_case) {
        (Outcome::Issued { .. }, UseCase::IssueUploadUrl) => "upload_url_issued",
        (Outcome::Issued { .. }, _) => "download_url_issued",
        (Outcome::Verified { .. }, _) => "upload_verified",
        (Outcome::Failed(BrokerError::Refused(_)), _) => "refused",
        (Outcome::Failed(_), _) => "failed",
    }
}

const fn limit_name(limit: ExpiryLimit) -> &'static str {
    match limit {
        ExpiryLimit::RequestedTtl => "requested_ttl",
        ExpiryLimit::TierDefaultTtl => "tier_default_ttl",
        ExpiryLimit::TierMaxTtl => "tier_max_ttl",
        ExpiryLimit::TokenExpiry => "token_expiry",
        ExpiryLimit::SigningCredentialsExpiry => "signing_credentials_expiry",
    }
}
