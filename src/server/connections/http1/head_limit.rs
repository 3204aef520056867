//! A time limit for the head of a request.
//!
//! The library's limit also ends connections on which no request begins. Behind a load balancer with a pool of
//! connections, that would fail requests that are sent at the same moment; the limit for idle connections is longer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{self, Sleep};

/// How long the rest of a client's data is read after the last answer, and how much. If data remains unread when a
/// connection is closed, the system resets it, and the client may lose the answer.
const LINGER: Duration = Duration::from_secs(2);
const MAX_LINGER_BYTES: usize = 64 * 1_024;

/// No byte of the next request has arrived.
const WAITING: u8 = 0;
/// A head is arriving.
const HEAD: u8 = 1;
/// A call is in progress.
const CALL: u8 = 2;

/// What a connection is doing. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Phase(Arc<AtomicU8>);

impl Phase {
    /// Returns whether the head of the call arrived together with the former call.
    pub(super) fn begin_call(&self) -> bool {
        self.0.swap(CALL, Ordering::Relaxed) == WAITING
    }

    /// A value whose drop ends the call.
    pub(super) fn end_of_call(&self) -> EndOfCall {
        EndOfCall(self.clone())
    }
}

/// Ends a call when it is dropped.
#[derive(Debug)]
pub(super) struct EndOfCall(Phase);

impl Drop for EndOfCall {
    fn drop(&mut self) {
        self.0.0.store(WAITING, Ordering::Relaxed);
    }
}

/// A connection whose reads fail with `TimedOut` when a head takes longer than the limit.
pub(super) struct HeadLimit<T> {
    transport: T,
    phase: Phase,
    limit: Duration,
    /// Runs while a head arrives.
    timer: Option<Pin<Box<Sleep>>>,
    lingering: Option<Lingering>,
}

struct Lingering {
    timer: Pin<Box<Sleep>>,
    left: usize,
}

impl<T> HeadLimit<T> {
    pub(super) const fn new(transport: T, phase: Phase, limit: Duration) -> Self {
        Self { transport, phase, limit, timer: None, lingering: None }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for HeadLimit<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.transport).poll_read(context, buffer);
        match this.phase.0.load(Ordering::Relaxed) {
            HEAD => {}
            WAITING if buffer.filled().len() > before => {
                // If several requests arrive in one read, the timer of the first is still there.
                this.timer = None;
                this.phase.0.store(HEAD, Ordering::Relaxed);
            }
            _ => {
                this.timer = None;
                return polled;
            }
        }
        let limit = this.limit;
        let timer = this.timer.get_or_insert_with(|| Box::pin(time::sleep(limit)));
        if timer.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head of a request timed out")));
        }
        polled
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for HeadLimit<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    /// Closes the sending side, and then reads until the client closes its side.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.transport).poll_shutdown(context))?;
        }
        let lingering = this
            .lingering
            .get_or_insert_with(|| Lingering { timer: Box::pin(time::sleep(LINGER)), left: MAX_LINGER_BYTES });
        let mut bytes = [0; 1_024];
        while lingering.left > 0 && lingering.timer.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut this.transport).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    lingering.left = lingering.left.saturating_sub(buffer.filled().len());
                }
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write_vectored(context, slices)
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

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_head_has_a_limit_and_an_idle_connection_and_a_call_have_none() {
        let (mut client, server) = duplex(100);
        let phase = Phase::default();
        let mut server = HeadLimit::new(server, phase.clone(), LIMIT);
        let mut byte = [0];
        let long = Duration::from_hours(1);
        assert!(time::timeout(long, server.read(&mut byte)).await.is_err(), "nothing began");
        client.write_all(b"GE").await.unwrap();
        server.read_exact(&mut byte).await.unwrap();
        phase.begin_call();
        let end = phase.end_of_call();
        assert!(
            time::timeout(long, async {
                server.read_exact(&mut byte).await.unwrap();
                server.read(&mut byte).await
            })
            .await
            .is_err()
        );
        drop(end);
        assert!(time::timeout(long, server.read(&mut byte)).await.is_err(), "idle again");
        client.write_all(b"G").await.unwrap();
        server.read_exact(&mut byte).await.unwrap();
        let begun = Instant::now();
        // A byte now and then does not prolong it.
        let drip = async {
            loop {
                time::sleep(Duration::from_secs(1)).await;
                client.write_all(b"x").await.unwrap();
            }
        };
        let error = async {
            loop {
                if let Err(error) = server.read(&mut byte).await {
                    return error;
                }
            }
        };
        let error = tokio::select! { error = error => error, () = drip => unreachable!() };
        assert_eq!((error.kind(), begun.elapsed().as_secs()), (io::ErrorKind::TimedOut, LIMIT.as_secs()));
    }

    /// The library reads no bytes during a call if it has those of the next request already.
    #[tokio::test(start_paused = true)]
    async fn each_head_of_a_pipeline_has_the_whole_limit() {
        let (mut client, server) = duplex(100);
        let phase = Phase::default();
        let mut server = HeadLimit::new(server, phase.clone(), LIMIT);
        let mut bytes = [0; 3];
        for _ in 0..4 {
            client.write_all(b"GET").await.unwrap();
            server.read_exact(&mut bytes).await.unwrap();
            phase.begin_call();
            let end = phase.end_of_call();
            time::sleep(LIMIT * 3 / 4).await;
            drop(end);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_the_client_within_limits() {
        let (mut client, server) = duplex(1_000_000);
        let mut server = HeadLimit::new(server, Phase::default(), LIMIT);
        client.write_all(&[7; 1_000]).await.unwrap();
        let begun = Instant::now();
        server.shutdown().await.unwrap();
        assert_eq!(begun.elapsed(), LINGER, "the client stays");

        let (mut client, server) = duplex(1_000_000);
        let mut server = HeadLimit::new(server, Phase::default(), LIMIT);
        client.write_all(&vec![7; 2 * MAX_LINGER_BYTES]).await.unwrap();
        let begun = Instant::now();
        server.shutdown().await.unwrap();
        assert!(begun.elapsed().is_zero(), "it sends too much");

        let (client, server) = duplex(100);
        let mut server = HeadLimit::new(server, Phase::default(), LIMIT);
        drop(client);
        server.shutdown().await.unwrap();
        assert!(begun.elapsed().is_zero(), "it is gone");
    }

    #[tokio::test]
    async fn a_call_without_new_bytes_arrived_with_the_former_one() {
        let (mut client, server) = duplex(100);
        let phase = Phase::default();
        let mut server = HeadLimit::new(server, phase.clone(), LIMIT);
        for _ in 0..2 {
            client.write_all(b"GET").await.unwrap();
            server.read_exact(&mut [0; 3]).await.unwrap();
            assert!(!phase.begin_call());
            drop(phase.end_of_call());
            assert!(phase.begin_call());
            drop(phase.end_of_call());
        }
    }
}
