//! Limits how much of a connection is read in one turn of its task.
//!
//! The HTTP/2 library reads everything that is available before it handles the first call, and keeps its tables as
//! large as they once were. With small turns, refused calls make room for the next ones, and connections with fast
//! peers take turns with all others.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

/// The bytes of one turn: a call with a large token, or some dozen small ones.
const TURN_BYTES: usize = 4 * 1_024;

/// A turn without a limit.
const UNLIMITED: usize = usize::MAX;

/// The rest of one connection's turn. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct ReadTurn(Arc<AtomicUsize>);

impl Default for ReadTurn {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(TURN_BYTES)))
    }
}

impl ReadTurn {
    /// Begins a turn: the connection's task was woken.
    pub(super) fn begin(&self) {
        self.0.store(TURN_BYTES, Ordering::Relaxed);
    }

    /// Removes the limit for a connection that is about to close: unread data makes the system reset it, and the client
    /// may lose its last answers.
    pub(super) fn lift(&self) {
        self.0.store(UNLIMITED, Ordering::Relaxed);
    }

    /// Reads the rest of the turn. At its end, wakes the task for the next turn.
    pub(super) fn poll_read(
        &self,
        transport: Pin<&mut (impl AsyncRead + ?Sized)>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let left = self.0.load(Ordering::Relaxed);
        if left == UNLIMITED {
            return transport.poll_read(context, buffer);
        }
        if left == 0 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut bytes = [const { MaybeUninit::uninit() }; TURN_BYTES];
        let (bytes, _) = bytes.split_at_mut(left.min(buffer.remaining()));
        let mut part = ReadBuf::uninit(bytes);
        let polled = transport.poll_read(context, &mut part);
        if let Poll::Ready(Ok(())) = polled {
            self.0.store(left - part.filled().len(), Ordering::Relaxed);
            buffer.put_slice(part.filled());
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn read(turn: &ReadTurn, mut from: &[u8], into: usize) -> Option<usize> {
        let mut bytes = vec![0; into];
        poll_fn(|context| {
            let mut buffer = ReadBuf::new(&mut bytes);
            Poll::Ready(match turn.poll_read(Pin::new(&mut from), context, &mut buffer) {
                Poll::Ready(read) => {
                    read.unwrap();
                    Some(buffer.filled().len())
                }
                Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test]
    async fn a_turn_ends_after_its_bytes_and_the_next_one_goes_on() {
        let (turn, sent) = (ReadTurn::default(), vec![7; 100_000]);
        assert_eq!(read(&turn, &sent, 100).await, Some(100));
        assert_eq!(read(&turn, &sent, 100_000).await, Some(TURN_BYTES - 100));
        assert_eq!(read(&turn, &sent, 100_000).await, None);
        assert_eq!(read(&turn, &sent, 100_000).await, None, "until the next turn");
        turn.begin();
        assert_eq!(read(&turn, &sent, 100_000).await, Some(TURN_BYTES));
        turn.lift();
        for _ in 0..2 {
            assert_eq!(read(&turn, &sent, 100_000).await, Some(100_000));
        }
    }

    #[tokio::test]
    async fn the_end_of_the_transport_is_reported() {
        assert_eq!(read(&ReadTurn::default(), &[], 100).await, Some(0));
    }
}
