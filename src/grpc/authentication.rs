//! Lets a call pass only with a caller whose proof was accepted.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};

use super::call::CallRecord;
use super::connection::ConnectionInfo;
use super::status::{status_of_authentication_error, status_without_connection};
use crate::broker::AuthenticatedCaller;
use crate::clock::Clock;
use crate::identity::{
    AcceptedProof, AuthenticationError, Authenticator, BearerToken, Caller, MeshHeader, Peer, Rejection, WorkloadId,
    WorkloadProof,
};

/// The methods that answer without a caller, by their exact paths. Every other path, known or not, needs one.
pub(super) const EXEMPT_PATHS: [&str; 4] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Puts [`AuthenticatedCaller`] into the extensions of every call that it lets pass.
///
/// A tower layer and not an interceptor, because a key that is not known yet must be awaited.
#[derive(Clone)]
pub struct AuthenticationLayer {
    authenticator: Arc<Authenticator>,
    clock: Arc<dyn Clock>,
}

impl AuthenticationLayer {
    /// A layer over its counterparts.
    #[must_use]
    pub fn new(authenticator: Arc<Authenticator>, clock: Arc<dyn Clock>) -> Self {
        Self { authenticator, clock }
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
        if EXEMPT_PATHS.contains(&request.uri().path()) {
            return Box::pin(inner.call(request));
        }
        let AuthenticationLayer { authenticator, clock } = self.layer.clone();
        Box::pin(async move {
            let record = request.extensions().get::<CallRecord>().cloned().unwrap_or_default();
            let Some(ConnectionInfo { peer, accepts }) = request.extensions().get::<ConnectionInfo>().cloned() else {
                return Ok(status_without_connection(record.request_id().as_str()).into_http());
            };
            let now = clock.now();
            let proofs = Proofs { peer: &peer, headers: request.headers(), now };
            let step = record.trace().step("authenticate");
            let proven = proofs.caller(&accepts, &authenticator).await;
            step.set("access_broker.outcome", if proven.is_ok() { "accepted" } else { "rejected" });
            if let Err(error) = &proven {
                step.set("access_broker.reason", reason_code(error));
            }
            drop(step);
            match proven {
                Ok(caller) => {
                    record.set_caller(Arc::clone(&caller));
                    remove_proofs(request.headers_mut());
                    request.extensions_mut().insert(AuthenticatedCaller { caller, at: now });
                    inner.call(request).await
                }
                Err(error) => {
                    record.set_rejection(reason_code(&error));
                    // The cause is for the log only; callers get the same words for every rejected proof.
                    tracing::debug!(reason = reason_code(&error), cause = %error, "the caller was not authenticated");
                    Ok(status_of_authentication_error(&error, &accepts, record.request_id().as_str()).into_http())
                }
            }
        })
    }
}

/// What one call brought to prove its caller by.
struct Proofs<'a> {
    peer: &'a Peer,
    headers: &'a HeaderMap,
    now: SystemTime,
}

impl Proofs<'_> {
    /// The caller, by the proof that the listener takes and no other.
    async fn caller(
        &self,
        accepts: &AcceptedProof,
        authenticator: &Authenticator,
    ) -> Result<Arc<Caller>, AuthenticationError> {
        match accepts {
            AcceptedProof::Token => self.by_token(authenticator).await,
            AcceptedProof::Workload(proof) => Ok(Arc::new(Caller::from_workload(self.workload(proof)?))),
            AcceptedProof::TokenAndWorkload(proof) => {
                let workload = self.workload(proof)?;
                let caller = self.by_token(authenticator).await?;
                Ok(Arc::new(caller.through(workload)?))
            }
        }
    }

    fn workload(&self, proof: &WorkloadProof) -> Result<WorkloadId, Rejection> {
        let values = proof.header().map(|header| self.headers.get_all(header.name()));
        let values = values.iter().flatten().map(HeaderValue::as_bytes);
        proof.prove(self.peer, values, self.now)
    }

    async fn by_token(&self, authenticator: &Authenticator) -> Result<Arc<Caller>, AuthenticationError> {
        let mut values = self.headers.get_all(AUTHORIZATION).iter();
        let value = match (values.next(), values.next()) {
            (Some(value), None) => value,
            (None, _) => return Err(Rejection::MissingToken.into()),
            (Some(_), Some(_)) => return Err(Rejection::SeveralTokens.into()),
        };
        let token = BearerToken::from_authorization(value.as_bytes())?;
        authenticator.authenticate(token.as_str(), self.now).await
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
