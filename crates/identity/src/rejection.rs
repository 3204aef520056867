//! Why a proof of identity was rejected.

use thiserror::Error;

/// Why a proof of identity was rejected: one variant per cause, without any text from the token.
///
/// The text of `Display` is for the log. A caller learns only that the proof was rejected, so that the answers do not
/// help to forge one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Rejection {
    /// No `authorization` was sent.
    #[error("no token was sent")]
    MissingToken,
    /// `authorization` was sent more than once.
    #[error("more than one authorization value was sent")]
    SeveralTokens,
    /// The scheme of `authorization` is not `Bearer`.
    #[error("the authorization scheme is not Bearer")]
    UnsupportedScheme,
    /// `authorization` is not `Bearer`, one space and a token (RFC 6750 section 2.1).
    #[error("the authorization value is not 'Bearer', one space and a token")]
    MalformedAuthorization,
    /// Over the limit of metadata.
    #[error("the token is too large")]
    TokenTooLarge,
    /// Not three non-empty base64url segments.
    #[error("the token is not three base64url segments")]
    Malformed,
    /// The header is over its size limit, not an unambiguous JSON object, or has a member of the wrong type.
    #[error("the token's header is malformed")]
    HeaderMalformed,
    /// The header has an unsupported member: `crit`, `b64`, `enc`, or a `zip` other than `NONE`.
    #[error("the token's header has a member that is not supported")]
    HeaderUnsupported,
    /// `typ` names another kind of token than a JWT or an access token.
    #[error("the token's typ is not that of a JWT or access token")]
    TypeNotAllowed,
    /// `alg` is not allowed in general, for this issuer, or for the key. `ES512` is not supported yet.
    #[error("the token's algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// The payload is not an unambiguous JSON object.
    #[error("the token's claims are not an unambiguous JSON object")]
    ClaimsMalformed,
    /// `iss` is missing or not a string.
    #[error("iss is missing or not a string")]
    IssuerMalformed,
    /// `iss` is not a configured issuer.
    #[error("iss is not a configured issuer")]
    UnknownIssuer,
    /// `tid` is missing, or is not the tenant of the issuer.
    #[error("tid is not the tenant of the issuer")]
    TenantMismatch,
    /// The issuer has no such key, as a fetch that began after the call has shown.
    #[error("the issuer has no such key")]
    UnknownKey,
    /// The token names no key and the issuer has more than four for its algorithm.
    #[error("the token names no key and more than four would fit")]
    AmbiguousKey,
    /// The signature is invalid.
    #[error("the signature is not valid")]
    SignatureInvalid,
    /// `exp` is missing.
    #[error("exp is missing")]
    ExpiryMissing,
    /// `exp` is not a time.
    #[error("exp is not a number of seconds in range")]
    ExpiryMalformed,
    /// `exp` has passed.
    #[error("the token has expired")]
    TokenExpired,
    /// `nbf` is not a time.
    #[error("nbf is not a number of seconds in range")]
    NotBeforeMalformed,
    /// `nbf` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is missing and the issuer has a `max_token_lifetime`.
    #[error("iat is missing")]
    IssuedAtMissing,
    /// `iat` is not a time.
    #[error("iat is not a number of seconds in range")]
    IssuedAtMalformed,
    /// `iat` is in the future.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// The time from `iat` to `exp` is longer than the issuer's `max_token_lifetime`.
    #[error("the token's lifetime is longer than max_token_lifetime")]
    LifetimeTooLong,
    /// `aud`, or `client_id` of a Cognito access token, or the issuer's `audience_claim` is missing.
    #[error("the audience is missing")]
    AudienceMissing,
    /// `aud` or the issuer's `audience_claim` is neither a string nor an array of strings, or `client_id` is not a string.
    #[error("the audience is not a string or array of strings")]
    AudienceMalformed,
    /// The token is for another audience.
    #[error("the token is for another audience")]
    AudienceMismatch,
    /// `token_use` is missing or not allowed.
    #[error("token_use is missing or not allowed")]
    TokenUseNotAllowed,
    /// `client_id` of an RFC 9068 access token is missing or not a string.
    #[error("client_id is missing or not a string")]
    ClientIdMalformed,
    /// `jti` of an RFC 9068 access token is missing or not a string.
    #[error("jti is missing or not a string")]
    TokenIdMalformed,
    /// `sub`, or the claim that the issuer's `subject_claim` names, is missing, not a string, blank, too long, an
    /// unverified address, or has invisible characters.
    #[error("the subject is not a usable identifier")]
    SubjectMalformed,
    /// The groups claim is neither a string, nor an array of strings, nor `null`, nor an object whose members are roles.
    #[error("the groups claim is not a string, an array of strings or an object of roles")]
    GroupsMalformed,
    /// The scopes claim is neither a string, nor an array of strings, nor `null`.
    #[error("the scopes claim is not a string or array of strings")]
    ScopesMalformed,
    /// `_claim_names`, which lists claims that are not in the token, is not an object, or lists a claim that must be in
    /// the token.
    #[error("_claim_names is not an object, or names a claim that the token must have itself")]
    ClaimNamesMalformed,
    /// A claim that the issuer's configuration requires is missing, `null` or not in the token.
    #[error("a claim that the issuer's configuration requires is missing")]
    RequiredClaimMissing,
    /// The token has `events`: a logout token (OIDC Back-Channel Logout 1.0 section 2.4) or another security event
    /// (RFC 8417).
    #[error("the token is a security event and not a proof of identity")]
    SecurityEventToken,
    /// `cnf` is not an object, is empty, or its `x5t#S256` is not a SHA-256 thumbprint.
    #[error("cnf is malformed")]
    ConfirmationMalformed,
    /// `cnf` binds the token to a key by an unsupported method, such as the `jkt` of `DPoP`.
    #[error("the token is bound to a key by an unsupported method")]
    ConfirmationUnsupported,
    /// The token is bound to a client certificate, and the connection has none.
    #[error("the token is bound to a client certificate and the connection has none")]
    ConfirmationWithoutCertificate,
    /// The token is bound to another client certificate than the connection's.
    #[error("the token is bound to another client certificate")]
    ConfirmationMismatch,
    /// A token of a cluster is not bound to the service account that its subject names.
    #[error("the token is not bound to the service account that its subject names")]
    ServiceAccountMalformed,
    /// A workload's proof is required, and the client certificate or the mesh's header is missing.
    #[error("no client certificate or mesh header was sent")]
    WorkloadMissing,
    /// The mesh's header came from another hop than the one that the listener trusts.
    #[error("the hop that named the workload is not trusted")]
    HopNotTrusted,
    /// The mesh's header cannot be read, is ambiguous, or was sent more than once.
    #[error("the mesh's header is malformed or ambiguous")]
    MeshHeaderMalformed,
    /// The mesh's header has more than one element, and the listener allows one: there is a second proxy, or the client
    /// sent an element.
    #[error("the mesh's header has more than one element")]
    SeveralMeshElements,
    /// The client certificate is not an X.509-SVID.
    #[error("the client certificate does not name a workload")]
    ClientCertificateUnusable,
    /// The client certificate has expired since the handshake, or is not valid yet.
    #[error("the client certificate has expired or is not valid yet")]
    ClientCertificateExpired,
    /// The name of the workload is neither a SPIFFE id nor, where that is allowed, a Linkerd identity.
    #[error("the workload's name is malformed")]
    WorkloadIdMalformed,
    /// The workload is of another trust domain.
    #[error("the workload is of another trust domain")]
    TrustDomainMismatch,
    /// The token and the connection are of different workloads.
    #[error("the token and the connection name different workloads")]
    WorkloadMismatch,
}

