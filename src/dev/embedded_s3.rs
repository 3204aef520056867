//! An S3 server inside the process: real signatures, objects as files in a folder.

mod creations;
mod object_store;
mod request_guard;
#[cfg(test)]
mod tests;
mod verified_body;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use aws_lc_rs::rand;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use super::loopback_server::{self, LoopbackServer};
use object_store::ObjectStore;

/// What [`EmbeddedS3::start`] needs to know.
#[derive(Clone)]
pub struct EmbeddedS3Options {
    /// Where to listen: a loopback address, port 0 for a free one.
    pub address: SocketAddr,
    /// The folder that holds one folder per bucket. It is created when missing and kept at the end.
    pub data_dir: PathBuf,
    /// The id of the one key pair that requests must be signed with.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// The one bucket, under a name that S3 would allow.
    pub bucket: String,
}

impl fmt::Debug for EmbeddedS3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedS3Options")
            .field("address", &self.address)
            .field("data_dir", &self.data_dir)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

/// A running S3 server, path style, over plain HTTP on loopback. Dropping it stops it.
///
/// Every request must carry an AWS Signature Version 4 of its one key pair, in a header or in the query. Any region is accepted.
#[derive(Debug)]
pub struct EmbeddedS3 {
    server: LoopbackServer,
}

impl EmbeddedS3 {
    /// Creates the bucket's folder and starts to serve.
    ///
    /// # Errors
    ///
    /// When the address is not a loopback address or is taken, S3 would not allow the bucket's name, or the folder
    /// cannot be used.
    pub async fn start(options: EmbeddedS3Options) -> anyhow::Result<Self> {
        let EmbeddedS3Options { address, data_dir, access_key_id, secret_access_key, bucket } = options;
        let objects = ObjectStore::open(&data_dir, bucket).await?;
        let mut service = S3ServiceBuilder::new(objects);
        service.set_auth(SimpleAuth::from_single(access_key_id, secret_access_key));
        let router = Router::new()
            .fallback(answer)
            // S3 takes objects of up to 5 GiB in one PUT; they are streamed to disk.
            .layer(DefaultBodyLimit::disable())
            .with_state(service.build());
        let listener = loopback_server::bind(address).await.context("cannot start the embedded S3 server")?;
        Ok(Self { server: LoopbackServer::start(listener, router)? })
    }

    /// The address it listens on, with the port that was taken.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// The endpoint URL for S3 clients, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.local_addr())
    }

    /// Stops: transfers under way have two seconds to finish, then they are cut.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

/// A new access key id and its secret, shaped like those of AWS: `AKIA` and 16 characters, and 40 characters.
///
/// # Errors
///
/// When the operating system has no randomness to give.
pub fn generate_key_pair() -> anyhow::Result<(String, String)> {
    const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut id = [0; 16];
    let mut secret = [0; 30];
    rand::fill(&mut id).context("no randomness for an access key id")?;
    rand::fill(&mut secret).context("no randomness for a secret access key")?;
    let id = id.iter().filter_map(|byte| BASE32.get(usize::from(byte % 32))).map(|&letter| char::from(letter));
    Ok(("AKIA".chars().chain(id).collect(), STANDARD.encode(secret)))
}

async fn answer(State(service): State<S3Service>, request: Request) -> Response {
    if let Err(refusal) = request_guard::check(request.uri(), request.headers()) {
        return refusal.into_response();
    }
    let method = request.method().clone();
    let request = request.map(s3s::Body::http_body_unsync);
    // s3s logs whole requests, signatures included, and records them in spans: it gets no subscriber to tell.
    match service.call(request).with_subscriber(NoSubscriber::default()).await {
        Ok(response) => {
            tracing::debug!(%method, status = response.status().as_u16(), "the embedded S3 server answered");
            response.map(Body::new)
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
