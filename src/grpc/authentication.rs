//! Lets a call pass only with a caller whose proof was accepted.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};

use super::call::CallRecord;
use super::status::status_of_authentication_error;
use crate::broker::AuthenticatedCaller;
use crate::clock::Clock;
use crate::identity::{AuthenticationError, Authenticator, BearerToken, Caller, Rejection};

/// The methods that answer without a caller, by their exact paths. Every other path, known or not, needs one.
const EXEMPT_PATHS: [&str; 4] = [
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
            let now = clock.now();
            match authenticate(&authenticator, request.headers(), now).await {
                Ok(caller) => {
                    record.set_caller(Arc::clone(&caller));
                    // Nothing past this point has a use for the token.
                    request.headers_mut().remove(AUTHORIZATION);
                    request.extensions_mut().insert(AuthenticatedCaller { caller, at: now });
                    inner.call(request).await
                }
                Err(error) => {
                    record.set_reason(reason_code(&error));
                    // The cause is for the log only; callers get the same words for every rejected proof.
                    tracing::debug!(reason = reason_code(&error), cause = %error, "the caller was not authenticated");
                    Ok(status_of_authentication_error(&error).into_http())
                }
            }
        })
    }
}

async fn authenticate(
    authenticator: &Authenticator,
    headers: &HeaderMap,
    now: SystemTime,
) -> Result<Arc<Caller>, AuthenticationError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value,
        (None, _) => return Err(AuthenticationError::Rejected(Rejection::MissingToken)),
        (Some(_), Some(_)) => return Err(AuthenticationError::Rejected(Rejection::SeveralTokens)),
    };
    let token = BearerToken::from_authorization(value.as_bytes()).map_err(AuthenticationError::Rejected)?;
    authenticator.authenticate(token.as_str(), now).await
}

/// The reason's name in logs.
const fn reason_code(error: &AuthenticationError) -> &'static str {
    match error {
        AuthenticationError::Rejected(rejection) => rejection.code(),
        AuthenticationError::KeysUnavailable { .. } => "issuer_keys_unavailable",
    }
}