impl Rejection {
    /// Every cause.
    pub const ALL: [Self; 52] = [
        Self::MissingToken,
        Self::SeveralTokens,
        Self::UnsupportedScheme,
        Self::MalformedAuthorization,
        Self::TokenTooLarge,
        Self::Malformed,
        Self::HeaderMalformed,
        Self::HeaderUnsupported,
        Self::TypeNotAllowed,
        Self::AlgorithmNotAllowed,
        Self::ClaimsMalformed,
        Self::IssuerMalformed,
        Self::UnknownIssuer,
        Self::TenantMismatch,
        Self::UnknownKey,
        Self::AmbiguousKey,
        Self::SignatureInvalid,
        Self::ExpiryMissing,
        Self::ExpiryMalformed,
        Self::TokenExpired,
        Self::NotBeforeMalformed,
        Self::NotYetValid,
        Self::IssuedAtMissing,
        Self::IssuedAtMalformed,
        Self::IssuedInFuture,
        Self::LifetimeTooLong,
        Self::AudienceMissing,
        Self::AudienceMalformed,
        Self::AudienceMismatch,
        Self::TokenUseNotAllowed,
        Self::ClientIdMalformed,
        Self::TokenIdMalformed,
        Self::SubjectMalformed,
        Self::GroupsMalformed,
        Self::ScopesMalformed,
        Self::ClaimNamesMalformed,
        Self::RequiredClaimMissing,
        Self::SecurityEventToken,
        Self::ConfirmationMalformed,
        Self::ConfirmationUnsupported,
        Self::ConfirmationWithoutCertificate,
        Self::ConfirmationMismatch,
        Self::ServiceAccountMalformed,
        Self::WorkloadMissing,
        Self::HopNotTrusted,
        Self::MeshHeaderMalformed,
        Self::SeveralMeshElements,
        Self::ClientCertificateUnusable,
        Self::ClientCertificateExpired,
        Self::WorkloadIdMalformed,
        Self::TrustDomainMismatch,
        Self::WorkloadMismatch,
    ];

