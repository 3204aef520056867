//! Who is calling, and a place for the call among the open streams.

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
use super::refusal::refuse;
use crate::admission::{Holder, Lane, NoRoom, OpenStream, SignatureTurns, UnprovenKind};
use crate::broker::AuthenticatedCaller;
use access_broker_base::clock::Clock;
use access_broker_identity::{
    AcceptedProof, AuthenticationError, Authenticator, BearerToken, Caller, MeshHeader, NewToken, Peer, Recognised,
    Rejection, WorkloadId, WorkloadProof,
};

/// Finds out who is calling. New tokens are checked when it is their turn.
pub(crate) struct Authentication {
    authenticator: Arc<Authenticator>,
    clock: Arc<dyn Clock>,
    turns: Arc<SignatureTurns>,
    hasher: RandomState,
}

/// A caller whose proof was accepted, and by whom the places of its calls are shared out.
#[derive(Debug)]
pub(crate) struct ProvenCaller {
    pub(crate) asking: AuthenticatedCaller,
    pub(crate) holder: Holder,
}

impl Authentication {
    pub(crate) fn new(authenticator: Arc<Authenticator>, clock: Arc<dyn Clock>, turns: Arc<SignatureTurns>) -> Self {
        Self { authenticator, clock, turns, hasher: RandomState::new() }
    }

    /// Finds a place for a call that needs no caller.
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

    /// Finds out who is calling, and a place for the caller's call. The proofs are removed from the headers.
    pub(crate) async fn admit_caller(
        &self,
        headers: &mut HeaderMap,
        connection: &ConnectionInfo,
        stream: &OpenStream,
        record: &CallRecord,
        counters: &CallCounters,
    ) -> Result<ProvenCaller, Failure> {
        let ConnectionInfo { peer, accepts } = connection;
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
                    // The cause is for the log only; callers get the same words for every rejected proof.
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

    /// By whom places are shared out: issuer and subject, and the workload.
    fn holder_of(&self, caller: &Caller) -> Holder {
        let token = caller.token().map(|token| (&*token.issuer, &*token.subject));
        Holder::from_name(&(token, caller.workload().map(WorkloadId::as_str)), &self.hasher)
    }
}

impl std::fmt::Debug for Authentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authentication").finish_non_exhaustive()
    }
}

/// Why a call has no proven caller.
enum NotProven {
    Error(AuthenticationError),
    /// Too many calls without a proof are open for this one to wait.
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

/// What one call brought to prove its caller by.
struct Proofs<'a> {
    peer: &'a Peer,
    headers: &'a HeaderMap,
    now: SystemTime,
    stream: &'a OpenStream,
}

impl Proofs<'_> {
    /// The caller, by the proof that the listener takes and no other.
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

    /// Waits for a key, where that is needed, and for a turn to check the signature. Meanwhile the call counts as one
    /// without a proof.
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

/// Nothing past authentication has a use for a token, or may mistake a header that a client sent for an identity.
fn remove_proofs(headers: &mut HeaderMap) {
    headers.remove(AUTHORIZATION);
    for header in MeshHeader::ALL {
        headers.remove(header.name());
    }
}
