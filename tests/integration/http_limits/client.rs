//! A client of HTTP/1 that sends any bytes at any time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time;

use crate::support::PATIENCE;

/// How long the server may accept no byte before [`Http1Client::send`] gives up.
const SEND_LIMIT: Duration = Duration::from_secs(2);

/// A request that asks for a URL.
pub(super) fn get(authorization: &str) -> Vec<u8> {
    format!("GET /v1/downloadUrl?bucket=media&key=x HTTP/1.1\r\nhost: broker\r\nauthorization: {authorization}\r\n\r\n")
        .into_bytes()
}

/// The message of a request that asks for a URL.
pub(super) const MESSAGE: &[u8] = br#"{"bucket":"media","key":"x"}"#;

/// The head of a request with a message of this length.
pub(super) fn post_head(authorization: &str, length: usize) -> Vec<u8> {
    format!(
        "POST /v1/downloadUrl HTTP/1.1\r\nhost: broker\r\nauthorization: {authorization}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
    .into_bytes()
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Whether the server says that it closes the connection.
    pub(super) fn announces_close(&self) -> bool {
        self.header("connection") == Some("close")
    }
}

pub(super) struct Http1Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Http1Client {
    /// Connects and sends nothing.
    pub(super) async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { stream: TcpStream::connect(address).await?, unread: Vec::new() })
    }

    /// Connects with a small buffer, which few answers fill.
    pub(super) async fn connect_with_small_buffer(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4_096)?;
        Ok(Self { stream: socket.connect(address).await?, unread: Vec::new() })
    }

    /// Sends bytes. `TimedOut` when the server does not take them.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        time::timeout(SEND_LIMIT, self.stream.write_all(bytes)).await?
    }

    /// The next answer, which must come or be replaced by the end of the connection within a time.
    pub(super) async fn answer(&mut self) -> io::Result<Answer> {
        time::timeout(PATIENCE, self.read_answer()).await.expect("an answer or the end")
    }

    /// The next answer. If this is dropped before its end, nothing is lost.
    pub(super) async fn read_answer(&mut self) -> io::Result<Answer> {
        loop {
            if let Some(end) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let (head, rest) = self.unread.split_at(end + 4);
                let head = String::from_utf8(head.to_vec()).unwrap();
                let status = head.get(9..12).and_then(|status| status.parse().ok());
                let status = status.unwrap_or_else(|| panic!("{head}"));
                let mut answer = Answer { status, head, body: String::new() };
                let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
                if let Some(body) = rest.get(..length) {
                    answer.body = String::from_utf8(body.to_vec()).unwrap();
                    self.unread.drain(..end + 4 + length);
                    return Ok(answer);
                }
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> io::Result<()> {
        let read = self.stream.read_buf(&mut self.unread).await?;
        if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// Whether the server has closed the connection. Answers that have arrived are skipped.
    pub(super) fn is_closed(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        loop {
            match self.stream.try_read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }

    /// Whether the connection has failed. Reads nothing.
    pub(super) fn is_reset(&self) -> bool {
        let is_open = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
        self.stream.try_write(b"G").is_err_and(|error| !is_open(&error))
    }

    /// Waits until the server closes the connection, and skips what it sends until then.
    pub(super) async fn closed(&mut self) {
        let read = async { while self.read_more().await.is_ok() {} };
        time::timeout(PATIENCE, read).await.expect("the server closes the connection");
    }
}