    /// The stable name for logs and metrics, in `snake_case`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingToken => "missing_token",
            Self::SeveralTokens => "several_tokens",
            Self::UnsupportedScheme => "unsupported_scheme",
            Self::MalformedAuthorization => "malformed_authorization",
            Self::TokenTooLarge => "token_too_large",
            Self::Malformed => "malformed",
            Self::HeaderMalformed => "header_malformed",
            Self::HeaderUnsupported => "header_unsupported",
            Self::TypeNotAllowed => "type_not_allowed",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::ClaimsMalformed => "claims_malformed",
            Self::IssuerMalformed => "issuer_malformed",
            Self::UnknownIssuer => "unknown_issuer",
            Self::TenantMismatch => "tenant_mismatch",
            Self::UnknownKey => "unknown_key",
            Self::AmbiguousKey => "ambiguous_key",
            Self::SignatureInvalid => "signature_invalid",
            Self::ExpiryMissing => "expiry_missing",
            Self::ExpiryMalformed => "expiry_malformed",
            Self::TokenExpired => "token_expired",
            Self::NotBeforeMalformed => "not_before_malformed",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedAtMissing => "issued_at_missing",
            Self::IssuedAtMalformed => "issued_at_malformed",
            Self::IssuedInFuture => "issued_in_future",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::AudienceMissing => "audience_missing",
            Self::AudienceMalformed => "audience_malformed",
            Self::AudienceMismatch => "audience_mismatch",
            Self::TokenUseNotAllowed => "token_use_not_allowed",
            Self::ClientIdMalformed => "client_id_malformed",
            Self::TokenIdMalformed => "token_id_malformed",
            Self::SubjectMalformed => "subject_malformed",
            Self::GroupsMalformed => "groups_malformed",
            Self::ScopesMalformed => "scopes_malformed",
            Self::ClaimNamesMalformed => "claim_names_malformed",
            Self::RequiredClaimMissing => "required_claim_missing",
            Self::SecurityEventToken => "security_event_token",
            Self::ConfirmationMalformed => "confirmation_malformed",
            Self::ConfirmationUnsupported => "confirmation_unsupported",
            Self::ConfirmationWithoutCertificate => "confirmation_without_certificate",
            Self::ConfirmationMismatch => "confirmation_mismatch",
            Self::ServiceAccountMalformed => "service_account_malformed",
            Self::WorkloadMissing => "workload_missing",
            Self::HopNotTrusted => "hop_not_trusted",
            Self::MeshHeaderMalformed => "mesh_header_malformed",
            Self::SeveralMeshElements => "several_mesh_elements",
            Self::ClientCertificateUnusable => "client_certificate_unusable",
            Self::ClientCertificateExpired => "client_certificate_expired",
            Self::WorkloadIdMalformed => "workload_id_malformed",
            Self::TrustDomainMismatch => "trust_domain_mismatch",
            Self::WorkloadMismatch => "workload_mismatch",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_cause_is_listed_once_and_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Rejection::ALL.iter().map(|rejection| rejection.code()).collect();
        assert_eq!(names.len(), Rejection::ALL.len());
        // A variant that the list lacks would leave a gap in the numbers or be missing at the end.
        assert!(Rejection::ALL.into_iter().enumerate().all(|(place, rejection)| rejection as usize == place));
        assert_eq!(Rejection::ALL.last(), Some(&Rejection::WorkloadMismatch));
    }
}
