//! The body of an answer. Its end is the end of its call.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::access_log::AccessLine;
use super::wire::Wire;

/// Reports to the access line how the answer ended. The line is written when the body is dropped.
pub(crate) struct ObservedBody<W: Wire> {
    body: W::AnswerBody,
    /// `None` for calls without an access line.
    line: Option<AccessLine>,
}

impl<W: Wire> ObservedBody<W> {
    pub(crate) const fn new(body: W::AnswerBody, line: Option<AccessLine>) -> Self {
        Self { body, line }
    }
}

impl<W: Wire> HttpBody for ObservedBody<W> {
    type Data = Bytes;
    type Error = <W::AnswerBody as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Self { body, line } = &mut *self;
        let frame = ready!(Pin::new(&mut *body).poll_frame(context));
        if let Some(line) = line {
            match &frame {
                Some(Ok(frame)) => match frame.trailers_ref() {
                    Some(trailers) => line.learn_code(W::code_of_trailers(trailers)),
                    None => line.learn_code(W::code_of_body(body)),
                },
                Some(Err(error)) => line.learn_code(Some(W::code_of_error(error))),
                None => line.learn_code(W::code_of_body(body)),
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
