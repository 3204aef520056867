//! JWT-SVIDs ([SPIFFE JWT-SVID](https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md)).

use crate::rejection::Rejection;
use crate::workload::{SpiffeId, TRUST_DOMAIN_SCHEME};

/// The workload that the subject names, which must be of the issuer's trust domain (section 3.1).
///
/// # Invariant
///
/// The keys of a trust domain are valid only for ids of that domain: a federated domain cannot name workloads of
/// another.
pub(super) fn workload(subject: &str, issuer: &str) -> Result<SpiffeId, Rejection> {
    let id = SpiffeId::parse(subject).map_err(|_| Rejection::WorkloadIdMalformed)?;
    if issuer.strip_prefix(TRUST_DOMAIN_SCHEME) == Some(id.trust_domain()) {
        Ok(id)
    } else {
        Err(Rejection::TrustDomainMismatch)
    }
}
