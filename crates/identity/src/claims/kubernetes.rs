//! Service-account tokens of Kubernetes
//! ([Kubernetes: managing service accounts](https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens)).

use serde_json::Value;

use crate::rejection::Rejection;
use crate::token::SignedClaims;

const SUBJECT_PREFIX: &str = "system:serviceaccount:";

/// The groups of a service account, the same as at the API server: all service accounts, and those of its namespace.
///
/// Only tokens bound to a service account are accepted. Its namespace and name are in the subject and in the claim
/// `kubernetes.io`, and must be equal.
pub(super) fn groups(subject: &str, claims: &SignedClaims) -> Result<[Box<str>; 2], Rejection> {
    let account = subject.strip_prefix(SUBJECT_PREFIX).and_then(|account| account.split_once(':'));
    // For the API server, a subject of more parts is not a service account.
    let account = account.filter(|(_, name)| !name.contains(':'));
    let (namespace, name) = account.ok_or(Rejection::ServiceAccountMalformed)?;
    let bound = claims.get("kubernetes.io").ok_or(Rejection::ServiceAccountMalformed)?;
    let says = |pointer: &str, expected: &str| {
        !expected.is_empty() && bound.pointer(pointer).and_then(Value::as_str) == Some(expected)
    };
    if says("/namespace", namespace) && says("/serviceaccount/name", name) {
        Ok(["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}").into()])
    } else {
        Err(Rejection::ServiceAccountMalformed)
    }
}
