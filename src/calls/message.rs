//! Reads the message of a call, before the call takes a slot.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use tokio::time;

use crate::admission::{NoShare, Share};

#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageLimits {
    /// In bytes, without the prefix of the wire.
    pub(crate) size: usize,
    /// From the first read to the last byte.
    pub(crate) time: Duration,
}

/// How a wire declares the length of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessagePrefix {
    /// The length of the prefix before a message.
    pub(crate) bytes: usize,
    /// The declared length of the message, once the prefix has arrived.
    pub(crate) announced: fn(read: &[u8]) -> Option<usize>,
}

#[derive(Debug)]
pub(crate) enum MessageError {
    TooLarge,
    TimedOut,
    NoMemory(NoShare),
    /// The client or a malformed request ended it; the record of the call says which.
    Ended,
}

/// Reads the body of a request to its end, with the message's prefix. `held` grows with what has arrived.
pub(crate) async fn read<B>(
    body: B,
    prefix: MessagePrefix,
    limits: MessageLimits,
    held: &mut Share,
) -> Result<Bytes, MessageError>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let read = read_to_end(body, prefix, limits.size, held);
    time::timeout(limits.time, read).await.unwrap_or(Err(MessageError::TimedOut))
}

async fn read_to_end<B>(
    mut body: B,
    prefix: MessagePrefix,
    limit: usize,
    held: &mut Share,
) -> Result<Bytes, MessageError>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    if body.size_hint().lower() > limit.saturating_add(prefix.bytes) as u64 {
        return Err(MessageError::TooLarge);
    }
    let mut first = Bytes::new();
    // Most messages arrive in one part, which is not copied.
    let mut whole: Option<BytesMut> = None;
    while let Some(frame) = body.frame().await {
        let Ok(part) = frame.map_err(|_| MessageError::Ended)?.into_data() else { continue };
        held.grow(part.len() as u64).map_err(MessageError::NoMemory)?;
        match &mut whole {
            None if first.is_empty() => first = part,
            None => {
                let mut both = BytesMut::with_capacity(first.len() + part.len());
                both.extend_from_slice(&first);
                both.extend_from_slice(&part);
                whole = Some(both);
            }
            Some(whole) => whole.extend_from_slice(&part),
        }
        let read = whole.as_deref().unwrap_or(&first);
        let is_announced_too_large = || (prefix.announced)(read).is_some_and(|announced| announced > limit);
        if read.len() > limit.saturating_add(prefix.bytes) || is_announced_too_large() {
            return Err(MessageError::TooLarge);
        }
    }
    Ok(whole.map_or(first, BytesMut::freeze))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::hash::RandomState;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body::{Frame, SizeHint};
    use http_body_util::StreamBody;
    use tokio_stream::{Stream, StreamExt};

    use super::*;
    use crate::admission::{Holder, Shares};

    /// A byte and a length of four bytes.
    const PREFIX: MessagePrefix = MessagePrefix { bytes: 5, announced };

    fn announced(read: &[u8]) -> Option<usize> {
        let [_, length @ ..] = *read.first_chunk::<5>()?;
        usize::try_from(u32::from_be_bytes(length)).ok()
    }

    const LIMITS: MessageLimits = MessageLimits { size: 100, time: Duration::from_secs(5) };

    fn parts(parts: Vec<Vec<u8>>) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + 'static {
        tokio_stream::iter(parts).map(|part| Ok(Frame::data(part.into())))
    }

    async fn read_of(memory: u64, sent: Vec<Vec<u8>>) -> (Result<Bytes, MessageError>, u64) {
        let shares = Shares::new(memory);
        let mut held = shares.take(Holder::from_name(&"caller", &RandomState::new()), 0).unwrap();
        let read = read(StreamBody::new(parts(sent)), PREFIX, LIMITS, &mut held).await;
        (read, shares.held())
    }

    fn message(announced: u32, bytes: usize) -> Vec<u8> {
        [&[0], announced.to_be_bytes().as_slice(), &vec![7; bytes]].concat()
    }

    #[tokio::test]
    async fn a_message_is_the_same_in_one_part_and_in_many_and_is_held() {
        let whole = message(100, 100);
        for size in [1, 2, 7, 104, 105] {
            let sent = whole.chunks(size).map(<[u8]>::to_vec).collect();
            let (read, held) = read_of(1_000, sent).await;
            assert_eq!((&*read.unwrap(), held), (&*whole, 105), "in parts of {size}");
        }
        let (read, held) = read_of(1_000, vec![]).await;
        assert_eq!((read.unwrap().len(), held), (0, 0));
    }

    #[tokio::test]
    async fn a_message_that_is_or_says_that_it_is_too_large_is_refused() {
        for sent in [vec![message(101, 101)], vec![message(u32::MAX, 0)], vec![message(1, 50), vec![0; 51]]] {
            assert!(matches!(read_of(1_000, sent).await.0, Err(MessageError::TooLarge)));
        }
    }

    /// A body that states its length and never sends it.
    struct Stated(u64);

    impl HttpBody for Stated {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.0)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stated_length_that_is_too_large_is_refused_at_once() {
        for (length, is_refused) in [(105, false), (106, true), (u64::MAX, true)] {
            let mut held = Shares::new(1_000).take(Holder::from_name(&"caller", &RandomState::new()), 0).unwrap();
            let read = read(Stated(length), PREFIX, LIMITS, &mut held).await;
            assert_eq!(matches!(read, Err(MessageError::TooLarge)), is_refused, "{length}: {read:?}");
        }
    }

    #[tokio::test]
    async fn a_message_for_which_there_is_no_memory_is_refused() {
        let (read, held) = read_of(60, vec![message(50, 20), vec![0; 30]]).await;
        assert!(matches!(read, Err(MessageError::NoMemory(NoShare::OverShare))), "{read:?}");
        assert_eq!(held, 25);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_never_ends_is_given_up() {
        let stalled = StreamBody::new(parts(vec![message(50, 20)]).chain(tokio_stream::pending()));
        let mut held = Shares::new(1_000).take(Holder::from_name(&"caller", &RandomState::new()), 0).unwrap();
        let read = read(stalled, PREFIX, LIMITS, &mut held).await;
        assert!(matches!(read, Err(MessageError::TimedOut)));
    }

    #[tokio::test(start_paused = true)]
    async fn empty_parts_do_not_prolong_the_time() {
        let empty = tokio_stream::iter(0_u64..).then(|_| async {
            time::sleep(Duration::from_secs(1)).await;
            Ok::<_, Infallible>(Frame::data(Bytes::new()))
        });
        let mut held = Shares::new(1_000).take(Holder::from_name(&"caller", &RandomState::new()), 0).unwrap();
        let read = read(Box::pin(StreamBody::new(empty)), PREFIX, LIMITS, &mut held).await;
        assert!(matches!(read, Err(MessageError::TimedOut)));
    }
}
