//! Detects the errors that the HTTP/2 library sends.
//!
//! The library refuses some calls by itself, for example one with a `%` in `:authority`: it resets their streams, and
//! no layer above it sees them. Only the sent frame shows this, so the heads of outgoing frames are read: nine to
//! seventeen bytes of each frame, whatever its length. Nothing is changed.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::log_throttle::LogThrottle;
use crate::telemetry::{EndingFrame, ServerCounters};

/// The length of the head of a frame, in bytes (RFC 9113 section 4.1).
const HEAD_BYTES: usize = 9;

const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;

/// `PROTOCOL_ERROR`.
const PROTOCOL_ERROR: u32 = 1;

/// Counts errors of all connections, and logs some. Clones share everything.
#[derive(Debug, Clone)]
pub(super) struct SentErrors(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    counters: Arc<ServerCounters>,
    refused_calls: LogThrottle,
}

impl SentErrors {
    pub(super) fn new(counters: Arc<ServerCounters>) -> Self {
        Self(Arc::new(Inner { counters, refused_calls: LogThrottle::default() }))
    }

    /// A connection to this peer whose errors are counted.
    pub(super) const fn watch<T>(self, transport: T, peer: Option<IpAddr>) -> Watched<T> {
        Watched { transport, frames: Frames::new(), errors: self, peer, has_warned: false }
    }
}

/// A transport that HTTP/2 is written to.
#[derive(Debug)]
pub(super) struct Watched<T> {
    transport: T,
    frames: Frames,
    errors: SentErrors,
    peer: Option<IpAddr>,
    /// Whether this connection had its warning.
    has_warned: bool,
}

impl<T> Watched<T> {
    fn inspect(&mut self, written: &[u8]) {
        let Self { frames, errors: SentErrors(errors), peer, has_warned, .. } = self;
        frames.read(written, |frame, code| {
            errors.counters.http2_errors.count(frame, code);
            let is_refused_call = frame == EndingFrame::RstStream && code == PROTOCOL_ERROR;
            if is_refused_call && !*has_warned {
                *has_warned = true;
                if errors.refused_calls.admit(Instant::now()) {
                    let peer = peer.map(tracing::field::display);
                    tracing::warn!(
                        peer,
                        cause = "most often a % in :authority, from a client with several addresses or a Unix socket: \
                                 set grpc.default_authority there",
                        "call refused: invalid HTTP/2 headers; further refusals are only counted"
                    );
                }
            }
        });
    }
}

/// The position in the outgoing frames.
#[derive(Debug)]
struct Frames {
    /// The written part of the current frame's head.
    head: [u8; HEAD_BYTES],
    head_read: usize,
    /// The bytes of the payload that were written, and the remaining ones.
    payload_read: usize,
    payload_left: usize,
    code: u32,
}

impl Frames {
    const fn new() -> Self {
        Self { head: [0; HEAD_BYTES], head_read: 0, payload_read: 0, payload_left: 0, code: 0 }
    }

    /// The kind of frame, if it has an error code, and the code's position in the payload.
    const fn ending(&self) -> Option<(EndingFrame, usize)> {
        match self.head[3] {
            RST_STREAM => Some((EndingFrame::RstStream, 0)),
            GOAWAY => Some((EndingFrame::GoAway, 4)),
            _ => None,
        }
    }

    /// Reads the next bytes. Reports every frame that ends a stream or connection, with its code.
    fn read(&mut self, written: &[u8], mut found: impl FnMut(EndingFrame, u32)) {
        let mut rest = written;
        while !rest.is_empty() {
            if self.head_read < HEAD_BYTES {
                let (head, behind) = rest.split_at(rest.len().min(HEAD_BYTES - self.head_read));
                for (place, byte) in self.head.iter_mut().skip(self.head_read).zip(head) {
                    *place = *byte;
                }
                self.head_read += head.len();
                rest = behind;
                if self.head_read == HEAD_BYTES {
                    let [a, b, c, ..] = self.head;
                    self.payload_left = u32::from_be_bytes([0, a, b, c]) as usize;
                    (self.payload_read, self.code) = (0, 0);
                }
            } else {
                let (payload, behind) = rest.split_at(rest.len().min(self.payload_left));
                if let Some((frame, place)) = self.ending() {
                    self.read_code(payload, place, |code| found(frame, code));
                }
                self.payload_read += payload.len();
                self.payload_left -= payload.len();
                rest = behind;
            }
            if self.head_read == HEAD_BYTES && self.payload_left == 0 {
                self.head_read = 0;
            }
        }
    }

