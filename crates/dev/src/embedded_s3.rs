//! An S3 server inside the process. It verifies signatures and stores objects as files in a directory.

mod access_key;
mod access_rules;
mod attributes;
mod contents;
mod cors;
mod form_token;
mod key_locks;
mod object_file;
mod object_store;
mod precondition;
mod request_guard;
#[cfg(test)]
mod tests;
mod verified_body;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use aws_lc_rs::rand;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::ORIGIN;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use s3s::service::{S3Service, S3ServiceBuilder};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use super::loopback_server::{self, LoopbackServer};
use access_key::AccessKeys;
pub use access_key::{AccessKey, Session};
use access_rules::AccessRules;
use object_store::ObjectStore;

/// Options of [`EmbeddedS3::start`].
#[derive(Clone)]
pub struct EmbeddedS3Options {
    /// The loopback address to listen on. Port 0 selects a free port.
    pub address: SocketAddr,
    /// The directory that holds one directory per bucket. It is created if missing, and never removed.
    pub data_dir: PathBuf,
    /// The keys that requests may be signed with.
    pub keys: Vec<AccessKey>,
    /// The name of the one bucket, valid at S3.
    pub bucket: String,
    /// The region that signatures must be for. `None`: any.
    pub region: Option<String>,
    /// The 12-digit account that owns the bucket: a request whose `x-amz-expected-bucket-owner` names another is
    /// refused. `None`: that header is ignored.
    pub owner: Option<String>,
    /// Whether requests must have `x-amz-request-payer: requester`.
    pub requester_pays: bool,
}

impl fmt::Debug for EmbeddedS3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedS3Options")
            .field("address", &self.address)
            .field("data_dir", &self.data_dir)
            .field("keys", &self.keys)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("owner", &self.owner)
            .field("requester_pays", &self.requester_pays)
            .finish()
    }
}

/// A running S3 server, path style, over plain HTTP on loopback. Dropping it stops it.
///
/// Each request must have an AWS Signature Version 4 by one of its keys, in a header or in the query. Pages of every
/// origin may use presigned URLs. `Host` must be a loopback name.
///
/// Storage classes, encryption and tags are checked, stored and returned, but not applied: nothing is encrypted.
/// Listings omit objects whose keys are too long for the file system.
#[derive(Debug)]
pub struct EmbeddedS3 {
    server: LoopbackServer,
}

impl EmbeddedS3 {
    /// Creates the bucket's directory and starts to serve.
    ///
    /// # Errors
    ///
    /// When the address is not a loopback address or is in use, the bucket's name or owner is invalid, or the directory
    /// cannot be used.
    pub async fn start(options: EmbeddedS3Options) -> anyhow::Result<Self> {
        let EmbeddedS3Options { address, data_dir, keys, bucket, region, owner, requester_pays } = options;
        let is_account = |owner: &String| owner.len() == 12 && owner.bytes().all(|byte| byte.is_ascii_digit());
        anyhow::ensure!(owner.as_ref().is_none_or(is_account), "the bucket's owner must be an account id of 12 digits");
        let objects = ObjectStore::open(&data_dir, bucket).await?;
        let keys = AccessKeys::new(keys);
        let mut service = S3ServiceBuilder::new(objects);
        service.set_auth(keys.clone());
        service.set_access(AccessRules { keys, owner, requester_pays, region: region.clone() });
        let handler = RequestHandler { service: service.build(), region: region.map(Arc::from) };
        let router = Router::new()
            .fallback(answer)
            // S3 accepts objects of up to 5 GiB in one PUT; they are streamed to disk.
            .layer(DefaultBodyLimit::disable())
            .with_state(handler);
        let listener = loopback_server::bind(address).await.context("cannot start the embedded S3 server")?;
        Ok(Self { server: LoopbackServer::start(listener, router)? })
    }

    /// The address it listens on, with the actual port.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// The endpoint URL for S3 clients, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.local_addr())
    }

    /// Stops: transfers in flight have two seconds to finish, then their connections are closed.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

/// A new access key id and its secret, in AWS's format: `AKIA` and 16 characters, and 40 characters.
///
/// # Errors
///
/// When the operating system's random numbers are unavailable.
pub fn generate_key_pair() -> anyhow::Result<(String, String)> {
    const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut id = [0; 16];
    let mut secret = [0; 30];
    rand::fill(&mut id).context("random numbers are unavailable for an access key id")?;
    rand::fill(&mut secret).context("random numbers are unavailable for a secret access key")?;
    let id = id.iter().filter_map(|byte| BASE32.get(usize::from(byte % 32))).map(|&letter| char::from(letter));
    Ok(("AKIA".chars().chain(id).collect(), STANDARD.encode(secret)))
}

/// Handles requests between the socket and the object store.
#[derive(Clone)]
struct RequestHandler {
    service: S3Service,
    region: Option<Arc<str>>,
}

async fn answer(State(handler): State<RequestHandler>, request: Request) -> Response {
    if let Some(answer) = cors::preflight_answer(request.method(), request.headers()) {
        return answer;
    }
    let is_cross_origin = request.headers().contains_key(ORIGIN);
    let mut answer = answer_signed(handler, request).await;
    cors::add_headers(answer.headers_mut(), is_cross_origin);
    answer
}

async fn answer_signed(handler: RequestHandler, request: Request) -> Response {
    if let Err(refusal) = request_guard::check(request.uri(), request.headers(), handler.region.as_deref()) {
        return refusal.into_response();
    }
    let method = request.method().clone();
    let request = form_token::attach_token(request).await.map(s3s::Body::http_body_unsync);
    // s3s logs whole requests, signatures included, and records them in spans: this discards its logs and spans.
    match handler.service.call(request).with_subscriber(NoSubscriber::default()).await {
        Ok(response) => {
            tracing::debug!(%method, status = response.status().as_u16(), "the embedded S3 server answered");
            response.map(Body::new)
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
