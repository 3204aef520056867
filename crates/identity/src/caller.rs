//! The result of authentication.

use std::sync::Arc;
use std::time::SystemTime;

use super::claim_set::ClaimSet;
use super::heap_block::{arc_block, heap_block};
use super::rejection::Rejection;
use super::subject::Subject;
use super::workload::WorkloadId;

/// A caller whose proof was accepted: a token, a workload's identity, or both.
///
/// Each constructor takes a proof, so there is no caller without one.
#[derive(Debug, Clone)]
pub struct Caller(Proven);

#[derive(Debug, Clone)]
enum Proven {
    Token(Arc<TokenIdentity>),
    Workload(WorkloadId),
    Both(Arc<TokenIdentity>, WorkloadId),
}

impl Caller {
    /// The caller that a token names.
    #[must_use]
    pub const fn from_token(token: Arc<TokenIdentity>) -> Self {
        Self(Proven::Token(token))
    }

    /// The workload that a connection, or a trusted hop in front of it, names.
    #[must_use]
    pub const fn from_workload(workload: WorkloadId) -> Self {
        Self(Proven::Workload(workload))
    }

    /// The workload that a token names: its subject is the workload.
    #[must_use]
    pub(crate) const fn from_workload_token(token: Arc<TokenIdentity>, workload: WorkloadId) -> Self {
        Self(Proven::Both(token, workload))
    }

    /// The caller that a token names, calling through a workload with a separate proof.
    ///
    /// # Errors
    ///
    /// [`Rejection::WorkloadMismatch`] when the token names another workload: it would be unclear whose grants and
    /// denials apply.
    pub fn through(&self, workload: WorkloadId) -> Result<Self, Rejection> {
        match &self.0 {
            Proven::Token(token) => Ok(Self(Proven::Both(Arc::clone(token), workload))),
            Proven::Workload(own) | Proven::Both(_, own) if *own == workload => Ok(self.clone()),
            Proven::Workload(_) | Proven::Both(..) => Err(Rejection::WorkloadMismatch),
        }
    }

    /// The identity from the token, if there is a token.
    #[must_use]
    pub const fn token(&self) -> Option<&Arc<TokenIdentity>> {
        match &self.0 {
            Proven::Token(token) | Proven::Both(token, _) => Some(token),
            Proven::Workload(_) => None,
        }
    }

    /// The workload, if one is proven.
    #[must_use]
    pub const fn workload(&self) -> Option<&WorkloadId> {
        match &self.0 {
            Proven::Workload(workload) | Proven::Both(_, workload) => Some(workload),
            Proven::Token(_) => None,
        }
    }
}

/// The identity of a caller from an accepted token.
///
/// The identity is the pair of issuer and subject (RFC 7519 sections 4.1.1 and 4.1.2): a subject is unique only within
/// its issuer.
#[derive(Debug, Clone)]
pub struct TokenIdentity {
    /// `iss`, byte for byte as configured. For a JWT-SVID, the SPIFFE id of its trust domain.
    pub issuer: Arc<str>,
    /// `sub`, or another claim that the issuer's configuration names.
    pub subject: Subject,
    /// The groups, from the claims that the issuer's configuration names.
    pub groups: Names,
    /// The scopes, from the claims that the issuer's configuration names.
    pub scopes: Names,
    /// Every claim of the token.
    pub claims: ClaimSet,
    /// `exp`.
    pub expires_at: SystemTime,
}

impl TokenIdentity {
    /// The heap memory of the identity in bytes, without what callers share.
    pub(super) fn heap_bytes(&self) -> usize {
        let parts =
            [self.subject.heap_bytes(), self.groups.heap_bytes(), self.scopes.heap_bytes(), self.claims.heap_bytes()];
        arc_block::<Self>() + parts.iter().sum::<usize>()
    }
}

/// Groups or scopes of a token, in the token's order, possibly repeated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// Those that the token lists.
    pub listed: Box<[Box<str>]>,
    /// Whether the token says that all or some of them are not in the token.
    pub elsewhere: bool,
}

impl Names {
    /// The heap memory of the names in bytes.
    fn heap_bytes(&self) -> usize {
        heap_block(size_of_val(&*self.listed)) + self.listed.iter().map(|name| heap_block(name.len())).sum::<usize>()
    }
}

impl<N: Into<Box<str>>> FromIterator<N> for Names {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        Self { listed: names.into_iter().map(Into::into).collect(), elsewhere: false }
    }
}
