//! The closed list of reasons, and that each has a case.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::successors;

use access_broker_identity::Rejection;

use super::data::Corpus;
use super::workloads::Workloads;

#[test]
fn every_reason_is_in_the_corpus_of_tokens_or_cannot_come_from_a_token() {
    let corpus = Corpus::read();
    let caused: BTreeSet<&str> = corpus.cases.iter().filter_map(|case| case.reason.as_deref()).collect();
    assert_divided(&all().map(Rejection::code).collect(), &caused, &corpus.not_by_token);
}

#[test]
fn every_reason_that_no_token_can_cause_is_in_the_corpus_of_workloads_or_cannot_come_from_a_header() {
    let (tokens, workloads) = (Corpus::read(), Workloads::read());
    let caused: BTreeSet<&str> = workloads.cases.iter().filter_map(|case| case.reason.as_deref()).collect();
    assert_divided(&tokens.not_by_token.keys().map(String::as_str).collect(), &caused, &workloads.not_by_header);
}

/// Each reason has a case or is excused, and not both; nothing else is excused.
fn assert_divided(reasons: &BTreeSet<&str>, caused: &BTreeSet<&str>, excused: &BTreeMap<String, String>) {
    for reason in reasons {
        match (caused.contains(reason), excused.contains_key(*reason)) {
            (true, false) | (false, true) => {}
            (false, false) => panic!("no case is refused as {reason}"),
            (true, true) => panic!("{reason} is said to come from no case, and does"),
        }
    }
    for reason in excused.keys() {
        assert!(reasons.contains(reason.as_str()), "there is no reason {reason} here");
    }
}

/// Every reason.
fn all() -> impl Iterator<Item = Rejection> {
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
        Rejection::UnknownIssuer => Rejection::TenantMismatch,
        Rejection::TenantMismatch => Rejection::UnknownKey,
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
        Rejection::ScopesMalformed => Rejection::ClaimNamesMalformed,
        Rejection::ClaimNamesMalformed => Rejection::RequiredClaimMissing,
        Rejection::RequiredClaimMissing => Rejection::SecurityEventToken,
        Rejection::SecurityEventToken => Rejection::ConfirmationMalformed,
        Rejection::ConfirmationMalformed => Rejection::ConfirmationUnsupported,
        Rejection::ConfirmationUnsupported => Rejection::ConfirmationWithoutCertificate,
        Rejection::ConfirmationWithoutCertificate => Rejection::ConfirmationMismatch,
        Rejection::ConfirmationMismatch => Rejection::ServiceAccountMalformed,
        Rejection::ServiceAccountMalformed => Rejection::WorkloadMissing,
        Rejection::WorkloadMissing => Rejection::HopNotTrusted,
        Rejection::HopNotTrusted => Rejection::MeshHeaderMalformed,
        Rejection::MeshHeaderMalformed => Rejection::SeveralMeshElements,
        Rejection::SeveralMeshElements => Rejection::ClientCertificateUnusable,
        Rejection::ClientCertificateUnusable => Rejection::ClientCertificateExpired,
        Rejection::ClientCertificateExpired => Rejection::WorkloadIdMalformed,
        Rejection::WorkloadIdMalformed => Rejection::TrustDomainMismatch,
        Rejection::TrustDomainMismatch => Rejection::WorkloadMismatch,
        Rejection::WorkloadMismatch => return None,
    })
}
