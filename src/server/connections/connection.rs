//! One accepted connection, over TCP, TLS, a Unix socket or a pipe in memory.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

use super::read_turn::ReadTurn;
use super::stalled_writes::StalledWrites;
use crate::calls::ConnectionInfo;

/// The first bytes from a client of HTTP/2 (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose peer is known.
#[derive(Debug)]
pub(super) struct Connection {
    transport: Transport,
    info: ConnectionInfo,
    /// The first bytes, which were read to know the protocol, and are read again.
    unread: FirstBytes,
    turn: ReadTurn,
}

/// Bytes that are read before those of the transport.
#[derive(Debug, Default)]
struct FirstBytes {
    bytes: [u8; PREFACE.len()],
    /// The range of those that are not read.
    from: usize,
    to: usize,
}

impl FirstBytes {
    fn of(bytes: &[u8]) -> Self {
        let mut first = Self::default();
        let length = bytes.len().min(PREFACE.len());
        for (place, byte) in first.bytes.iter_mut().zip(bytes) {
            *place = *byte;
        }
        first.to = length;
        first
    }

    /// Whether there was something to read.
    fn read_into(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let to = self.to.min(self.from + buffer.remaining());
        let Some(next) = self.bytes.get(self.from..to).filter(|next| !next.is_empty()) else { return false };
        buffer.put_slice(next);
        self.from = to;
        true
    }
}

#[derive(Debug)]
pub(super) enum Transport {
    Tcp(StalledWrites<TcpStream>),
    Tls(Box<TlsStream<StalledWrites<TcpStream>>>),
    Unix(StalledWrites<UnixStream>),
    Memory(StalledWrites<DuplexStream>),
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl Connection {
    /// Nothing may have been read from the transport.
    pub(super) fn new(transport: Transport, info: ConnectionInfo) -> Self {
        Self { transport, info, unread: FirstBytes::default(), turn: ReadTurn::default() }
    }

    /// Puts the first bytes back after they were read, at most as many as the preface has.
    pub(super) fn unread(&mut self, bytes: &[u8]) {
        self.unread = FirstBytes::of(bytes);
    }

    /// What calls know about the connection.
    pub(super) const fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// The size of one read.
    pub(super) const fn turn(&self) -> &ReadTurn {
        &self.turn
    }

    fn stream(&mut self) -> Pin<&mut dyn Stream> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream),
            Transport::Tls(stream) => Pin::new(&mut **stream),
            Transport::Unix(stream) => Pin::new(stream),
            Transport::Memory(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.read_into(buffer) {
            return Poll::Ready(Ok(()));
        }
        let turn = self.turn.clone();
        turn.poll_read(self.stream(), context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Tcp(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
            Transport::Unix(stream) => stream.is_write_vectored(),
            Transport::Memory(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::calls::Protocols;
    use access_broker_identity::{AcceptedProof, Peer, PeerAddress};

    /// A client, and the server's end of its connection.
    pub(in crate::server) fn connection() -> (UnixStream, Connection) {
        let (client, server) = UnixStream::pair().unwrap();
        let peer = Arc::new(Peer {
            address: PeerAddress::Unix { uid: 0 },
            own_ip: None,
            has_istio_source: false,
            certificate: None,
        });
        let info = ConnectionInfo { peer, accepts: Arc::new(AcceptedProof::Token), protocols: Protocols::GRPC };
        let transport = Transport::Unix(StalledWrites::new(server, Duration::from_secs(10)));
        (client, Connection::new(transport, info))
    }
}
