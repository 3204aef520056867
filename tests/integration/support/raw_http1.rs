//! HTTP/1 byte by byte (RFC 9112), for requests that no client library sends.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time;
use tokio_rustls::TlsConnector;

use super::PATIENCE;
use super::pki::{Authority, Issued};

/// How long the server may take to accept bytes.
const SENDING: Duration = Duration::from_secs(2);

pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// A connection of a client that sends any bytes.
pub(crate) struct Http1Client {
    transport: Box<dyn Transport>,
    unread: Vec<u8>,
}

/// The whole of an answer.
#[derive(Debug)]
pub(crate) struct Http1Answer {
    pub(crate) version: String,
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Http1Answer {
    /// The only value of a header. Fails if there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let first = values.next();
        assert!(values.next().is_none(), "{name} is repeated: {self:?}");
        first.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Http1Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) async fn connect_unix(path: &Path) -> Self {
        Self::over(UnixStream::connect(path).await.unwrap())
    }

    pub(crate) fn over(transport: impl Transport + 'static) -> Self {
        Self { transport: Box::new(transport), unread: Vec::new() }
    }

    /// Sends bytes. `TimedOut` when the server does not accept them.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let sending = async {
            self.transport.write_all(bytes.as_ref()).await?;
            self.transport.flush().await
        };
        time::timeout(SENDING, sending).await?
    }

    /// Sends a request, and reads its answer.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Http1Answer {
        self.send(request).await.unwrap();
        self.next().await.expect("an answer")
    }

    /// The next answer; `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Http1Answer> {
        self.read_answer(true).await
    }

    /// The next answer, which has no body because it answers HEAD.
    pub(crate) async fn next_to_head(&mut self) -> Option<Http1Answer> {
        self.read_answer(false).await
    }

    /// All answers up to the end of the connection, which must come.
    pub(crate) async fn answers_to_the_end(&mut self) -> Vec<Http1Answer> {
        let mut answers = Vec::new();
        while let Some(answer) = self.next().await {
            answers.push(answer);
        }
        answers
    }

    async fn read_answer(&mut self, has_body: bool) -> Option<Http1Answer> {
        let head_end = loop {
            if let Some(end) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            if !self.read_more().await {
                assert!(self.unread.is_empty(), "half an answer: {:?}", String::from_utf8_lossy(&self.unread));
                return None;
            }
        };
        let head = String::from_utf8(self.unread.drain(..head_end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let (version, rest) = lines.next().unwrap().split_once(' ').unwrap();
        let status: u16 = rest[..3].parse().unwrap();
        let headers = lines.map(|line| line.split_once(':').unwrap_or_else(|| panic!("{line:?} in {head:?}")));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let mut answer = Http1Answer { version: version.to_owned(), status, headers, body: Vec::new() };
        assert_eq!(answer.header("transfer-encoding"), None, "all bodies have a length: {answer:?}");
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let length = if has_body && status >= 200 && status != 204 { length } else { 0 };
        while self.unread.len() < length {
            assert!(self.read_more().await, "the end within a body: {answer:?}");
        }
        answer.body = self.unread.drain(..length).collect();
        Some(answer)
    }

    /// Whether the connection is open.
    async fn read_more(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        let read = time::timeout(PATIENCE, self.transport.read(&mut bytes)).await.expect("an answer or the end");
        // A server that closes with unread data resets the connection.
        let read = read.unwrap_or(0);
        self.unread.extend_from_slice(&bytes[..read]);
        read > 0
    }
}

/// A client over TLS that offers these protocols by ALPN, and the protocol that the server chose.
pub(crate) async fn connect_tls(
    address: SocketAddr,
    trusted: &Authority,
    identity: Option<&Issued>,
    offered: &[&[u8]],
) -> io::Result<(Http1Client, Option<Vec<u8>>)> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(issued) => builder.with_client_auth_cert(issued.chain(), issued.key_der()).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = offered.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::IpAddress(address.ip().into());
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let chosen = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    Ok((Http1Client::over(stream), chosen))
}
