//! HTTP/1.1 servers on loopback addresses, for requests to loopback names.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use access_broker_base::loopback_host::check_loopback_host;

/// How long a shutdown waits for requests in flight. Then it closes their connections.
pub(super) const DRAIN_TIME: Duration = Duration::from_secs(2);

/// The pause after a failed accept: without it, a lack of file descriptors would cause a busy loop.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// A server that runs until it is shut down or dropped.
#[derive(Debug)]
pub(super) struct LoopbackServer {
    local_addr: SocketAddr,
    stop: DropGuard,
    serving: JoinHandle<()>,
}

impl LoopbackServer {
    /// Serves `router` on `listener`. Requests whose `Host` is not a loopback name are refused.
    pub(super) fn start(listener: TcpListener, router: Router) -> anyhow::Result<Self> {
        let local_addr = listener.local_addr().context("cannot read the address of the listener")?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(accept_until(
            stop.clone(),
            listener,
            router.layer(middleware::from_fn(require_loopback_host)),
        ));
        Ok(Self { local_addr, stop: stop.drop_guard(), serving })
    }

    /// The address it listens on, with the actual port.
    pub(super) const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops accepting, closes idle connections, and lets requests in flight finish within [`DRAIN_TIME`].
    pub(super) async fn shutdown(self) {
        drop(self.stop);
        if let Err(error) = self.serving.await {
            tracing::warn!(%error, "an embedded server failed");
        }
    }
}

/// Listens on a loopback address and refuses any other: the embedded servers must not be reachable from a network.
pub(super) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    anyhow::ensure!(address.ip().is_loopback(), "{address} is not a loopback address");
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

async fn accept_until(stop: CancellationToken, listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stop.clone(), stream, router.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "an embedded server failed to accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_TIME, drained).await.is_err() {
        tracing::debug!(cut = connections.len(), "drain of an embedded server timed out, connections closed");
        connections.shutdown().await;
    }
}

async fn serve_connection(stop: CancellationToken, stream: TcpStream, router: Router) {
    let server = auto::Builder::new(TokioExecutor::new()).http1_only();
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection to an embedded server failed");
    }
}

async fn require_loopback_host(request: Request, next: Next) -> Response {
    match check_loopback_host(request.headers(), request.uri(), request.version()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => (refusal.status(), format!("{refusal}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn start(router: Router) -> LoopbackServer {
        LoopbackServer::start(bind("127.0.0.1:0".parse().unwrap()).await.unwrap(), router).unwrap()
    }

    /// Sends `request` and reads the beginning of the answer, leaving the connection open.
    async fn connect_and_ask(server: &LoopbackServer, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn addresses_beyond_loopback_are_refused() {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:127.0.0.1]:0"] {
            let error = bind(address.parse().unwrap()).await.unwrap_err();
            assert!(error.to_string().ends_with("is not a loopback address"), "{address}: {error}");
        }
    }

    #[tokio::test]
    async fn an_idle_keep_alive_connection_does_not_hold_up_the_shutdown() {
        let server = start(Router::new().route("/", get(|| async { "ok" }))).await;
        let mut stream = connect_and_ask(&server, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let begun = Instant::now();
        server.shutdown().await;
        assert!(begun.elapsed() < DRAIN_TIME / 2, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_stalled_upload_is_cut_after_the_drain_time() {
        let server = start(Router::new().route("/", post(|body: String| async { body }))).await;
        let address = server.local_addr();
        let request = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n";
        let mut stream = connect_and_ask(&server, request).await;
        // The handler asks for the body, which is never sent: the connection is now busy.
        let mut go_on = [0; 12];
        stream.read_exact(&mut go_on).await.unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100");
        let begun = Instant::now();
        server.shutdown().await;
        assert!(begun.elapsed() >= DRAIN_TIME && begun.elapsed() < DRAIN_TIME * 2, "{:?}", begun.elapsed());
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn only_loopback_names_are_served_on_every_path() {
        let server = start(Router::new().route("/", get(|| async { "ok" }))).await;
        for (request, status) in [
            ("GET / HTTP/1.1\r\nhost: localhost\r\n", 200),
            ("GET / HTTP/1.1\r\nhost: a.localhost:1\r\n", 200),
            ("GET http://localhost/ HTTP/1.1\r\nhost: localhost\r\n", 200),
            ("GET /none HTTP/1.1\r\nhost: 127.0.0.1\r\n", 404),
            ("POST / HTTP/1.1\r\nhost: [::1]\r\n", 405),
            ("GET / HTTP/1.1\r\nhost: page.example\r\n", 403),
            ("GET /none HTTP/1.1\r\nhost: page.example\r\n", 403),
            ("POST / HTTP/1.1\r\nhost: page.example\r\n", 403),
            ("GET http://page.example/ HTTP/1.1\r\nhost: localhost\r\n", 403),
            ("GET / HTTP/1.1\r\n", 400),
            ("GET / HTTP/1.0\r\n", 400),
            ("GET / HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n", 400),
            ("GET / HTTP/1.1\r\nhost: localhost, page.example\r\n", 400),
        ] {
            let mut stream = connect_and_ask(&server, &format!("{request}connection: close\r\n\r\n")).await;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer.split(' ').nth(1), Some(status.to_string().as_str()), "{request}");
            if matches!(status, 400 | 403) {
                let text = answer.split_once("\r\n\r\n").unwrap().1;
                assert!(text.ends_with('\n') && text.lines().count() == 1 && text.contains("Host"), "{text}");
            }
        }
    }

    #[tokio::test]
    async fn a_dropped_server_stops_listening() {
        let server = start(Router::new()).await;
        let address = server.local_addr();
        let LoopbackServer { stop, serving, .. } = server;
        drop(stop);
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
