//! Lets a call pass only with a caller whose proof was accepted.

use std::future::Future;
use std::hash::RandomState;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::call_counters::CallCounters;
use super::connection::ConnectionInfo;
use super::method::CallMethod;
use super::record::CallRecord;
use crate::admission::{Holder, Lane, NoRoom, NoShare, OpenStream, SignatureTurns, UnprovenKind};
use crate::broker::AuthenticatedCaller;
use crate::clock::Clock;
use crate::grpc::status::{
    status_of_authentication_error, status_of_callers_overload, status_of_overload, status_without_connection,
};
use crate::identity::{
    AcceptedProof, AuthenticationError, Authenticator, BearerToken, Caller, MeshHeader, NewToken, Peer, Recognised,
    Rejection, WorkloadId, WorkloadProof,
};

/// The methods that answer without a caller, by their exact paths. Every other path needs one; those that no method has do
/// not come here.
pub(crate) const EXEMPT_PATHS: [&str; 4] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Puts [`AuthenticatedCaller`] into the extensions of every call that it lets pass, and finds the call a place among the
/// open streams: those of its caller, or those without a proof.
///
/// A tower layer and not an interceptor, because a key that is not known yet must be awaited.
#[derive(Clone)]
pub struct AuthenticationLayer {
    authenticator: Arc<Authenticator>,
    clock: Arc<dyn Clock>,
    turns: Arc<SignatureTurns>,
    counters: Arc<CallCounters>,
    hasher: RandomState,
}

impl AuthenticationLayer {
    /// A layer over its counterparts. New tokens are checked when it is their turn.
    #[must_use]
    pub fn new(
        authenticator: Arc<Authenticator>,
        clock: Arc<dyn Clock>,
        turns: Arc<SignatureTurns>,
        counters: Arc<CallCounters>,
    ) -> Self {
        Self { authenticator, clock, turns, counters, hasher: RandomState::new() }
    }
}

impl std::fmt::Debug for AuthenticationLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthenticationLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AuthenticationLayer {
    type Service = Authentication<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authentication { inner, layer: self.clone() }
    }
}

/// The service that [`AuthenticationLayer`] makes.
#[derive(Debug, Clone)]
pub struct Authentication<S> {
    inner: S,
    layer: AuthenticationLayer,
}

