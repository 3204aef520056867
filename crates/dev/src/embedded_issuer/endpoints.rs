//! The issuer over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::json;

use super::TokenIssuer;
use super::token_request::{TokenRequest, TokenRequestError};

pub(super) const MAX_TOKEN_REQUEST_BYTES: usize = 4_096;

/// Tokens and their errors are never to be stored (RFC 6749 section 5.1).
const NO_STORE: [(HeaderName, &str); 2] = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];

pub(super) fn router(issuer: Arc<TokenIssuer>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/.well-known/jwks.json", get(jwks))
        .route("/token", post(token))
        .layer(DefaultBodyLimit::max(MAX_TOKEN_REQUEST_BYTES))
        .with_state(issuer)
}

/// OIDC Discovery 1.0 section 3, without an authorization endpoint: this issuer has no sign-in by browser.
async fn discovery(State(issuer): State<Arc<TokenIssuer>>) -> Response {
    let url = &issuer.url;
    json_answer(&json!({
        "issuer": url,
        "jwks_uri": format!("{url}/.well-known/jwks.json"),
        "token_endpoint": format!("{url}/token"),
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": ["password"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "email", "email_verified"],
    }))
}

async fn jwks(State(issuer): State<Arc<TokenIssuer>>) -> Response {
    json_answer(issuer.key.jwks())
}

async fn token(
    State(issuer): State<Arc<TokenIssuer>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let request = match read_request(&headers, body) {
        Ok(request) => request,
        Err(error) => return refusal(error),
    };
    match issuer.issue(request.user.name, request.lifetime) {
        Ok(tokens) => (NO_STORE, json_answer(&tokens)).into_response(),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "the embedded issuer failed to sign a token");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Does not use axum's `Json`: it enables a feature of `serde_json` that gives some member names a special meaning.
fn json_answer(body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => {
            tracing::warn!(%error, "the embedded issuer failed to write its answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn read_request(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<TokenRequest, TokenRequestError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(TokenRequestError::NotAForm);
    }
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => TokenRequestError::TooLarge,
        _ => TokenRequestError::NotAForm,
    })?;
    TokenRequest::parse(&body)
}

fn refusal(error: TokenRequestError) -> Response {
    let status = match error {
        TokenRequestError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    let body = json!({ "error": error.code(), "error_description": error.to_string() });
    (status, NO_STORE, json_answer(&body)).into_response()
}
