//! Who is asking, once proven.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::workload::WorkloadId;

/// A caller whose proof was accepted: by a token, as a workload, or as both.
///
/// There is no caller without either: each way to make one takes a proof.
#[derive(Debug, Clone)]
pub struct Caller(Proven);

#[derive(Debug, Clone)]
enum Proven {
    Token(TokenIdentity),
    Workload(Arc<WorkloadId>),
    Both(TokenIdentity, Arc<WorkloadId>),
}

impl Caller {
    /// The caller that a token names.
    #[must_use]
    pub const fn from_token(token: TokenIdentity) -> Self {
        Self(Proven::Token(token))
    }

    /// The workload that a connection, or a trusted hop in front of it, names.
    #[must_use]
    pub const fn from_workload(workload: Arc<WorkloadId>) -> Self {
        Self(Proven::Workload(workload))
    }

    /// The caller that a token names, speaking through a workload, both proven.
    #[must_use]
    pub const fn from_token_and_workload(token: TokenIdentity, workload: Arc<WorkloadId>) -> Self {
        Self(Proven::Both(token, workload))
    }

    /// What the token says, where there is one.
    #[must_use]
    pub const fn token(&self) -> Option<&TokenIdentity> {
        match &self.0 {
            Proven::Token(token) | Proven::Both(token, _) => Some(token),
            Proven::Workload(_) => None,
        }
    }

    /// The workload, where one is proven.
    #[must_use]
    pub const fn workload(&self) -> Option<&Arc<WorkloadId>> {
        match &self.0 {
            Proven::Workload(workload) | Proven::Both(_, workload) => Some(workload),
            Proven::Token(_) => None,
        }
    }
}

/// What an accepted token says about its caller.
///
/// The identity is the pair of issuer and subject (RFC 7519 sections 4.1.1 and 4.1.2): a subject is unique only within
/// its issuer.
#[derive(Debug, Clone)]
pub struct TokenIdentity {
    /// `iss`, byte for byte as configured.
    pub issuer: Arc<str>,
    /// `sub`.
    pub subject: String,
    /// The values of the issuer's groups claim.
    pub groups: Vec<String>,
    /// The values of the issuer's scopes claim.
    pub scopes: Vec<String>,
    /// Whether the issuer vouches for the caller's `email`: the token says `email_verified`, or the configuration
    /// trusts every address of this issuer.
    pub email_verified: bool,
    /// Every claim of the token.
    pub claims: Map<String, Value>,
    /// `exp`.
    pub expires_at: SystemTime,
}
