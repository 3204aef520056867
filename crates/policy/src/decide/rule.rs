//! Grants and denials.

use std::sync::Arc;

use super::condition::Condition;
use super::fit::{Fit, InDoubt};
use super::operation::Operation;
use crate::object::EndpointName;
use access_broker_identity::{Caller, ClaimPath};

/// A grant or a denial, without its tiers.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) to: Condition,
    /// Claims that the token of a caller must have.
    pub(crate) required_claims: Vec<ClaimPath>,
    /// The endpoints that URLs use, the preferred one first. `None`: those of the tier.
    pub(crate) endpoints: Option<Vec<EndpointName>>,
}

impl Rule {
    /// The name for logs: from the file, or the rule's kind and index.
    pub(crate) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    pub(crate) fn endpoints(&self) -> Option<&[EndpointName]> {
        self.endpoints.as_deref()
    }

    /// Whether the rule has `issuers`.
    pub(crate) fn names_issuers(&self) -> bool {
        self.to.names_issuers()
    }

    /// Whether the rule, as a grant, permits: its conditions hold and the token has the required claims.
    pub(crate) fn grants(&self, operation: Operation, caller: &Caller) -> Fit {
        if !self.operations.contains(&operation) || self.lacks_required_claim(caller) {
            return Fit::No;
        }
        self.to.fits(caller, InDoubt::DoesNotHold)
    }

    /// Whether the rule, as a denial, denies: its conditions hold, or a token of the issuers that it means lacks a required
    /// claim.
    pub(crate) fn denies(&self, operation: Operation, caller: &Caller) -> Fit {
        if !self.operations.contains(&operation) {
            return Fit::No;
        }
        let may_hide_something = self.to.concerns(caller) && self.lacks_required_claim(caller);
        if may_hide_something { Fit::Yes } else { self.to.fits(caller, InDoubt::Holds) }
    }

    fn lacks_required_claim(&self, caller: &Caller) -> bool {
        let has = |path: &ClaimPath| caller.token().is_some_and(|token| token.claims.has_path(path));
        !self.required_claims.iter().all(has)
    }
}
