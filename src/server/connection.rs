//! One accepted connection, whatever it runs over.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{self, Sleep};
use tokio_rustls::server::TlsStream;

use super::read_turn::ReadTurn;
use super::stalled_writes::StalledWrites;
use crate::grpc::ConnectionInfo;

/// The length of a client's preface, in bytes (RFC 9113 section 3.4).
const PREFACE_BYTES: usize = 24;

/// A connection that is ready for HTTP/2.
#[derive(Debug)]
pub(super) struct Connection {
    transport: Transport,
    info: ConnectionInfo,
    /// What is left of the preface to come; `None` once it is there.
    preface: Option<AwaitedPreface>,
    turn: ReadTurn,
}

/// The preface of a client that has not sent all of it yet.
#[derive(Debug)]
struct AwaitedPreface {
    missing_bytes: usize,
    limit: Pin<Box<Sleep>>,
}

/// What carries the bytes.
#[derive(Debug)]
pub(super) enum Transport {
    Tcp(StalledWrites<TcpStream>),
    Tls(Box<TlsStream<StalledWrites<TcpStream>>>),
    Unix(StalledWrites<UnixStream>),
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl Connection {
    /// A connection whose client must begin to speak HTTP/2 from now on, within the limit. The HTTP/2 library has none of
    /// its own, and pings a silent peer only once the preface is there: until then, whoever can connect could hold sockets
    /// for ever.
    pub(super) fn new(transport: Transport, info: ConnectionInfo, limit: Duration) -> Self {
        let preface = AwaitedPreface { missing_bytes: PREFACE_BYTES, limit: Box::pin(time::sleep(limit)) };
        Self { transport, info, preface: Some(preface), turn: ReadTurn::default() }
    }

    /// What calls are told of the connection.
    pub(super) const fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// How much is read at a time.
    pub(super) const fn turn(&self) -> &ReadTurn {
        &self.turn
    }

    fn stream(&mut self) -> Pin<&mut dyn Stream> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream),
            Transport::Tls(stream) => Pin::new(&mut **stream),
            Transport::Unix(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Connection {
    /// Fails with `TimedOut` when the preface has not come in time.
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (filled_before, turn) = (buffer.filled().len(), self.turn.clone());
        let polled = turn.poll_read(self.stream(), context, buffer);
        let Some(preface) = &mut self.preface else { return polled };
        if polled.is_pending() {
            return preface.limit.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()));
        }
        preface.missing_bytes = preface.missing_bytes.saturating_sub(buffer.filled().len() - filled_before);
        if preface.missing_bytes == 0 {
            self.preface = None;
        }
        polled
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
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;
    use crate::identity::{AcceptedProof, Peer, PeerAddress};

    const PREFACE_LIMIT: Duration = Duration::from_secs(10);

    const PREFACE: &[u8; PREFACE_BYTES] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    fn connection() -> (UnixStream, Connection) {
        let (client, server) = UnixStream::pair().unwrap();
        let peer = Arc::new(Peer { address: PeerAddress::Unix { uid: 0 }, certificate: None });
        let info = ConnectionInfo { peer, accepts: Arc::new(AcceptedProof::Token) };
        let transport = Transport::Unix(StalledWrites::new(server, PREFACE_LIMIT));
        (client, Connection::new(transport, info, PREFACE_LIMIT))
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_without_a_preface_is_cut_off() {
        for sent in [&b""[..], &PREFACE[..1], &PREFACE[..PREFACE_BYTES - 1]] {
            let (mut client, mut server) = connection();
            client.write_all(sent).await.unwrap();
            let begun = Instant::now();
            let mut read = Vec::new();
            assert_eq!(server.read_to_end(&mut read).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert_eq!(read, sent);
            assert!((PREFACE_LIMIT..PREFACE_LIMIT + Duration::from_secs(1)).contains(&begun.elapsed()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_whose_preface_comes_a_byte_a_second_is_cut_off() {
        let (mut client, mut server) = connection();
        let drip = async {
            for byte in PREFACE {
                client.write_all(&[*byte]).await.unwrap();
                time::sleep(Duration::from_secs(1)).await;
            }
        };
        let begun = Instant::now();
        let mut read = Vec::new();
        tokio::select! {
            () = drip => unreachable!("the whole preface was waited for"),
            ended = server.read_to_end(&mut read) => assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut),
        }
        assert!(begun.elapsed() < PREFACE_LIMIT + Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_with_a_preface_may_be_silent_as_long_as_it_likes() {
        let (mut client, mut server) = connection();
        let (first, second) = PREFACE.split_at(10);
        client.write_all(first).await.unwrap();
        let mut read = [0; PREFACE_BYTES];
        server.read_exact(&mut read[..10]).await.unwrap();
        time::sleep(PREFACE_LIMIT / 2).await;
        client.write_all(second).await.unwrap();
        server.read_exact(&mut read[10..]).await.unwrap();
        assert_eq!(&read, PREFACE);
        assert!(
            time::timeout(Duration::from_hours(1), server.read_u8()).await.is_err(),
            "nothing comes, nothing fails"
        );
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
    }
}
