//! Closes a connection whose peer reads nothing.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{self, Sleep};

/// A transport whose writes fail with `TimedOut` when the peer has read no byte for too long.
///
/// It is below TLS, where outgoing bytes can be observed. Without it, a peer that never reads keeps its data in our
/// memory for as long as it answers TCP's probes.
#[derive(Debug)]
pub(super) struct StalledWrites<T> {
    transport: T,
    limit: Duration,
    /// Runs while the transport accepts nothing.
    stall: Option<Pin<Box<Sleep>>>,
}

impl<T> StalledWrites<T> {
    pub(super) const fn new(transport: T, limit: Duration) -> Self {
        Self { transport, limit, stall: None }
    }

    fn watch<R>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if polled.is_ready() {
            self.stall = None;
            return polled;
        }
        let limit = self.limit;
        let stall = self.stall.get_or_insert_with(|| Box::pin(time::sleep(limit)));
        stall.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for StalledWrites<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for StalledWrites<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.transport).poll_write(context, bytes);
        self.watch(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A flush without data must not end a stall.
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.transport).poll_write_vectored(context, slices);
        self.watch(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_reads_is_given_up_after_the_limit() {
        let (_peer, transport) = duplex(10);
        let mut transport = StalledWrites::new(transport, LIMIT);
        let begun = Instant::now();
        let failed = transport.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!((failed.kind(), begun.elapsed().as_secs()), (io::ErrorKind::TimedOut, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_now_and_then_is_waited_for() {
        let (mut peer, transport) = duplex(10);
        let mut transport = StalledWrites::new(transport, LIMIT);
        let writing = tokio::spawn(async move { transport.write_all(&[0; 50]).await });
        let mut byte = [0; 10];
        for _ in 0..5 {
            time::sleep(LIMIT * 9 / 10).await;
            peer.read_exact(&mut byte).await.unwrap();
        }
        writing.await.unwrap().unwrap();
    }
}
