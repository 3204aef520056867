//! The rules for an issuer's settings.

use std::time::Duration;

use thiserror::Error;
use url::Url;

use super::{IssuerSettings, KEY_AGE_LIMITS, KeyLocation, MAX_ISSUER_BYTES, MAX_LEEWAY, TokenProfile, TokenUses};
use crate::Algorithm;
use crate::key_ring::REFRESH_INTERVAL_LIMITS;
use crate::workload::{TRUST_DOMAIN_SCHEME, TrustDomain};
use access_broker_base::invisible::is_invisible;

/// Every rule that the settings of one issuer break, at least one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the settings of an issuer are not valid: {}", list(.0))]
pub struct InvalidIssuerSettings(pub Vec<SettingProblem>);

/// One broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{field} {rule}")]
pub struct SettingProblem {
    /// The name of the field of [`IssuerSettings`].
    pub field: &'static str,
    /// The rule that its value breaks.
    pub rule: SettingRule,
}

/// A rule for a setting, worded to follow the name of the setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum SettingRule {
    /// A required text is empty.
    #[error("must not be empty")]
    NotEmpty,
    /// A list that requires an entry is empty.
    #[error("must have at least one entry")]
    AtLeastOne,
    /// A list has the same entry twice.
    #[error("must not have the same entry twice")]
    NoRepetition,
    /// A URL is invalid, or keys may not be fetched from it.
    #[error(
        "must be an https URL without credentials; plain http to this machine itself needs insecure_loopback = true"
    )]
    HttpsUrl,
    /// An issuer with discovery is not an https URL.
    #[error(
        "must be an https URL without credentials, unless jwks_url or jwks_file says where the keys are; plain http to \
         this machine itself needs insecure_loopback = true"
    )]
    HttpsIssuer,
    /// An issuer is over 2,048 bytes.
    #[error("must be at most 2048 bytes")]
    IssuerLength,
    /// An issuer or an audience has invisible characters.
    #[error("must have no control characters, no invisible characters, and no space at either end")]
    VisibleText,
    /// The name has a special meaning in the policy file.
    #[error("must not be \"any\", which means every issuer in the policy")]
    NotAny,
    /// An issuer has a query or a fragment (OIDC Discovery 1.0 section 2).
    #[error("must have no query and no fragment")]
    NoQueryOrFragment,
    /// An issuer with keys from a Cognito user pool is not one.
    #[error("must be the URL of a Cognito user pool, unless jwks_url or jwks_file is set")]
    CognitoPool,
    /// An issuer of JWT-SVIDs is not the SPIFFE id of a trust domain.
    #[error("must be the SPIFFE id of a trust domain, such as \"spiffe://prod.example\"")]
    TrustDomain,
    /// A trust domain has no discovery.
    #[error("is required for a trust domain: the URL or the file of its bundle")]
    BundleLocation,
    /// JWT-SVIDs do not have this algorithm (SPIFFE JWT-SVID section 2.1).
    #[error("must not hold EdDSA for a trust domain")]
    SvidAlgorithm,
    /// The file with initial keys is set without a URL, or is empty.
    #[error("must be a path, and requires jwks_url")]
    BesideUrl,
    /// A setting for requests to a key server, where keys come from a file.
    #[error("must not be given where keys come from a file")]
    NoKeyServer,
    /// A setting for OIDC and OAuth 2.0 issuers only.
    #[error("applies only when preset = \"oidc\"")]
    OidcOnly,
    /// `aud` cannot be ignored where no other claim has the audience.
    #[error("can be \"ignored\" only with audience_claim, which then has the audience")]
    AudienceClaim,
    /// For these kinds of tokens only `sub` identifies the caller.
    #[error("must not be set when preset is \"kubernetes\" or \"spiffe\": their subject is sub")]
    SubOnly,
    /// Neither kind of Cognito token is accepted.
    #[error("must allow id tokens, access tokens or both")]
    SomeTokenUse,
    /// Over 5 minutes.
    #[error("must be at most 300 seconds")]
    LeewayLimit,
    /// A time that must be positive is zero.
    #[error("must be longer than zero")]
    NotZero,
    /// A refresh interval outside its limits.
    #[error("must be from 1 minute to 1 hour")]
    RefreshInterval,
    /// A key age outside its limits.
    #[error("must be from 2 hours to 7 days")]
    KeyAge,
}

