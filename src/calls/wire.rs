//! What a call asks of the wire that it came by.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body::Body as HttpBody;

use super::authenticated_call::AuthenticatedCall;
use super::code::Code;
use super::failure::Failure;
use super::malformed::MalformedRequest;
use super::message::MessagePrefix;
use super::method::CallMethod;
use super::record::CallRecord;

/// A protocol by which calls come and answers go.
pub(crate) trait Wire: Send + Sync {
    /// The `rpc.system.name` of traces.
    const SYSTEM: &'static str;

    /// What stands in front of a message.
    const PREFIX: MessagePrefix;

    type RequestBody: Send;

    /// The same, with its form watched while it is read.
    type WatchedBody: HttpBody<Data = Bytes> + Unpin + Send;

    type AnswerBody: HttpBody<Data = Bytes> + Default + Unpin + Send;

    fn method(&self, request: &Request<Self::RequestBody>) -> CallMethod;

    /// What is wrong with the head of a request.
    fn judge(&self, method: CallMethod, request: &Request<Self::RequestBody>) -> Option<MalformedRequest>;

    /// How long the client waits, if it says so.
    fn client_timeout(&self, headers: &HeaderMap) -> Option<Duration>;

    /// Watches a body, and notes in the record how it ends if it does not end well.
    fn watch(
        &self,
        method: CallMethod,
        headers: &HeaderMap,
        body: Self::RequestBody,
        record: &CallRecord,
    ) -> Self::WatchedBody;

    /// Does what the call asks for.
    fn serve(
        &self,
        method: CallMethod,
        admitted: Admitted<Self::WatchedBody>,
        record: &CallRecord,
    ) -> impl Future<Output = Response<Self::AnswerBody>> + Send;

    /// The answer that tells of a failure.
    fn answer_failure(&self, failure: &Failure, request_id: &str) -> Response<Self::AnswerBody>;

    /// The answer to a client that has ended its request early, and reads none.
    fn answer_lost(&self) -> Response<Self::AnswerBody>;

    /// The code in the head of an answer, if it is there already.
    fn code_of_head(answer: &Response<Self::AnswerBody>) -> Option<Code>;

    /// The code behind an answer.
    fn code_of_trailers(trailers: &HeaderMap) -> Option<Code>;

    /// The code of an answer that breaks off.
    fn code_of_error(error: &<Self::AnswerBody as HttpBody>::Error) -> Code;
}

/// A call that may be served.
pub(crate) enum Admitted<B> {
    /// A question about the server, by anybody. The wire reads its messages.
    WithoutCaller { head: Parts, body: B },
    /// A call of a proven caller, with its whole message.
    Authenticated { head: Parts, call: AuthenticatedCall, message: Bytes },
}