    /// Reads the available part of the four bytes at this position of the payload.
    fn read_code(&mut self, payload: &[u8], place: usize, found: impl FnOnce(u32)) {
        let end = place + 4;
        let here = (self.payload_read..end).zip(payload).filter(|(at, _)| *at >= place);
        let mut last = None;
        for (at, byte) in here {
            self.code = self.code << 8 | u32::from(*byte);
            last = Some(at);
        }
        if last.is_some_and(|last| last + 1 == end) {
            found(self.code);
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.transport).poll_write(context, bytes))?;
        self.inspect(bytes.get(..written).unwrap_or_default());
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
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
        let written = ready!(Pin::new(&mut self.transport).poll_write_vectored(context, slices))?;
        let mut left = written;
        for slice in slices {
            let here = slice.get(..left.min(slice.len())).unwrap_or_default();
            self.inspect(here);
            left -= here.len();
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, 0, 0, 0, 0, 1], payload].concat()
    }

    fn found<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Vec<(EndingFrame, u32)> {
        let (mut frames, mut found) = (Frames::new(), Vec::new());
        for part in parts {
            frames.read(part, |frame, code| found.push((frame, code)));
        }
        found
    }

    fn goaway(code: u8) -> Vec<u8> {
        frame(GOAWAY, &[&[0, 0, 0, 9, 0, 0, 0, code], &b"why"[..]].concat())
    }

    #[test]
    fn errors_are_found_among_other_frames_however_they_are_cut() {
        let written = [
            frame(4, &[3; 18]),
            frame(4, &[]),
            frame(0, &frame(RST_STREAM, &[0, 0, 0, 5])),
            frame(RST_STREAM, &[0, 0, 0, 1]),
            frame(RST_STREAM, &[0xff, 0, 0, 2]),
            frame(0, &[7; 300]),
            goaway(11),
            frame(1, &[]),
            frame(RST_STREAM, &[0, 0, 0, 8]),
        ]
        .concat();
        let expected = [
            (EndingFrame::RstStream, 1),
            (EndingFrame::RstStream, 0xff00_0002),
            (EndingFrame::GoAway, 11),
            (EndingFrame::RstStream, 8),
        ];
        assert_eq!(found([written.as_slice()]), expected);
        for size in 1..written.len() {
            assert_eq!(found(written.chunks(size)), expected, "in parts of {size}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_for_any_input_and_cuts_change_nothing(
            bytes in prop::collection::vec(prop_oneof![0_u8..9, any::<u8>()], 0..200),
            size in 1_usize..200,
        ) {
            prop_assert_eq!(found(bytes.chunks(size)), found([bytes.as_slice()]));
        }
    }

    #[tokio::test]
    async fn what_is_written_is_what_arrives_and_only_that_is_counted() {
        let counters = Arc::new(ServerCounters::default());
        let (mut peer, transport) = duplex(7);
        let mut watched = SentErrors::new(Arc::clone(&counters)).watch(transport, None);
        let written = [frame(RST_STREAM, &[0, 0, 0, 1]), goaway(11), frame(RST_STREAM, &[0, 0, 0, 1])].concat();
        let sent = written.clone();
        let sending = tokio::spawn(async move {
            watched.write_all(&sent).await.unwrap();
            watched.shutdown().await.unwrap();
        });
        let mut arrived = Vec::new();
        peer.read_to_end(&mut arrived).await.unwrap();
        sending.await.unwrap();
        assert_eq!(arrived, written);
        let counted: Vec<_> = counters.http2_errors.counted().collect();
        assert_eq!(counted, [("rst_stream", "protocol_error", 2), ("goaway", "enhance_your_calm", 1)]);
    }

    #[tokio::test]
    async fn the_slices_of_one_write_are_read_as_far_as_they_were_taken() {
        let counters = Arc::new(ServerCounters::default());
        let mut watched = SentErrors::new(Arc::clone(&counters)).watch(Taking(12), None);
        let reset = frame(RST_STREAM, &[0, 0, 0, 8]);
        let slices = [IoSlice::new(&reset[..5]), IoSlice::new(&reset[5..])];
        assert_eq!(watched.write_vectored(&slices).await.unwrap(), 12);
        assert_eq!(counters.http2_errors.counted().count(), 0, "one byte was not taken");
        assert_eq!(watched.write_vectored(&[IoSlice::new(&reset[12..])]).await.unwrap(), 1);
        assert_eq!(counters.http2_errors.counted().collect::<Vec<_>>(), [("rst_stream", "cancel", 1)]);
    }

    /// Accepts at most this many bytes of a write.
    struct Taking(usize);

    impl AsyncWrite for Taking {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len().min(self.0)))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum::<usize>().min(self.0)))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }
    }
}
