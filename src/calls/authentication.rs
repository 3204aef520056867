//! Authentication, and the slot of the call among the open streams.

use std::hash::RandomState;
use std::sync::Arc;
use std::time::SystemTime;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::call_counters::CallCounters;
use super::cause::Cause;
use super::connection::ConnectionInfo;
use super::failure::Failure;
use super::method::CallMethod;
use super::record::CallRecord;
use super::refuse::refuse;
use crate::admission::{Holder, Lane, NoRoom, OpenStream, SignatureTurns, UnprovenKind};
use crate::broker::AuthenticatedCaller;
use access_broker_base::clock::Clock;
use access_broker_identity::{
    AcceptedProof, AuthenticationError, Authenticator, BearerToken, Caller, MeshHeader, NewToken, Peer, Recognised,
    Rejection, WorkloadId, WorkloadProof,
};

/// Authenticates callers. Signature checks of new tokens take turns.
pub(crate) struct Authentication {
    authenticator: Arc<Authenticator>,
    clock: Arc<dyn Clock>,
    turns: Arc<SignatureTurns>,
    hasher: RandomState,
}

/// An authenticated caller, and the holder that its calls share slots by.
#[derive(Debug)]
pub(crate) struct ProvenCaller {
    pub(crate) asking: AuthenticatedCaller,
    pub(crate) holder: Holder,
}

impl Authentication {
    pub(crate) fn new(authenticator: Arc<Authenticator>, clock: Arc<dyn Clock>, turns: Arc<SignatureTurns>) -> Self {
        Self { authenticator, clock, turns, hasher: RandomState::new() }
    }

    /// Takes a slot for a call that needs no caller.
    pub(crate) fn admit_without_caller(
        method: CallMethod,
        stream: &OpenStream,
        record: &CallRecord,
        counters: &CallCounters,
    ) -> Result<(), Failure> {
        let kind = match method {
            CallMethod::Reflection | CallMethod::ReflectionAlpha => UnprovenKind::Reflection,
            _ => UnprovenKind::Health,
        };
        stream.take_unproven(kind).map(drop).map_err(|NoRoom| refuse(Cause::UnprovenLimit, record, counters))
    }

    /// Authenticates the caller and takes a slot for the call. Removes the proofs from the headers.
    pub(crate) async fn admit_caller(
        &self,
        headers: &mut HeaderMap,
        connection: &ConnectionInfo,
        stream: &OpenStream,
        record: &CallRecord,
        counters: &CallCounters,
    ) -> Result<ProvenCaller, Failure> {
        let ConnectionInfo { peer, accepts, .. } = connection;
        let now = self.clock.now();
        let proofs = Proofs { peer, headers, now, stream };
        let step = record.trace().step("authenticate");
        let proven = proofs.caller(accepts, self).await;
        step.set("access_broker.outcome", if proven.is_ok() { "accepted" } else { "rejected" });
        if let Err(error) = &proven {
            step.set("access_broker.reason", error.cause().name());
        }
        drop(step);
        let caller = proven.map_err(|error| {
            let failure = refuse(error.cause(), record, counters);
            match error {
                NotProven::NoRoom => failure,
                NotProven::Error(error) => {
                    // The cause is for the log only; callers get the same text for every rejected proof.
                    let reason = Cause::from(&error).name();
                    tracing::debug!(reason, cause = %error, "authentication failed");
                    Failure::from_authentication_error(&error, accepts)
                }
            }
        })?;
        record.set_caller(Arc::clone(&caller));
        let holder = self.holder_of(&caller);
        stream.take_proven(holder).map_err(|error| refuse(error.into(), record, counters))?;
        remove_proofs(headers);
        Ok(ProvenCaller { asking: AuthenticatedCaller { caller, at: now }, holder })
    }

    /// The holder that slots are shared by: issuer and subject with its claim, and the workload.
    fn holder_of(&self, caller: &Caller) -> Holder {
        let token = caller.token().map(|token| (&*token.issuer, &token.subject));
        Holder::from_name(&(token, caller.workload().map(WorkloadId::as_str)), &self.hasher)
    }
}

impl std::fmt::Debug for Authentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authentication").finish_non_exhaustive()
    }
}

/// Why a call has no authenticated caller.
enum NotProven {
    Error(AuthenticationError),
    /// The limit of unauthenticated calls is reached.
    NoRoom,
}

impl NotProven {
    fn cause(&self) -> Cause {
        match self {
            Self::Error(error) => error.into(),
            Self::NoRoom => Cause::UnprovenLimit,
        }
    }
}

impl<E: Into<AuthenticationError>> From<E> for NotProven {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// The proofs of one call.
struct Proofs<'a> {
    peer: &'a Peer,
    headers: &'a HeaderMap,
    now: SystemTime,
    stream: &'a OpenStream,
}

