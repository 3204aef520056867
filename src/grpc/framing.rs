//! The framing of a request's messages: a flag, a length, and the bytes (gRPC over HTTP/2, "Length-Prefixed-Message").
//!
//! The gRPC library has one code, `INTERNAL`, for every framing error, and ignores the second message of a unary call.
//! This module distinguishes the errors before the method is called.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use tonic::Status;
use tonic::body::Body;

use crate::calls::{CallMethod, CallRecord, MalformedRequest, MessagePrefix, RequestFault};

/// The header that names the compression of messages.
const GRPC_ENCODING: &str = "grpc-encoding";

/// A flag, and the length of the message.
pub(super) const PREFIX: MessagePrefix = MessagePrefix { bytes: 5, announced };

fn announced(read: &[u8]) -> Option<usize> {
    let [_flag, length @ ..] = *read.first_chunk::<{ PREFIX.bytes }>()?;
    usize::try_from(u32::from_be_bytes(length)).ok()
}

/// Tracks the frames of one request, part by part.
#[derive(Debug)]
pub(super) struct Framing {
    may_be_compressed: bool,
    /// Whether the method takes any number of messages.
    is_stream: bool,
    has_message: bool,
    position: Position,
}

/// The position within the frames of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Before a message.
    Flag,
    /// In its length, of which this many bytes were read.
    Length { read: u8, length: u32 },
    /// In its bytes.
    Message { left: u32 },
}

impl Framing {
    /// The framing of a request to this method, with these headers.
    pub(super) fn new(method: CallMethod, headers: &HeaderMap) -> Self {
        let may_be_compressed = headers.get(GRPC_ENCODING).is_some_and(|encoding| encoding != "identity");
        let is_stream = method.grpc_type() == "bidi_stream";
        Self { may_be_compressed, is_stream, has_message: false, position: Position::Flag }
    }

    fn read(&mut self, part: &[u8]) -> Result<(), MalformedRequest> {
        let mut rest = part;
        while let Some((byte, behind)) = rest.split_first() {
            match self.position {
                Position::Flag => {
                    if !(*byte == 0 || *byte == 1 && self.may_be_compressed) {
                        return Err(MalformedRequest::InvalidCompressionFlag);
                    }
                    self.position = Position::Length { read: 0, length: 0 };
                    rest = behind;
                }
                Position::Length { read, length } => {
                    let length = length << 8 | u32::from(*byte);
                    rest = behind;
                    self.position = match (read, length) {
                        (0..3, _) => Position::Length { read: read + 1, length },
                        (_, 0) => self.end_message()?,
                        _ => Position::Message { left: length },
                    };
                }
                Position::Message { left } => {
                    let here = u32::try_from(rest.len()).unwrap_or(u32::MAX).min(left);
                    rest = rest.get(here as usize..).unwrap_or_default();
                    self.position = match left - here {
                        0 => self.end_message()?,
                        left => Position::Message { left },
                    };
                }
            }
        }
        Ok(())
    }

    fn end_message(&mut self) -> Result<Position, MalformedRequest> {
        if self.has_message && !self.is_stream {
            return Err(MalformedRequest::SeveralMessages);
        }
        self.has_message = true;
        Ok(Position::Flag)
    }

    /// The request has no more parts.
    fn end(&self) -> Result<(), MalformedRequest> {
        match self.position {
            Position::Flag if self.has_message || self.is_stream => Ok(()),
            Position::Flag => Err(MalformedRequest::NoMessage),
            Position::Length { .. } | Position::Message { .. } => Err(MalformedRequest::TruncatedMessage),
        }
    }
}

/// The body of a request. It fails where its framing is invalid, and records the reason in the record of the call.
pub(super) struct FramedBody {
    body: Body,
    framing: Framing,
    record: CallRecord,
    has_ended: bool,
}

impl FramedBody {
    pub(super) const fn new(body: Body, framing: Framing, record: CallRecord) -> Self {
        Self { body, framing, record, has_ended: false }
    }

    fn judge<T>(&mut self, judged: Result<(), MalformedRequest>, good: Option<T>) -> Option<Result<T, Status>> {
        match judged {
            Ok(()) => good.map(Ok),
            Err(malformed) => {
                self.has_ended = true;
                self.record.set_request_fault(RequestFault::Malformed(malformed));
                // The answer is made from the record.
                Some(Err(Status::invalid_argument(malformed.code())))
            }
        }
    }
}

