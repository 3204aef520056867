//! The routes of the admin port:
//!
//! - `GET /livez`: 200 while the process runs.
//! - `GET /readyz`: 200 when the server serves, otherwise 503. Both list the unavailable parts, one per line.
//! - `GET /metrics`: the metrics, in the text format that `Accept` prefers.
//!
//! No route reads a request's body. With `loopback_hosts_only`, `Host` must be a loopback name.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::accept::preferred_format;
use crate::server::lifecycle::readiness::Readiness;
use crate::server::lifecycle::server_state::ServerState;
use crate::telemetry::Metrics;
use access_broker_base::loopback_host::check_loopback_host;

pub(in crate::server) fn routes(readiness: Readiness, metrics: Metrics, loopback_hosts_only: bool) -> Router {
    let scrapes = Scrapes { metrics: Arc::new(metrics), turn: Arc::new(Semaphore::new(1)) };
    let routes = Router::new()
        .route("/livez", get(|| async { "live\n" }))
        .route("/readyz", get(ready).with_state(readiness))
        .route("/metrics", get(scrape).with_state(scrapes));
    if loopback_hosts_only { routes.layer(middleware::from_fn(require_loopback_host)) } else { routes }
}

async fn require_loopback_host(request: Request, next: Next) -> Response {
    match check_loopback_host(request.headers(), request.uri(), request.version()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => (refusal.status(), format!("{refusal}\n")).into_response(),
    }
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let state = readiness.state();
    let (status, first) = match state {
        ServerState::Serving(_) => (StatusCode::OK, "ready"),
        ServerState::Starting(_) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        ServerState::NotServing(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
        ServerState::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
    };
    let missing: Vec<String> = state.missing().iter().map(|part| format!("without {part}\n")).collect();
    (status, format!("{first}\n{}", missing.concat()))
}

#[derive(Clone)]
struct Scrapes {
    metrics: Arc<Metrics>,
    /// One scrape is rendered at a time, so that a flood of them uses one core at most.
    turn: Arc<Semaphore>,
}

/// Renders on a blocking thread: with many tiers it takes milliseconds, and it reads files of `/proc`.
async fn scrape(State(Scrapes { metrics, turn }): State<Scrapes>, headers: HeaderMap) -> Response {
    let format = preferred_format(&headers);
    let rendered = match turn.acquire_owned().await {
        Ok(turn) => {
            let render = move || {
                let text = metrics.text(format);
                drop(turn);
                text.ok()
            };
            spawn_blocking(render).await.ok().flatten()
        }
        Err(_) => None,
    };
    match rendered {
        Some(text) => {
            let content_type = HeaderValue::from_static(format.content_type());
            ([(CONTENT_TYPE, content_type), (VARY, ACCEPT.into())], text).into_response()
        }
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
