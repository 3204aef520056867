//! HTTP/2 without gRPC: requests with any head and any bytes.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tonic::Status;

/// A connection of a client that sends what it likes.
pub(crate) struct Http2Client(SendRequest<Full<Bytes>>);

/// The whole of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Response<()>,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
}

impl Http2Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::connect_with_window(address, 65_535).await
    }

    /// A client that has room for so many bytes of an answer's body.
    pub(crate) async fn connect_with_window(address: SocketAddr, window: u32) -> Self {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let mut builder = Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(window);
        let (sender, connection) = builder.handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// The answer as soon as its head is there.
    pub(crate) async fn begin(&mut self, request: Request<Full<Bytes>>) -> Response<hyper::body::Incoming> {
        self.0.ready().await.unwrap();
        self.0.send_request(request).await.unwrap()
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Answer {
        let (head, body) = self.begin(request).await.into_parts();
        let read = body.collect().await.unwrap();
        let trailers = read.trailers().cloned().unwrap_or_default();
        Answer { head: Response::from_parts(head, ()), body: read.to_bytes(), trailers }
    }
}

impl Answer {
    /// The gRPC status, from wherever it is.
    pub(crate) fn status(&self) -> Status {
        Status::from_header_map(&self.trailers)
            .or_else(|| Status::from_header_map(self.head.headers()))
            .unwrap_or_else(|| panic!("no gRPC status: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers().get(name).map(|value| value.to_str().unwrap())
    }
}

/// A message behind its flag and its length.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag], u32::try_from(message.len()).unwrap().to_be_bytes().as_slice(), message].concat()
}
