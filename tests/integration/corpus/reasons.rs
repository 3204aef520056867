//! The closed list of reasons.

use std::iter::successors;

use access_broker::identity::Rejection;

/// Every reason.
pub(super) fn all() -> impl Iterator<Item = Rejection> {
    successors(Some(Rejection::MissingToken), |rejection| after(*rejection))
}

/// The reason after another: a list that does not compile while one is missing.
const fn after(rejection: Rejection) -> Option<Rejection> {
    Some(match rejection {
        Rejection::MissingToken => Rejection::SeveralTokens,
        Rejection::SeveralTokens => Rejection::UnsupportedScheme,
        Rejection::UnsupportedScheme => Rejection::MalformedAuthorization,
        Rejection::MalformedAuthorization => Rejection::TokenTooLarge,
        Rejection::TokenTooLarge => Rejection::Malformed,
        Rejection::Malformed => Rejection::HeaderMalformed,
        Rejection::HeaderMalformed => Rejection::HeaderUnsupported,
        Rejection::HeaderUnsupported => Rejection::TypeNotAllowed,
        Rejection::TypeNotAllowed => Rejection::AlgorithmNotAllowed,
        Rejection::AlgorithmNotAllowed => Rejection::ClaimsMalformed,
        Rejection::ClaimsMalformed => Rejection::IssuerMalformed,
        Rejection::IssuerMalformed => Rejection::UnknownIssuer,
        Rejection::UnknownIssuer => Rejection::UnknownKey,
        Rejection::UnknownKey => Rejection::AmbiguousKey,
        Rejection::AmbiguousKey => Rejection::SignatureInvalid,
        Rejection::SignatureInvalid => Rejection::ExpiryMissing,
        Rejection::ExpiryMissing => Rejection::ExpiryMalformed,
        Rejection::ExpiryMalformed => Rejection::TokenExpired,
        Rejection::TokenExpired => Rejection::NotBeforeMalformed,
        Rejection::NotBeforeMalformed => Rejection::NotYetValid,
        Rejection::NotYetValid => Rejection::IssuedAtMissing,
        Rejection::IssuedAtMissing => Rejection::IssuedAtMalformed,
        Rejection::IssuedAtMalformed => Rejection::IssuedInFuture,
        Rejection::IssuedInFuture => Rejection::LifetimeTooLong,
        Rejection::LifetimeTooLong => Rejection::AudienceMissing,
        Rejection::AudienceMissing => Rejection::AudienceMalformed,
        Rejection::AudienceMalformed => Rejection::AudienceMismatch,
        Rejection::AudienceMismatch => Rejection::TokenUseNotAllowed,
        Rejection::TokenUseNotAllowed => Rejection::ClientIdMalformed,
        Rejection::ClientIdMalformed => Rejection::TokenIdMalformed,
        Rejection::TokenIdMalformed => Rejection::SubjectMalformed,
        Rejection::SubjectMalformed => Rejection::GroupsMalformed,
        Rejection::GroupsMalformed => Rejection::ScopesMalformed,
        Rejection::ScopesMalformed => Rejection::ServiceAccountMalformed,
        Rejection::ServiceAccountMalformed => Rejection::WorkloadMissing,
        Rejection::WorkloadMissing => Rejection::HopNotTrusted,
        Rejection::HopNotTrusted => Rejection::MeshHeaderMalformed,
        Rejection::MeshHeaderMalformed => Rejection::ClientCertificateUnusable,
        Rejection::ClientCertificateUnusable => Rejection::ClientCertificateExpired,
        Rejection::ClientCertificateExpired => Rejection::WorkloadIdMalformed,
        Rejection::WorkloadIdMalformed => Rejection::TrustDomainMismatch,
        Rejection::TrustDomainMismatch => Rejection::WorkloadMismatch,
        Rejection::WorkloadMismatch => return None,
    })
}
