//! The settings of one issuer.

mod validation;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::algorithm::Algorithm;
use super::claim_path::ClaimPath;
use super::key_source::{KeyProxy, PlainHttp};
use access_broker_base::files::DEFAULT_SETTLE;

pub use validation::{InvalidIssuerSettings, SettingProblem, SettingRule};

/// The longest `iss`, in bytes.
pub(crate) const MAX_ISSUER_BYTES: usize = 2_048;

/// The largest allowance for clocks that differ.
pub const MAX_LEEWAY: Duration = Duration::from_mins(5);

/// The limits of the time that keys may be used after the last successful fetch: 2 hours, which is longer than any
/// interval between fetches, to 7 days.
pub const KEY_AGE_LIMITS: RangeInclusive<Duration> = Duration::from_hours(2)..=Duration::from_hours(7 * 24);

/// The settings of one issuer. They may be invalid: see [`validate`](Self::validate).
#[derive(Debug, Clone)]
pub struct IssuerSettings {
    /// `iss`, byte for byte as in the tokens, at most 2,048 bytes. With discovery, an `https` URL without query or
    /// fragment; otherwise any text (`StringOrURI`, RFC 7519 section 4.1.1) without control or invisible characters.
    /// For JWT-SVIDs, the SPIFFE id of the trust domain, such as `spiffe://prod.example`.
    pub issuer: String,
    /// The accepted audiences, at least one: a token must name one of them in `aud`, a Cognito access token in
    /// `client_id`. See also `audience_claim`.
    pub audiences: Vec<String>,
    /// The rules for the issuer's tokens.
    pub profile: TokenProfile,
    /// The algorithms that the issuer's keys may have, at least one.
    pub algorithms: Vec<Algorithm>,
    /// Where the keys are fetched from.
    pub key_location: KeyLocation,
    /// A file with the keys to use until they have been fetched from a [`KeyLocation::JwksUrl`].
    pub start_key_file: Option<PathBuf>,
    /// Whether keys may come over `http` from this machine itself.
    pub plain_http: PlainHttp,
    /// A PEM file with the certificate authorities for the key server, in place of the machine's. Read again at each
    /// fetch.
    pub key_ca_file: Option<PathBuf>,
    /// A file with the bearer token for the key server. Read again at each fetch, and sent only to the origin of the
    /// issuer or of the key URL in this configuration.
    pub key_bearer_file: Option<PathBuf>,
    /// The proxy for requests to the key server.
    pub key_proxy: KeyProxy,
    /// The claim that must have one of the audiences, for issuers whose tokens have no `aud`. Only for
    /// [`TokenProfile::Oidc`] and [`TokenProfile::AccessToken`]. A token with an `aud` that is not empty must also be for
    /// one of the audiences by `aud`.
    pub audience_claim: Option<ClaimPath>,
    /// Whether `aud` is ignored. Requires `audience_claim`.
    pub ignores_aud: bool,
    /// The claims that the subject may be from, at least one: the first one that is not empty counts. Only `sub` for
    /// [`TokenProfile::Kubernetes`] and [`TokenProfile::Spiffe`].
    pub subject_claims: Vec<ClaimPath>,
    /// The claims with the caller's groups, at least one: arrays of strings, strings, or objects whose member names are
    /// the groups. A token without any of them has no groups.
    pub groups_claims: Vec<ClaimPath>,
    /// How a string in one of these claims is read.
    pub groups_text: GroupsText,
    /// The claims with the caller's scopes, at least one: arrays of strings, or strings of scopes separated by spaces
    /// (RFC 8693 section 4.2). A token without any of them has no scopes.
    pub scopes_claims: Vec<ClaimPath>,
    /// The claims that each token must have. An empty list is accepted, `null` is not.
    pub required_claims: Vec<ClaimPath>,
    /// The tenant that each token must name in `tid`, and that each key which names an issuer must be of, if the issuer
    /// is one of several that are configured together.
    pub tenant: Option<String>,
    /// The permitted difference between this clock and the issuer's, at most 5 minutes: a token is accepted this long
    /// after `exp`, and this long before `nbf` and `iat`.
    pub leeway: Duration,
    /// The longest time from `iat` to `exp`. If it is set, a token without `iat` is rejected.
    pub max_token_lifetime: Option<Duration>,
    /// Whether the issuer has verified every e-mail address that it puts into a token, even without `email_verified`.
    pub trust_email: bool,
    /// The time between fetches of the keys if the key server gives none: 1 minute to 1 hour.
    pub key_refresh_interval: Duration,
    /// How long a file with keys, certificate authorities or the bearer token must stay unchanged after a change in
    /// place, before it is used.
    pub file_settle: Duration,
    /// How long keys may be used after the last successful fetch: 2 hours to 7 days.
    pub max_key_age: Duration,
}

