//! The body of a request.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

use crate::calls::{CallRecord, MalformedRequest, RequestFault};

/// Whether a request may have a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyRule {
    Message,
    /// A GET: its message is in the query.
    None,
}

/// The body of a request. If it fails, the record of the call says why.
pub(super) struct RequestBody {
    body: Body,
    rule: BodyRule,
    record: CallRecord,
    has_failed: bool,
}

impl RequestBody {
    pub(super) const fn new(body: Body, rule: BodyRule, record: CallRecord) -> Self {
        Self { body, rule, record, has_failed: false }
    }

    fn fail(&mut self, fault: RequestFault, error: Status) -> Result<Frame<Bytes>, Status> {
        self.has_failed = true;
        self.record.set_request_fault(fault);
        Err(error)
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.has_failed {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let has_data = |frame: &Frame<Bytes>| frame.data_ref().is_some_and(|data| !data.is_empty());
        Poll::Ready(match frame {
            Some(Ok(frame)) if self.rule == BodyRule::None && has_data(&frame) => {
                let malformed = MalformedRequest::UnexpectedBody;
                // The answer is made from the record.
                Some(self.fail(RequestFault::Malformed(malformed), Status::invalid_argument(malformed.code())))
            }
            Some(Err(lost)) => Some(self.fail(RequestFault::Lost, lost)),
            other => other,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.has_failed || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