impl Proofs<'_> {
    /// The caller, by the kind of proof that the listener accepts.
    async fn caller(&self, accepts: &AcceptedProof, with: &Authentication) -> Result<Arc<Caller>, NotProven> {
        match accepts {
            AcceptedProof::Token => self.by_token(with).await,
            AcceptedProof::Workload(proof) => Ok(Arc::new(Caller::from_workload(self.workload(proof)?))),
            AcceptedProof::TokenAndWorkload(proof) => {
                let workload = self.workload(proof)?;
                let caller = self.by_token(with).await?;
                Ok(Arc::new(caller.through(workload)?))
            }
        }
    }

    fn workload(&self, proof: &WorkloadProof) -> Result<WorkloadId, Rejection> {
        let values = proof.header().map(|header| self.headers.get_all(header.name()));
        let values = values.iter().flatten().map(HeaderValue::as_bytes);
        proof.prove(self.peer, values, self.now).inspect_err(|rejection| {
            if *rejection == Rejection::HopNotTrusted {
                let [peer_ip, own_ip] = [self.peer.ip(), self.peer.own_ip].map(|ip| ip.map(tracing::field::display));
                tracing::debug!(peer_ip, own_ip, "mesh header refused: its sender is not the trusted_hop");
            }
        })
    }

    async fn by_token(&self, with: &Authentication) -> Result<Arc<Caller>, NotProven> {
        let mut values = self.headers.get_all(AUTHORIZATION).iter();
        let value = match (values.next(), values.next()) {
            (Some(value), None) => value,
            (None, _) => return Err(Rejection::MissingToken.into()),
            (Some(_), Some(_)) => return Err(Rejection::SeveralTokens.into()),
        };
        let token = BearerToken::from_authorization(value.as_bytes())?;
        match with.authenticator.recognise(token.as_str(), self.now, self.peer.certificate_thumbprint())? {
            Recognised::Known(caller) => Ok(caller),
            Recognised::New(token) => self.by_new_token(token, with).await,
        }
    }

    /// Waits for a signing key, if needed, and for a turn to check the signature. Meanwhile the call counts as
    /// unauthenticated.
    async fn by_new_token(&self, token: NewToken<'_>, with: &Authentication) -> Result<Arc<Caller>, NotProven> {
        let taken_away = self.stream.take_unproven(UnprovenKind::Pending).map_err(|NoRoom| NotProven::NoRoom)?;
        let turn = || with.turns.wait(Lane(self.stream.connection().id()));
        tokio::select! {
            biased;
            verified = with.authenticator.verify(token, self.now, turn) => Ok(verified?),
            () = taken_away.cancelled() => Err(NotProven::NoRoom),
        }
    }
}

/// After authentication, no step needs a token, or may take a header from a client for an identity.
fn remove_proofs(headers: &mut HeaderMap) {
    headers.remove(AUTHORIZATION);
    for header in MeshHeader::ALL {
        headers.remove(header.name());
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use access_broker_base::clock::SystemClock;
    use access_broker_identity::{ClaimPath, ClaimSet, Names, Subject, TokenIdentity};

    #[test]
    fn only_calls_of_the_same_caller_share_slots() {
        let authenticator = Arc::new(Authenticator::new(Vec::new(), 0).unwrap());
        let authentication = Authentication::new(authenticator, Arc::new(SystemClock), SignatureTurns::new(1));
        let holder = |issuer: &str, subject: Subject, workload: Option<&str>| {
            let caller = Caller::from_token(Arc::new(TokenIdentity {
                issuer: issuer.into(),
                subject,
                groups: Names::default(),
                scopes: Names::default(),
                claims: ClaimSet::pack(&serde_json::Map::new(), false).unwrap(),
                expires_at: SystemTime::UNIX_EPOCH,
            }));
            let workload = workload.map(|id| WorkloadId::parse(id).unwrap());
            authentication.holder_of(&workload.map_or(caller.clone(), |workload| caller.through(workload).unwrap()))
        };
        let from = |claim| Subject::from_claim("a", &ClaimPath::parse(claim).unwrap());
        assert_eq!(holder("i", Subject::from("a"), None), holder("i", from("sub"), None));
        assert_eq!(holder("i", from("email"), None), holder("i", from("email"), None));
        let others = [
            holder("i", Subject::from("a"), None),
            holder("i", from("email"), None),
            holder("i", from("/user/id"), None),
            holder("i", Subject::from("b"), None),
            holder("j", Subject::from("a"), None),
            holder("i", Subject::from("a"), Some("spiffe://prod.example/a")),
            holder("i", from("email"), Some("spiffe://prod.example/a")),
        ];
        for (index, one) in others.iter().enumerate() {
            assert!(others.iter().skip(index + 1).all(|other| other != one), "{index}");
        }
    }
}