impl HttpBody for FramedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => {
                let judged = match frame.data_ref() {
                    Some(part) => self.framing.read(part),
                    // Trailers end a request.
                    None => self.framing.end(),
                };
                self.judge(judged, Some(frame))
            }
            Some(Err(lost)) => {
                self.has_ended = true;
                self.record.set_request_fault(RequestFault::Lost);
                Some(Err(lost))
            }
            None => {
                self.has_ended = true;
                let judged = self.framing.end();
                self.judge(judged, None)
            }
        })
    }

    /// Not before the end was checked: a request without a body must be read as well.
    fn is_end_stream(&self) -> bool {
        self.has_ended
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};
    use proptest::prelude::*;

    use super::*;

    fn message(bytes: &[u8]) -> Vec<u8> {
        [&[0], u32::try_from(bytes.len()).unwrap().to_be_bytes().as_slice(), bytes].concat()
    }

    fn framing(method: CallMethod, encoding: Option<&'static str>) -> Framing {
        let mut headers = HeaderMap::new();
        if let Some(encoding) = encoding {
            headers.insert(GRPC_ENCODING, http::HeaderValue::from_static(encoding));
        }
        Framing::new(method, &headers)
    }

    fn judge<'p>(mut framing: Framing, parts: impl IntoIterator<Item = &'p [u8]>) -> Option<MalformedRequest> {
        let read = parts.into_iter().try_for_each(|part| framing.read(part));
        read.and_then(|()| framing.end()).err()
    }

    #[test]
    fn every_broken_form_is_distinguished() {
        use MalformedRequest::{InvalidCompressionFlag, NoMessage, SeveralMessages, TruncatedMessage};
        let one = message(b"abc");
        for (request, expected) in [
            (one.clone(), None),
            (message(b""), None),
            (vec![], Some(NoMessage)),
            (one[..4].to_vec(), Some(TruncatedMessage)),
            (one[..7].to_vec(), Some(TruncatedMessage)),
            ([one.as_slice(), b"\0"].concat(), Some(TruncatedMessage)),
            ([one.as_slice(), b"junk"].concat(), Some(InvalidCompressionFlag)),
            ([one.as_slice(), &one].concat(), Some(SeveralMessages)),
            ([message(b""), message(b"")].concat(), Some(SeveralMessages)),
            (b"\x01\0\0\0\x01a".to_vec(), Some(InvalidCompressionFlag)),
            (b"\x07\0\0\0\x01a".to_vec(), Some(InvalidCompressionFlag)),
            (b"{\"bucket\":\"media\"}".to_vec(), Some(InvalidCompressionFlag)),
        ] {
            let of_check = || framing(CallMethod::HealthCheck, None);
            assert_eq!(judge(of_check(), [request.as_slice()]), expected, "{request:?}");
            assert_eq!(judge(of_check(), request.chunks(1)), expected, "{request:?}, byte by byte");
        }
    }

    #[test]
    fn a_stream_of_requests_may_have_any_number_of_messages() {
        let two = [message(b"a"), message(b"b")].concat();
        assert_eq!(judge(framing(CallMethod::Reflection, None), [two.as_slice()]), None);
        assert_eq!(judge(framing(CallMethod::Reflection, None), []), None);
        let cut = judge(framing(CallMethod::Reflection, None), [&two[..8]]);
        assert_eq!(cut, Some(MalformedRequest::TruncatedMessage));
    }

    #[test]
    fn a_message_may_be_compressed_where_the_request_says_how() {
        let compressed = b"\x01\0\0\0\x01a";
        assert_eq!(judge(framing(CallMethod::VerifyUpload, Some("gzip")), [compressed.as_slice()]), None);
        let unnamed = judge(framing(CallMethod::VerifyUpload, Some("identity")), [compressed.as_slice()]);
        assert_eq!(unnamed, Some(MalformedRequest::InvalidCompressionFlag));
    }

    #[tokio::test]
    async fn a_body_fails_where_its_framing_does_and_says_what_it_was() {
        let of = |body: Body, record: &CallRecord| {
            FramedBody::new(body, framing(CallMethod::IssueDownloadUrl, None), record.clone())
        };
        let record = CallRecord::untraced();
        let whole = of(Body::new(Full::new(Bytes::from(message(b"abc")))), &record);
        assert_eq!(whole.collect().await.unwrap().to_bytes(), message(b"abc"));
        assert_eq!(record.request_fault(), None);

        let empty = of(Body::empty(), &record);
        assert!(!empty.is_end_stream());
        assert!(empty.collect().await.is_err());
        assert_eq!(record.request_fault(), Some(RequestFault::Malformed(MalformedRequest::NoMessage)));
    }

    proptest! {
        #[test]
        fn how_a_request_is_cut_into_parts_changes_nothing(
            bytes in prop::collection::vec(0_u8..4, 0..60),
            size in 1_usize..60,
        ) {
            let whole = judge(framing(CallMethod::HealthCheck, None), [bytes.as_slice()]);
            prop_assert_eq!(judge(framing(CallMethod::HealthCheck, None), bytes.chunks(size)), whole);
        }
    }
}