impl IssuerSettings {
    /// The defaults for an OIDC or OAuth 2.0 issuer: keys by discovery, RS256, the claims `groups` and
    /// `scope`, 60 seconds of leeway.
    #[must_use]
    pub fn oidc(issuer: impl Into<String>, audiences: Vec<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audiences,
            profile: TokenProfile::Oidc,
            algorithms: vec![Algorithm::Rs256],
            key_location: KeyLocation::Discovery,
            start_key_file: None,
            plain_http: PlainHttp::Refused,
            key_ca_file: None,
            key_bearer_file: None,
            key_proxy: KeyProxy::None,
            audience_claim: None,
            ignores_aud: false,
            subject_claims: vec![ClaimPath::top_level("sub")],
            groups_claims: vec![ClaimPath::top_level("groups")],
            groups_text: GroupsText::One,
            scopes_claims: vec![ClaimPath::top_level("scope")],
            required_claims: Vec::new(),
            tenant: None,
            leeway: Duration::from_mins(1),
            max_token_lifetime: None,
            trust_email: false,
            key_refresh_interval: Duration::from_mins(10),
            file_settle: DEFAULT_SETTLE,
            max_key_age: Duration::from_hours(24),
        }
    }

    /// The defaults for an Amazon Cognito user pool
    /// ([AWS: verifying JSON web tokens](https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html)):
    /// access tokens only (a configuration file accepts both kinds by default), RS256, keys from the pool, the
    /// claims `cognito:groups` and `scope`. The audiences are the ids of the app clients.
    #[must_use]
    pub fn cognito(issuer: impl Into<String>, audiences: Vec<String>) -> Self {
        Self {
            profile: TokenProfile::Cognito { token_uses: TokenUses::ACCESS },
            key_location: KeyLocation::CognitoPool,
            groups_claims: vec![ClaimPath::top_level("cognito:groups")],
            ..Self::oidc(issuer, audiences)
        }
    }

    /// The defaults for the service accounts of a Kubernetes cluster that the broker runs in ([Kubernetes: service
    /// account issuer
    /// discovery](https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery)):
    /// RS256, keys from the API server with the certificate authority and the bearer token that each pod has, and a day
    /// as the longest lifetime, because the API server extends tokens for its own audience to a year.
    ///
    /// The issuer is the value of `iss`; the audiences are those that pods request in their projected volumes.
    #[must_use]
    pub fn kubernetes(issuer: impl Into<String>, audiences: Vec<String>) -> Self {
        let in_pod = |name| Some(Path::new("/var/run/secrets/kubernetes.io/serviceaccount").join(name));
        Self {
            profile: TokenProfile::Kubernetes,
            key_location: KeyLocation::KubernetesApiServer,
            key_ca_file: in_pod("ca.crt"),
            key_bearer_file: in_pod("token"),
            max_token_lifetime: Some(Duration::from_hours(24)),
            ..Self::oidc(issuer, audiences)
        }
    }

    /// The defaults for the JWT-SVIDs of a SPIFFE trust domain
    /// ([SPIFFE JWT-SVID](https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md)): RS256, ES256 and ES384,
    /// and keys from the trust domain's bundle, whose location must be set.
    #[must_use]
    pub fn spiffe(trust_domain: impl Into<String>, audiences: Vec<String>) -> Self {
        Self {
            profile: TokenProfile::Spiffe,
            algorithms: vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384],
            ..Self::oidc(trust_domain, audiences)
        }
    }

    /// Checks all settings and reports all problems.
    ///
    /// # Errors
    ///
    /// The settings that break a rule, with the rule.
    pub fn validate(&self) -> Result<(), InvalidIssuerSettings> {
        validation::validate(self)
    }
}

/// The rules for the tokens of an issuer, in addition to those for all tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenProfile {
    /// OIDC or OAuth 2.0: the audience is in `aud`.
    Oidc,
    /// OAuth 2.0 access tokens only ([RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)): `typ` must be `at+jwt`, and
    /// `client_id`, `iat` and `jti` are required.
    AccessToken,
    /// Service accounts of a Kubernetes cluster: the subject is `system:serviceaccount:NAMESPACE:NAME`, the same as in
    /// the claim `kubernetes.io`. The caller is in the groups `system:serviceaccounts` and
    /// `system:serviceaccounts:NAMESPACE`.
    Kubernetes,
    /// JWT-SVIDs of a SPIFFE trust domain: the subject is a SPIFFE id of that domain, and the caller is that workload.
    Spiffe,
    /// Amazon Cognito user pools: `token_use` is the kind of token. An id token names the app client in `aud`, an
    /// access token in `client_id`. If an access token also has `aud`, because the client requested a resource, that
    /// must match as well.
    Cognito {
        /// The kinds that are accepted.
        token_uses: TokenUses,
    },
}

/// How a string in a groups claim is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupsText {
    /// As one group.
    One,
    /// As groups with spaces between them.
    Spaces,
    /// As groups with commas between them, and spaces around them, all of them perhaps in `[` and `]`.
    Commas,
}

/// The kinds of Cognito tokens that are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenUses {
    /// `token_use` may be `id`: a proof for the app client, with the user's attributes.
    pub id: bool,
    /// `token_use` may be `access`: a proof for an API.
    pub access: bool,
}

impl TokenUses {
    /// Access tokens only.
    pub const ACCESS: Self = Self { id: false, access: true };
    /// Id tokens only.
    pub const ID: Self = Self { id: true, access: false };
    /// Tokens of either kind.
    pub const BOTH: Self = Self { id: true, access: true };
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyLocation {
    /// At the `jwks_uri` of the issuer's discovery document.
    Discovery,
    /// At the issuer with `/.well-known/jwks.json` appended. The issuer must be a Cognito user pool, such as
    /// `https://cognito-idp.REGION.amazonaws.com/POOL` or
    /// `https://issuer-cognito-idp.REGION.amazonaws.com/POOL`.
    CognitoPool,
    /// At the API server of the cluster that the broker runs in: `https://kubernetes.default.svc/openid/v1/jwks`.
    KubernetesApiServer,
    /// At this URL.
    JwksUrl(Url),
    /// In this file, which is read again at each refresh.
    JwksFile(PathBuf),
}

#[cfg(test)]
mod tests;
