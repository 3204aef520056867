//! HTTP/2 frame by frame (RFC 9113), for what no client library would send.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::support::PATIENCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// `ENHANCE_YOUR_CALM`, the error of whoever asks for too much.
pub(crate) const ENHANCE_YOUR_CALM: u32 = 0xb;

/// A frame that was read.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The error code of a GOAWAY.
    pub(crate) fn goaway_code(&self) -> Option<u32> {
        let code = self.payload.get(4..8)?.try_into().ok()?;
        (self.kind == GOAWAY).then(|| u32::from_be_bytes(code))
    }
}

/// A frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A string of HPACK (RFC 7541 section 5.2), without Huffman coding.
fn text(value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match u8::try_from(value.len()) {
        Ok(length @ ..127) => bytes.push(length),
        _ => {
            bytes.push(127);
            let mut rest = value.len() - 127;
            while rest >= 128 {
                bytes.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            bytes.push(u8::try_from(rest).unwrap());
        }
    }
    bytes.extend_from_slice(value.as_bytes());
    bytes
}

/// The header block of a gRPC call, each field as a literal that is not indexed.
pub(crate) fn header_block(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "broker"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    fields.iter().chain(more).flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

pub(crate) const DOWNLOAD: &str = "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl";

/// A connection of a client that does what it likes.
pub(crate) struct RawClient {
    stream: TcpStream,
}

impl RawClient {
    /// Connects and says nothing.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap() }
    }

    /// Connects and begins to speak HTTP/2.
    pub(crate) async fn greet(address: SocketAddr) -> Self {
        let mut client = Self::connect(address).await;
        client.send(PREFACE).await.unwrap();
        client.send(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        client
    }

    /// Sends bytes. `TimedOut` when the server does not take them.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        time::timeout(Duration::from_secs(2), self.stream.write_all(bytes)).await?
    }

    /// Opens a call and sends no message.
    pub(crate) async fn open_call(&mut self, stream: u32, authorization: &str) {
        let block = header_block(DOWNLOAD, &[("authorization", authorization)]);
        self.send(&frame(HEADERS, END_HEADERS, stream, &block)).await.unwrap();
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let read = async {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).await?;
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            self.stream.read_exact(&mut payload).await?;
            io::Result::Ok(Frame { kind: head[3], payload })
        };
        time::timeout(PATIENCE, read).await.expect("a frame or the end").ok()
    }

    /// Every frame up to the end of the connection, which must come.
    pub(crate) async fn frames_to_the_end(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// Waits for a frame of this kind.
    pub(crate) async fn wait_for(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().await.expect("the connection is open");
            if frame.kind == kind {
                return frame;
            }
        }
    }
}
