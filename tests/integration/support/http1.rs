//! HTTP/1 byte by byte (RFC 9112), for requests that no client library sends.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time;

use super::PATIENCE;
use super::pki::{Authority, Issued, tls_connect_with};

/// How long the server may accept no bytes before [`Http1Client::send`] fails.
const SENDING: Duration = Duration::from_secs(2);

pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// A connection of a client that sends any bytes at any time.
pub(crate) struct Http1Client {
    transport: Box<dyn Transport>,
    unread: Vec<u8>,
}

/// The whole of an answer.
#[derive(Debug)]
pub(crate) struct Http1Answer {
    pub(crate) version: String,
    pub(crate) status: u16,
    /// Names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
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

    /// Whether the server says that it closes the connection.
    pub(crate) fn announces_close(&self) -> bool {
        self.header("connection") == Some("close")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The reason of a failure in REST.
    pub(crate) fn reason(&self) -> String {
        self.json()["details"][0]["reason"].as_str().unwrap_or_default().to_owned()
    }
}

impl Http1Client {
    /// Connects and sends nothing.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// The same with a small receive buffer, which few answers fill.
    pub(crate) async fn connect_with_small_buffer(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4_096)?;
        Ok(Self::over(socket.connect(address).await?))
    }

    pub(crate) async fn connect_unix(path: &Path) -> Self {
        Self::over(UnixStream::connect(path).await.unwrap())
    }

    /// Connects by TLS and offers these protocols by ALPN. Returns the protocol that the server chose, too.
    pub(crate) async fn connect_tls(
        address: SocketAddr,
        trusted: &Authority,
        identity: Option<&Issued>,
        offered: &[&[u8]],
    ) -> io::Result<(Self, Option<Vec<u8>>)> {
        let stream = tls_connect_with(address, trusted, identity, offered).await?;
        let chosen = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        Ok((Self::over(stream), chosen))
    }

    pub(crate) fn over(transport: impl Transport + 'static) -> Self {
        Self { transport: Box::new(transport), unread: Vec::new() }
    }

    /// Sends bytes. `TimedOut` if the server does not accept them.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let sending = async {
            self.transport.write_all(bytes.as_ref()).await?;
            self.transport.flush().await
        };
        time::timeout(SENDING, sending).await?
    }

    /// Closes the client's side of the connection.
    pub(crate) async fn finish_sending(&mut self) {
        self.transport.shutdown().await.unwrap();
    }

    /// Sends bytes again and again, and reads nothing, until the server ends the connection. Returns how many bytes the
    /// system accepted.
    pub(crate) async fn send_until_closed(&mut self, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while let Ok(count @ 1..) = self.transport.write(&bytes[sent % bytes.len()..]).await {
            sent += count;
        }
        sent
    }

    /// Sends bytes again and again, and reads nothing, until the server accepts no more for this time.
    pub(crate) async fn send_until_full(&mut self, bytes: &[u8], stalled: Duration) -> usize {
        let mut sent = 0;
        while let Ok(Ok(count @ 1..)) = time::timeout(stalled, self.transport.write(&bytes[sent % bytes.len()..])).await
        {
            sent += count;
        }
        sent
    }

    /// The answer to a request, which the server may give before it has read the whole request.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Http1Answer {
        let request = request.as_ref();
        let _answered_early = self.send(request).await;
        let answer = if request.starts_with(b"HEAD ") { self.answer_to_head().await } else { self.answer().await };
        answer.expect("an answer")
    }

    /// The next answer; `None` at the end of the connection.
    pub(crate) async fn answer(&mut self) -> Option<Http1Answer> {
        self.answer_in_time(true).await
    }

    /// The next answer, which has no body because it answers HEAD.
    pub(crate) async fn answer_to_head(&mut self) -> Option<Http1Answer> {
        self.answer_in_time(false).await
    }

    /// All answers up to the end of the connection, which must come.
    pub(crate) async fn answers_to_the_end(&mut self) -> Vec<Http1Answer> {
        let mut answers = Vec::new();
        while let Some(answer) = self.answer().await {
            answers.push(answer);
        }
        answers
    }

    /// Waits until the server closes the connection. Answers are skipped.
    pub(crate) async fn closed(&mut self) {
        let read = async { while self.read_more().await {} };
        time::timeout(PATIENCE, read).await.expect("the server closes the connection");
    }

    /// Whether the server has closed the connection. Answers that have arrived are skipped.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let read = async { while self.read_more().await {} };
        time::timeout(Duration::ZERO, read).await.is_ok()
    }

    async fn answer_in_time(&mut self, has_body: bool) -> Option<Http1Answer> {
        time::timeout(PATIENCE, self.read_answer(has_body)).await.expect("an answer or the end")
    }

    /// The next answer, for as long as a caller waits. If this is dropped before its end, no byte is lost.
    pub(crate) async fn read_answer(&mut self, has_body: bool) -> Option<Http1Answer> {
        loop {
            if let Some(answer) = self.take_answer(has_body) {
                return Some(answer);
            }
            if !self.read_more().await {
                let rest = String::from_utf8_lossy(&self.unread);
                assert!(rest.is_empty(), "the end within an answer: {rest:?}");
                return None;
            }
        }
    }

    /// The first answer of what was read, if that has all of it.
    fn take_answer(&mut self, has_body: bool) -> Option<Http1Answer> {
        let head_end = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
        let head = str::from_utf8(&self.unread[..head_end]).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let (version, rest) = lines.next().unwrap().split_once(' ').unwrap_or_else(|| panic!("{head:?}"));
        let status: u16 = rest.get(..3).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{head:?}"));
        let headers = lines.map(|line| line.split_once(':').unwrap_or_else(|| panic!("{line:?} in {head:?}")));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let mut answer = Http1Answer { version: version.to_owned(), status, headers, body: Vec::new() };
        assert_eq!(answer.header("transfer-encoding"), None, "all bodies have a length: {answer:?}");
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let length = if has_body && status >= 200 && status != 204 { length } else { 0 };
        answer.body = self.unread.get(head_end..head_end + length)?.to_vec();
        self.unread.drain(..head_end + length);
        Some(answer)
    }

    /// Whether the connection is open.
    async fn read_more(&mut self) -> bool {
        // A server that closes with unread data resets the connection, which is an end as well.
        self.transport.read_buf(&mut self.unread).await.is_ok_and(|count| count > 0)
    }
}
