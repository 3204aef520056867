//! Which callers a grant or denial means: the `to` table of a rule.

use std::sync::Arc;

use super::claim_pattern::ClaimPattern;
use super::fit::{Fit, InDoubt};
use super::members::MemberGroup;
use access_broker_identity::{Caller, Claim, ClaimItem, ClaimPath, Names, TokenIdentity, WorkloadId};

/// Conditions on a caller. All must hold; each holds if one of its values matches.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    pub(crate) issuers: Issuers,
    pub(crate) groups: Option<Vec<String>>,
    pub(crate) scopes: Option<Vec<String>>,
    /// Groups of the members file. They are apart from `groups`, which a token claims.
    pub(crate) members_of: Option<Vec<Arc<MemberGroup>>>,
    pub(crate) claims: Vec<(ClaimPath, Vec<ClaimPattern>)>,
    pub(crate) workloads: Option<Vec<String>>,
    pub(crate) trust_domains: Option<Vec<String>>,
}

/// Whose tokens are meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Issuers {
    /// The rule has no `issuers`.
    #[default]
    NotNamed,
    /// `"any"`: those of every issuer.
    Any,
    /// Those of these issuers.
    Named(Vec<String>),
}

impl Condition {
    pub(crate) fn fits(&self, caller: &Caller, in_doubt: InDoubt) -> Fit {
        if !self.concerns(caller) {
            return Fit::No;
        }
        caller.token().map_or(Fit::Yes, |token| self.fits_names(token, in_doubt))
    }

    /// Whether the rule means the caller's workload and issuer, and the caller has a token if a condition needs one. This is
    /// always known.
    pub(crate) fn concerns(&self, caller: &Caller) -> bool {
        let token_fits = match (caller.token(), &self.issuers) {
            (None, _) => !self.needs_a_token(),
            (Some(token), Issuers::Named(issuers)) => issuers.iter().any(|issuer| **issuer == *token.issuer),
            (Some(_), Issuers::NotNamed | Issuers::Any) => true,
        };
        let may_be_member = self.members_of.as_ref().is_none_or(|groups| {
            let issuer = caller.token().map(|token| &*token.issuer);
            issuer.is_some_and(|issuer| groups.iter().any(|group| group.means_issuer(issuer)))
        });
        token_fits && may_be_member && self.fits_workload(caller.workload())
    }

    fn fits_workload(&self, workload: Option<&WorkloadId>) -> bool {
        let Some(workload) = workload else { return self.workloads.is_none() && self.trust_domains.is_none() };
        let workload_fits = self.workloads.as_ref().is_none_or(|any| any.iter().any(|id| id == workload.as_str()));
        let is_domain = |name: &String| name == workload.trust_domain();
        workload_fits && self.trust_domains.as_ref().is_none_or(|any| any.iter().any(is_domain))
    }

    fn fits_names(&self, token: &TokenIdentity, in_doubt: InDoubt) -> Fit {
        let named = |any: &Option<Vec<String>>, held: &Names| any.as_ref().map_or(Fit::Yes, |any| names_fit(held, any));
        let claims = self.claims.iter().map(|(path, any)| claim_fits(token.claims.find(path), any, in_doubt));
        let listed = self
            .members_of
            .as_ref()
            .map_or(Fit::Yes, |groups| groups.iter().map(|group| group.has(token, in_doubt)).fold(Fit::No, Fit::or));
        let of_token = named(&self.groups, &token.groups).and(named(&self.scopes, &token.scopes));
        claims.fold(of_token.and(listed), Fit::and)
    }

    /// Whether the rule has `issuers`, or `issuers = "any"`.
    pub(crate) fn names_issuers(&self) -> bool {
        self.issuers != Issuers::NotNamed
    }

    /// The conditions whose values have a meaning only within one issuer, by their names in a policy file.
    pub(crate) fn names_within_an_issuer(&self) -> Vec<String> {
        let lists = [("groups", &self.groups), ("scopes", &self.scopes)];
        let lists = lists.into_iter().filter(|(_, list)| list.is_some()).map(|(name, _)| name.to_owned());
        lists.chain(self.claims.iter().map(|(path, _)| format!("claims.{path}"))).collect()
    }

    fn needs_a_token(&self) -> bool {
        let has_list = self.groups.is_some() || self.scopes.is_some() || self.members_of.is_some();
        self.names_issuers() || has_list || !self.claims.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.needs_a_token() && self.workloads.is_none() && self.trust_domains.is_none()
    }
}

fn names_fit(held: &Names, any: &[String]) -> Fit {
    let is_listed = any.iter().any(|wanted| held.listed.iter().any(|one| **one == **wanted));
    Fit::from(is_listed).or(if held.elsewhere { Fit::Elsewhere } else { Fit::No })
}

fn claim_fits(claim: Option<Claim<'_>>, any: &[ClaimPattern], in_doubt: InDoubt) -> Fit {
    let Some(claim) = claim else { return Fit::No };
    // The caller can have entered any address that the issuer did not verify.
    let of_match = if claim.is_verified() { Fit::Yes } else { in_doubt.into() };
    let item_fits = |item: ClaimItem<'_>| match item {
        ClaimItem::Text(text) | ClaimItem::Boolean(text) | ClaimItem::Number(text) => {
            if any.iter().any(|wanted| wanted.matches(text)) { of_match } else { Fit::No }
        }
        ClaimItem::Unreadable => in_doubt.into(),
        ClaimItem::Elsewhere => Fit::Elsewhere,
    };
    claim.items().map(item_fits).fold(Fit::No, Fit::or)
}
