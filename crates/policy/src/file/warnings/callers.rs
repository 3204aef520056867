//! Which callers are possible under the configuration.

use std::collections::BTreeSet;

use crate::decide::{Template, TemplateLength};
use access_broker_identity::{AcceptedProof, ClaimPath, IssuerSettings, TRUST_DOMAIN_SCHEME, TokenProfile, TokenUses};

/// The possible kinds of callers: tokens of each issuer, and workloads of each trust domain.
#[derive(Debug, Clone, Default)]
pub struct CallerOutlook {
    /// `None`: unknown, so every condition can hold.
    kinds: Option<BTreeSet<CallerKind>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallerKind {
    pub(super) token: Option<TokenKind>,
    pub(super) trust_domain: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TokenKind {
    pub(super) issuer: String,
    pub(super) giver: Giver,
    pub(super) groups_claims: Vec<ClaimPath>,
    pub(super) scopes_claims: Vec<ClaimPath>,
}

/// The kind of issuer of a token, if it limits the token's claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Giver {
    /// Any issuer: its tokens may have any claim.
    Any,
    CognitoId,
    CognitoAccess,
    Kubernetes,
    Spiffe,
}

/// The claims of OpenID Connect about a user (OIDC Core 1.0 section 5.1).
const USER_CLAIMS: [&str; 19] = [
    "address",
    "birthdate",
    "email",
    "email_verified",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "phone_number_verified",
    "picture",
    "preferred_username",
    "profile",
    "updated_at",
    "website",
    "zoneinfo",
];

/// Every claim of a service account's token.
const KUBERNETES_CLAIMS: [&str; 8] = ["aud", "exp", "iat", "iss", "jti", "kubernetes.io", "nbf", "sub"];

/// The issuer of GitHub Actions.
pub(super) const GITHUB_ACTIONS: &str = "https://token.actions.githubusercontent.com";

/// The issuers of GitHub Actions and of GitLab.com, and those of their claims whose values always have a slash.
const CLAIMS_WITH_SLASH: [(&str, &[&str]); 2] = [
    (GITHUB_ACTIONS, &["job_workflow_ref", "ref", "repository", "workflow_ref"]),
    ("https://gitlab.com", &["ci_config_ref_uri", "project_path", "ref_path"]),
];

impl CallerOutlook {
    /// The callers that these listeners and issuers accept.
    pub fn new<'c>(proofs: impl IntoIterator<Item = &'c AcceptedProof>, issuers: &[IssuerSettings]) -> Self {
        let mut kinds = BTreeSet::new();
        for proof in proofs {
            let trust_domain = proof.workload().map(|workload| workload.trust_domain.as_str().to_owned());
            if matches!(proof, AcceptedProof::Workload(_)) {
                kinds.insert(CallerKind { token: None, trust_domain });
                continue;
            }
            for token in issuers.iter().flat_map(TokenKind::from_issuer) {
                // A JWT-SVID also proves a workload.
                let of_token = token.issuer.strip_prefix(TRUST_DOMAIN_SCHEME).map(str::to_owned);
                let trust_domain = of_token.or_else(|| trust_domain.clone());
                kinds.insert(CallerKind { token: Some(token), trust_domain });
            }
        }
        Self { kinds: Some(kinds) }
    }

    /// The kinds of callers, if they are known.
    pub(super) const fn kinds(&self) -> Option<&BTreeSet<CallerKind>> {
        self.kinds.as_ref()
    }
}

impl TokenKind {
    fn from_issuer(settings: &IssuerSettings) -> Vec<Self> {
        let givers = match settings.profile {
            TokenProfile::Cognito { token_uses: TokenUses { id, access } } => {
                let (id, access) = (id.then_some(Giver::CognitoId), access.then_some(Giver::CognitoAccess));
                id.into_iter().chain(access).collect()
            }
            TokenProfile::Kubernetes => vec![Giver::Kubernetes],
            TokenProfile::Spiffe => vec![Giver::Spiffe],
            _ => vec![Giver::Any],
        };
        let kind = |giver| Self {
            issuer: settings.issuer.clone(),
            giver,
            groups_claims: settings.groups_claims.clone(),
            scopes_claims: settings.scopes_claims.clone(),
        };
        givers.into_iter().map(kind).collect()
    }

    /// Why no such token has a value for a template, as the end of a sentence. `None`: it may have one.
    pub(super) fn obstacle_to(&self, template: &Template) -> Option<&'static str> {
        let claim = template.claim();
        if !self.giver.can_have(claim) {
            return Some("none of their tokens has it");
        }
        if self.giver == Giver::Spiffe && claim.is_top_level("sub") {
            return Some("its value always has \"//\", which no key has");
        }
        let has_slash = CLAIMS_WITH_SLASH
            .iter()
            .any(|(issuer, claims)| *issuer == self.issuer && claims.iter().any(|name| claim.is_top_level(name)));
        (has_slash && template.length() == TemplateLength::Exactly(1)).then_some(
            "its value always has a slash, while the template is one segment; write the number of segments, such as \
             {claims.NAME:2}",
        )
    }
}

impl Giver {
    /// Whether such a token can have this claim.
    pub(super) fn can_have(self, claim: &ClaimPath) -> bool {
        let claim = claim.top_level_name();
        match self {
            Self::Any => true,
            Self::CognitoId => !["client_id", "scope", "username"].contains(&claim),
            Self::CognitoAccess => {
                let is_of_user = ["cognito:username", "identities"].contains(&claim) || claim.starts_with("custom:");
                !is_of_user && !USER_CLAIMS.contains(&claim)
            }
            Self::Kubernetes => KUBERNETES_CLAIMS.contains(&claim),
            Self::Spiffe => !USER_CLAIMS.contains(&claim),
        }
    }

    /// Whether such a token can have one of these claims.
    pub(super) fn can_have_any(self, claims: &[ClaimPath]) -> bool {
        claims.iter().any(|claim| self.can_have(claim))
    }

    /// For messages.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Any => "tokens",
            Self::CognitoId => "Cognito ID tokens",
            Self::CognitoAccess => "Cognito access tokens",
            Self::Kubernetes => "Kubernetes service account tokens",
            Self::Spiffe => "JWT-SVIDs",
        }
    }

    /// What to do if such a token lacks a claim.
    pub(super) const fn advice(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::CognitoId => {
                "; accept access tokens (token_use = [\"access\"]), unless a pre token generation trigger adds it"
            }
            Self::CognitoAccess => {
                "; accept ID tokens (token_use = [\"id\"]), unless a pre token generation trigger adds it"
            }
            Self::Kubernetes => "; use claims.sub, such as \"system:serviceaccount:NAMESPACE:NAME\"",
            Self::Spiffe => "; use workloads",
        }
    }
}
