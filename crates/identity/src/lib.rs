//! Authentication: tokens, workloads, keys and issuers.
//!
//! The path of a token: [`BearerToken`] takes it out of the header, [`Authenticator`] parses it and finds its issuer,
//! the issuer's [`KeyRing`] has the key, and after the signature is verified the claims become a [`Caller`].
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests read what this program wrote"))]

mod algorithm;
mod authenticator;
mod bearer;
mod caller;
mod claim_path;
mod claim_set;
mod claims;
mod confirmation;
mod error;
mod heap_block;
mod issuer;
mod json;
mod key_ring;
mod key_source;
mod keys;
mod pseudonym;
mod rejection;
mod subject;
mod token;
mod token_times;
mod verified_tokens;
mod verify;
mod workload;

#[cfg(test)]
mod test_issuer;

pub use algorithm::Algorithm;
pub use authenticator::{Authenticator, AuthenticatorError, NewToken, Recognised};
pub use bearer::BearerToken;
pub use caller::{Caller, Names, TokenIdentity};
pub use claim_path::{ClaimPath, InvalidClaimPath};
pub use claim_set::{Claim, ClaimItem, ClaimSet, ClaimSetError};
pub use confirmation::CertificateThumbprint;
pub use error::AuthenticationError;
pub use issuer::{
    GroupsText, InvalidIssuerSettings, IssuerSettings, KEY_AGE_LIMITS, KeyLocation, MAX_LEEWAY, SettingProblem,
    SettingRule, TokenProfile, TokenUses,
};
pub use key_ring::{KeyRefreshError, KeyRing, KeyRingStatus, KeyRingTiming, REFRESH_INTERVAL_LIMITS};
pub use key_source::{
    HttpProxy, InvalidProxy, KeyDocument, KeyHttpClientError, KeyProxy, KeySource, KeySourceError, PlainHttp,
};
pub use keys::{KeyIssuer, KeyRules, KeySetError, KeyUse, SkipReason, SkippedKey};
pub use pseudonym::{PseudonymKeyError, Pseudonyms};
pub use rejection::Rejection;
pub use subject::Subject;
pub use verified_tokens::TokenCacheStatus;
pub use verify::{IssuerVerifier, IssuerVerifierError};
pub use workload::{
    AcceptedProof, ClientCertificate, ClientCertificateError, ForwardedClientCertError, HeaderElements,
    ISTIO_IPV6_SOURCE, LinkerdId, LinkerdIdError, MeshHeader, Peer, PeerAddress, SpiffeId, SpiffeIdError,
    TRUST_DOMAIN_SCHEME, TrustDomain, TrustDomainError, TrustedHop, WorkloadId, WorkloadProof, WorkloadSource,
    forwarded_client_uri, is_same_pod,
};
