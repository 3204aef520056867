//! What the admin port answers:
//!
//! - `GET /livez`: 200 while the process runs.
//! - `GET /readyz`: 200 when calls are answered, otherwise 503 with what is missing, a line each.
//! - `GET /metrics`: the metrics, as `OpenMetrics` text.
//!
//! No route reads a request's body.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::server::readiness::Readiness;
use crate::telemetry::{METRICS_CONTENT_TYPE, Metrics};

pub(in crate::server) fn routes(readiness: Readiness, metrics: Metrics) -> Router {
    let scrapes = Scrapes { metrics: Arc::new(metrics), turn: Arc::new(Semaphore::new(1)) };
    Router::new()
        .route("/livez", get(|| async { "live\n" }))
        .route("/readyz", get(ready).with_state(readiness))
        .route("/metrics", get(scrape).with_state(scrapes))
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let missing = readiness.missing();
    if missing.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let lines: Vec<String> = missing.iter().map(|missing| format!("{missing}\n")).collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines.concat())
}

#[derive(Clone)]
struct Scrapes {
    metrics: Arc<Metrics>,
    /// One scrape at a time is rendered, so that a flood of them takes one processor at most.
    turn: Arc<Semaphore>,
}

/// Renders apart from the threads that serve calls: with many tiers it takes milliseconds, and it reads files of
/// `/proc`.
async fn scrape(State(Scrapes { metrics, turn }): State<Scrapes>) -> Response {
    let rendered = match turn.acquire_owned().await {
        Ok(turn) => {
            let render = move || {
                let text = metrics.text();
                drop(turn);
                text.ok()
            };
            spawn_blocking(render).await.ok().flatten()
        }
        Err(_) => None,
    };
    match rendered {
        Some(text) => ([(CONTENT_TYPE, METRICS_CONTENT_TYPE)], text).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