pub(super) fn validate(settings: &IssuerSettings) -> Result<(), InvalidIssuerSettings> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, field, rule| {
        if !holds {
            problems.push(SettingProblem { field, rule });
        }
    };
    let is_url = settings.profile != TokenProfile::Spiffe;
    if settings.issuer.is_empty() {
        require(false, "issuer", SettingRule::NotEmpty);
    } else if is_url {
        require(settings.issuer.len() <= MAX_ISSUER_BYTES, "issuer", SettingRule::IssuerLength);
        require(is_visible_text(&settings.issuer), "issuer", SettingRule::VisibleText);
        require(settings.issuer != "any", "issuer", SettingRule::NotAny);
        // Without discovery the issuer is only compared with `iss`, and never fetched from.
        if settings.key_location == KeyLocation::Discovery {
            let url = Url::parse(&settings.issuer).ok();
            let allowed = |url: &Url| settings.plain_http.allows(url);
            require(url.as_ref().is_some_and(allowed), "issuer", SettingRule::HttpsIssuer);
            let bare = |url: &Url| url.query().is_none() && url.fragment().is_none();
            require(url.as_ref().is_none_or(bare), "issuer", SettingRule::NoQueryOrFragment);
        }
    } else {
        let trust_domain = settings.issuer.strip_prefix(TRUST_DOMAIN_SCHEME).map(TrustDomain::parse);
        require(matches!(trust_domain, Some(Ok(_))), "issuer", SettingRule::TrustDomain);
        require(!settings.algorithms.contains(&Algorithm::EdDsa), "algorithms", SettingRule::SvidAlgorithm);
    }
    match &settings.key_location {
        KeyLocation::Discovery => require(is_url, "key_location", SettingRule::BundleLocation),
        KeyLocation::CognitoPool => require(is_cognito_pool(&settings.issuer), "issuer", SettingRule::CognitoPool),
        KeyLocation::KubernetesApiServer => {}
        KeyLocation::JwksUrl(url) => require(settings.plain_http.allows(url), "key_location", SettingRule::HttpsUrl),
        KeyLocation::JwksFile(path) => {
            require(!path.as_os_str().is_empty(), "key_location", SettingRule::NotEmpty);
            require(settings.key_ca_file.is_none(), "key_ca_file", SettingRule::NoKeyServer);
            require(settings.key_bearer_file.is_none(), "key_bearer_file", SettingRule::NoKeyServer);
        }
    }
    if let Some(path) = &settings.start_key_file {
        let has_url = matches!(settings.key_location, KeyLocation::JwksUrl(_));
        require(has_url && !path.as_os_str().is_empty(), "start_key_file", SettingRule::BesideUrl);
    }
    require(!settings.audiences.is_empty(), "audiences", SettingRule::AtLeastOne);
    require(settings.audiences.iter().all(|audience| !audience.is_empty()), "audiences", SettingRule::NotEmpty);
    require(settings.audiences.iter().all(|audience| is_visible_text(audience)), "audiences", SettingRule::VisibleText);
    require(!has_repetition(&settings.audiences), "audiences", SettingRule::NoRepetition);
    require(!settings.algorithms.is_empty(), "algorithms", SettingRule::AtLeastOne);
    require(!has_repetition(&settings.algorithms), "algorithms", SettingRule::NoRepetition);
    if let TokenProfile::Cognito { token_uses: TokenUses { id: false, access: false } } = settings.profile {
        require(false, "profile", SettingRule::SomeTokenUse);
    }
    let is_oidc = matches!(settings.profile, TokenProfile::Oidc | TokenProfile::AccessToken);
    require(is_oidc || settings.audience_claim.is_none(), "audience_claim", SettingRule::OidcOnly);
    require(!settings.ignores_aud || settings.audience_claim.is_some(), "ignores_aud", SettingRule::AudienceClaim);
    if matches!(settings.profile, TokenProfile::Kubernetes | TokenProfile::Spiffe) {
        let only_sub = matches!(settings.subject_claims.as_slice(), [only] if only.is_top_level("sub"));
        require(only_sub, "subject_claims", SettingRule::SubOnly);
    }
    let lists = [
        ("subject_claims", &settings.subject_claims, 1),
        ("groups_claims", &settings.groups_claims, 1),
        ("scopes_claims", &settings.scopes_claims, 1),
        ("required_claims", &settings.required_claims, 0),
    ];
    for (field, claims, least) in lists {
        require(claims.len() >= least, field, SettingRule::AtLeastOne);
        require(!has_repetition(claims), field, SettingRule::NoRepetition);
    }
    require(is_oidc || settings.tenant.is_none(), "tenant", SettingRule::OidcOnly);
    require(settings.leeway <= MAX_LEEWAY, "leeway", SettingRule::LeewayLimit);
    require(settings.max_token_lifetime != Some(Duration::ZERO), "max_token_lifetime", SettingRule::NotZero);
    let interval_holds = REFRESH_INTERVAL_LIMITS.contains(&settings.key_refresh_interval);
    require(interval_holds, "key_refresh_interval", SettingRule::RefreshInterval);
    require(KEY_AGE_LIMITS.contains(&settings.max_key_age), "max_key_age", SettingRule::KeyAge);
    if problems.is_empty() { Ok(()) } else { Err(InvalidIssuerSettings(problems)) }
}

/// Whether all characters of a text are visible in a configuration file and in a log.
fn is_visible_text(text: &str) -> bool {
    text.trim() == text && !text.contains(is_invisible)
}

/// The hosts of user pools, up to the region: the original issuers, also at AWS's FIPS endpoints, and the updated ones,
/// which AWS's documents and its libraries write differently
/// ([AWS: `IssuerConfigurationType`](https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_IssuerConfigurationType.html)).
const COGNITO_HOSTS: [&str; 4] = ["cognito-idp.", "cognito-idp-fips.", "issuer-cognito-idp.", "issuer.cognito-idp."];

/// Whether an issuer is a user pool. The pool's id begins with its region.
fn is_cognito_pool(issuer: &str) -> bool {
    let Some(rest) = issuer.strip_prefix("https://") else { return false };
    let rest = COGNITO_HOSTS.iter().find_map(|host| rest.strip_prefix(host));
    let Some((region, rest)) = rest.and_then(|rest| rest.split_once('.')) else { return false };
    // The European sovereign cloud has a separate domain.
    let domain = if region.starts_with("eusc-") { "amazonaws.eu/" } else { "amazonaws.com/" };
    let Some(pool) = rest.strip_prefix(domain) else { return false };
    let name = pool.strip_prefix(region).and_then(|rest| rest.strip_prefix('_'));
    is_region(region) && name.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Two or more words of lower-case letters and a digit, such as `eu-central-1` and `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else { return false };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    words.contains('-') && words.split('-').all(is_word) && matches!(number.as_bytes(), [b'0'..=b'9'])
}

fn has_repetition<T: PartialEq>(entries: &[T]) -> bool {
    entries.iter().enumerate().any(|(index, entry)| entries.iter().skip(index + 1).any(|other| other == entry))
}

fn list(problems: &[SettingProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
