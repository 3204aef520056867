//! What a call needs of the protocol that it arrived by.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body::Body as HttpBody;

use super::authenticated_call::AuthenticatedCall;
use super::cause::Cause;
use super::code::Code;
use super::failure::Failure;
use super::message::MessagePrefix;
use super::method::CallMethod;
use super::protocol::Protocol;
use super::record::CallRecord;

/// A protocol for calls and answers.
pub(crate) trait Wire: Send + Sync {
    /// The prefix of a message.
    const PREFIX: MessagePrefix;

    type RequestBody: Send;

    /// The same body, with its framing checked during the read.
    type WatchedBody: HttpBody<Data = Bytes> + Unpin + Send;

    type AnswerBody: HttpBody<Data = Bytes> + Default + Unpin + Send;

    /// For the log and for traces.
    fn protocol(&self) -> Protocol;

    fn method(&self, request: &Request<Self::RequestBody>) -> CallMethod;

    /// Why a request is refused by its head alone.
    fn judge(&self, method: CallMethod, request: &Request<Self::RequestBody>) -> Option<Cause>;

    /// The client's deadline, if it has one.
    fn client_timeout(&self, headers: &HeaderMap) -> Option<Duration>;

    /// Checks a body, and records how it ends if it ends early.
    fn watch(
        &self,
        method: CallMethod,
        headers: &HeaderMap,
        body: Self::RequestBody,
        record: &CallRecord,
    ) -> Self::WatchedBody;

    /// Runs the use case of the call.
    fn serve(
        &self,
        method: CallMethod,
        admitted: Admitted<Self::WatchedBody>,
        record: &CallRecord,
    ) -> impl Future<Output = Response<Self::AnswerBody>> + Send;

    /// The answer for a failure.
    fn answer_failure(&self, failure: &Failure, request_id: &str) -> Response<Self::AnswerBody>;

    /// The answer to a client that ended its request early. No client reads it.
    fn answer_lost(&self) -> Response<Self::AnswerBody>;

    /// The code in the head of an answer, if it is known by then.
    fn code_of_head(answer: &Response<Self::AnswerBody>) -> Option<Code>;

    /// The code in the trailers of an answer.
    fn code_of_trailers(trailers: &HeaderMap) -> Option<Code>;

    /// The code of an answer whose body has ended without trailers.
    fn code_of_body(body: &Self::AnswerBody) -> Option<Code>;

    /// The code of an answer that ends early.
    fn code_of_error(error: &<Self::AnswerBody as HttpBody>::Error) -> Code;
}

/// A call that may be served.
pub(crate) enum Admitted<B> {
    /// A call about the server, which needs no caller. The wire reads its messages.
    WithoutCaller { head: Parts, body: B },
    /// A call of an authenticated caller, with its whole message.
    Authenticated { head: Parts, call: AuthenticatedCall, message: Bytes },
}