impl<S> Service<Request<Body>> for Authentication<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The service that was polled ready is the one that must be called.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        if EXEMPT_PATHS.contains(&request.uri().path()) {
            return match layer.admit_without_proof(&request) {
                Ok(()) => Box::pin(inner.call(request)),
                Err(status) => Box::pin(async move { Ok(status.into_http()) }),
            };
        }
        Box::pin(async move {
            match layer.admit_caller(&mut request).await {
                Ok(()) => inner.call(request).await,
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}

impl AuthenticationLayer {
    /// Finds a place for a call of health or reflection.
    fn admit_without_proof<B>(&self, request: &Request<B>) -> Result<(), Status> {
        let record = record_of(request);
        let Some(stream) = request.extensions().get::<Arc<OpenStream>>() else {
            return Err(status_without_connection(record.request_id().as_str()));
        };
        let kind = match CallMethod::of_path(request.uri().path()) {
            CallMethod::Reflection | CallMethod::ReflectionAlpha => UnprovenKind::Reflection,
            _ => UnprovenKind::Health,
        };
        stream.take_unproven(kind).map(drop).map_err(|NoRoom| refuse_without_proof(&record, &self.counters))
    }

    /// Finds out who is calling, and a place for the caller's call.
    async fn admit_caller<B>(&self, request: &mut Request<B>) -> Result<(), Status> {
        let record = record_of(request);
        let extensions = request.extensions();
        let (Some(ConnectionInfo { peer, accepts }), Some(stream)) =
            (extensions.get::<ConnectionInfo>().cloned(), extensions.get::<Arc<OpenStream>>().cloned())
        else {
            return Err(status_without_connection(record.request_id().as_str()));
        };
        let now = self.clock.now();
        let proofs = Proofs { peer: &peer, headers: request.headers(), now, stream: &stream };
        let step = record.trace().step("authenticate");
        let proven = proofs.caller(&accepts, self).await;
        step.set("access_broker.outcome", if proven.is_ok() { "accepted" } else { "rejected" });
        if let Err(error) = &proven {
            step.set("access_broker.reason", error.reason());
        }
        drop(step);
        let caller = proven.map_err(|error| match error {
            NotProven::NoRoom => refuse_without_proof(&record, &self.counters),
            NotProven::Error(error) => {
                record.set_rejection(reason_code(&error));
                // The cause is for the log only; callers get the same words for every rejected proof.
                tracing::debug!(reason = reason_code(&error), cause = %error, "the caller was not authenticated");
                status_of_authentication_error(&error, &accepts, record.request_id().as_str())
            }
        })?;
        record.set_caller(Arc::clone(&caller));
        let holder = self.holder_of(&caller);
        stream.take_proven(holder).map_err(|error| refuse_caller(error, &record, &self.counters))?;
        record.set_holder(holder);
        remove_proofs(request.headers_mut());
        request.extensions_mut().insert(AuthenticatedCaller { caller, at: now });
        Ok(())
    }

    /// By whom places are shared out: issuer and subject, and the workload.
    fn holder_of(&self, caller: &Caller) -> Holder {
        let token = caller.token().map(|token| (&*token.issuer, &*token.subject));
        Holder::of(&(token, caller.workload().map(WorkloadId::as_str)), &self.hasher)
    }
}

/// The answer to a call without a proven caller for which there is no place, noted and counted.
pub(crate) fn refuse_without_proof(record: &CallRecord, counters: &CallCounters) -> Status {
    counters.unproven_refused.add_one();
    record.set_reason("unproven_limit");
    status_of_overload(record.request_id().as_str())
}

/// The answer to a caller for whose call there is no place, noted and counted.
pub(crate) fn refuse_caller(error: NoShare, record: &CallRecord, counters: &CallCounters) -> Status {
    let request_id = record.request_id().as_str();
    match error {
        NoShare::OverShare => {
            counters.over_share.add_one();
            record.set_reason("caller_overloaded");
            status_of_callers_overload(request_id)
        }
        NoShare::Full => {
            counters.shed.add_one();
            record.set_reason("overloaded");
            status_of_overload(request_id)
        }
    }
}

fn record_of<B>(request: &Request<B>) -> CallRecord {
    request.extensions().get::<CallRecord>().cloned().unwrap_or_default()
}

/// Why a call has no proven caller.
enum NotProven {
    Error(AuthenticationError),
    /// Too many calls without a proof are open for this one to wait.
    NoRoom,
}

impl NotProven {
    const fn reason(&self) -> &'static str {
        match self {
            Self::Error(error) => reason_code(error),
            Self::NoRoom => "unproven_limit",
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
    async fn caller(&self, accepts: &AcceptedProof, layer: &AuthenticationLayer) -> Result<Arc<Caller>, NotProven> {
        match accepts {
            AcceptedProof::Token => self.by_token(layer).await,
            AcceptedProof::Workload(proof) => Ok(Arc::new(Caller::from_workload(self.workload(proof)?))),
            AcceptedProof::TokenAndWorkload(proof) => {
                let workload = self.workload(proof)?;
                let caller = self.by_token(layer).await?;
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
                tracing::debug!(peer_ip, own_ip, "a mesh header came from elsewhere than trusted_hop");
            }
        })
    }

    async fn by_token(&self, layer: &AuthenticationLayer) -> Result<Arc<Caller>, NotProven> {
        let mut values = self.headers.get_all(AUTHORIZATION).iter();
        let value = match (values.next(), values.next()) {
            (Some(value), None) => value,
            (None, _) => return Err(Rejection::MissingToken.into()),
            (Some(_), Some(_)) => return Err(Rejection::SeveralTokens.into()),
        };
        let token = BearerToken::from_authorization(value.as_bytes())?;
        match layer.authenticator.recognise(token.as_str(), self.now, self.peer.certificate_thumbprint())? {
            Recognised::Known(caller) => Ok(caller),
            Recognised::New(token) => self.by_new_token(token, layer).await,
        }
    }

    /// Waits for a key, where that is needed, and for a turn to check the signature. Meanwhile the call counts as one
    /// without a proof.
    async fn by_new_token(&self, token: NewToken<'_>, layer: &AuthenticationLayer) -> Result<Arc<Caller>, NotProven> {
        let taken_away = self.stream.take_unproven(UnprovenKind::Pending).map_err(|NoRoom| NotProven::NoRoom)?;
        let turn = || layer.turns.wait(Lane(self.stream.connection().id()));
        tokio::select! {
            biased;
            verified = layer.authenticator.verify(token, self.now, turn) => Ok(verified?),
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

/// The reason's name in logs.
const fn reason_code(error: &AuthenticationError) -> &'static str {
    match error {
        AuthenticationError::Rejected(rejection) => rejection.code(),
        AuthenticationError::KeysUnavailable { .. } => "issuer_keys_unavailable",
    }
}
