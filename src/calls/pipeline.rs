//! The path of every call, from every wire.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response};
use tokio::time;

use super::access_log::AccessLog;
use super::authenticated_call::AuthenticatedCall;
use super::authentication::{Authentication, ProvenCaller};
use super::call_counters::CallCounters;
use super::call_slots::CallSlots;
use super::catch_panic::{CaughtPanic, Panicked};
use super::cause::Cause;
use super::connection::ConnectionInfo;
use super::incoming::{CallOrigin, IncomingCall};
use super::method::CallMethod;
use super::observed_body::ObservedBody;
use super::record::CallRecord;
use super::refuse::refuse;
use super::request_id::REQUEST_ID_HEADER;
use super::unanswered::Unanswered;
use super::wire::{Admitted, Wire};
use crate::admission::{OpenStream, UnprovenKind};

/// The steps of all calls, and what they share.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) access_log: AccessLog,
    pub(crate) authentication: Authentication,
    pub(crate) places: CallSlots,
    /// The time limit until the answer begins, unless the client's deadline is shorter.
    ///
    /// For a unary call that is the whole call with the wait for its message, so that a client that opens a stream and
    /// sends no message holds nothing for longer. Streams of health and reflection have begun by then, and are not
    /// limited.
    pub(crate) call_timeout: Duration,
    pub(crate) counters: Arc<CallCounters>,
}

struct CallInProgress<'c> {
    method: CallMethod,
    record: CallRecord,
    connection: &'c ConnectionInfo,
    stream: &'c OpenStream,
}

impl Pipeline {
    /// Takes a call from its head to the head of its answer. The call ends with the body of the answer, or when this
    /// future is dropped because the client left.
    pub(crate) async fn run<W: Wire>(
        &self,
        wire: &W,
        incoming: IncomingCall<W::RequestBody>,
    ) -> Response<ObservedBody<W>> {
        let IncomingCall { request, connection, stream, origin } = incoming;

        // 1. The record and the access line begin, so that refused calls are reported as well. The line is written on
        // drop: as the first declared value it is dropped last, after the call has freed its slots.
        let method = wire.method(&request);
        let (record, mut line) = match origin {
            CallOrigin::Client => {
                let (record, line) =
                    self.access_log.begin(wire.protocol(), method, request.headers(), &connection.peer);
                (record, Some(line))
            }
            CallOrigin::SelfCheck => (CallRecord::untraced(), None),
        };
        let call = CallInProgress { method, record, connection: &connection, stream: &stream };

        // 2. Malformed requests are answered without authentication: the list of methods is public, so the answer
        // reveals nothing.
        let mut answer = match wire.judge(method, &request) {
            Some(cause) => self.refuse_head(wire, cause, request.method(), &call),
            None => {
                let (head, body) = request.into_parts();
                let body = wire.watch(method, &head.headers, body, &call.record);
                // 3. A later panic ends this call only.
                let served = pin!(self.serve_in_time(wire, Request::from_parts(head, body), &call));
                CaughtPanic(served).await.unwrap_or_else(|Panicked| self.answer(wire, Cause::Panicked, &call))
            }
        };

        // 8. The answer gets the id of the call, and its body the access line.
        if let Some(line) = &mut line {
            answer.headers_mut().insert(REQUEST_ID_HEADER, call.record.request_id().as_header().clone());
            line.learn_code(W::code_of_head(&answer));
        }
        answer.map(|body| ObservedBody::new(body, line))
    }

    /// 4. The answer begins within the limits of the client and the broker.
    async fn serve_in_time<W: Wire>(
        &self,
        wire: &W,
        request: Request<W::WatchedBody>,
        call: &CallInProgress<'_>,
    ) -> Response<W::AnswerBody> {
        let clients_own = wire.client_timeout(request.headers()).filter(|wanted| *wanted < self.call_timeout);
        let limit = clients_own.unwrap_or(self.call_timeout);
        match time::timeout(limit, self.serve(wire, request, call)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(Unanswered::Failed(failure))) => wire.answer_failure(&failure, call.record.request_id().as_str()),
            Ok(Err(Unanswered::Lost)) => wire.answer_lost(),
            Err(_) if clients_own.is_some() => self.answer(wire, Cause::ClientDeadlineExceeded, call),
            Err(_) => self.answer(wire, Cause::CallTimedOut, call),
        }
    }

    async fn serve<W: Wire>(
        &self,
        wire: &W,
        request: Request<W::WatchedBody>,
        call: &CallInProgress<'_>,
    ) -> Result<Response<W::AnswerBody>, Unanswered> {
        let CallInProgress { method, record, connection, stream } = call;
        let (mut head, body) = request.into_parts();
        if !method.needs_caller() {
            Authentication::admit_without_caller(*method, stream, record, &self.counters)?;
            return Ok(wire.serve(*method, Admitted::WithoutCaller { head, body }, record).await);
        }
        // 5. Authentication, and a slot for one more stream of this caller.
        let counters = &*self.counters;
        let caller = self.authentication.admit_caller(&mut head.headers, connection, stream, record, counters).await?;
        let ProvenCaller { asking, holder } = caller;
        // 6. The whole message, and then a slot for the call.
        let (message, _held) = self.places.admit(body, W::PREFIX, holder, record, counters).await?;
        // 7. The use case.
        let call = AuthenticatedCall::new(asking, record.clone(), connection.peer.address);
        Ok(wire.serve(*method, Admitted::Authenticated { head, call, message }, record).await)
    }

    /// Refuses a request by its head. It counts as an unauthenticated stream.
    fn refuse_head<W: Wire>(
        &self,
        wire: &W,
        cause: Cause,
        method: &Method,
        call: &CallInProgress<'_>,
    ) -> Response<W::AnswerBody> {
        let place = call.stream.take_unproven(UnprovenKind::Other).map(drop);
        let answer = self.answer(wire, cause, call);
        // An answer without a body needs no room at the client. Answers to HEAD have no body either (RFC 9110 section
        // 9.3.2).
        if place.is_err() || *method == Method::HEAD { answer.map(|_| W::AnswerBody::default()) } else { answer }
    }

    fn answer<W: Wire>(&self, wire: &W, cause: Cause, call: &CallInProgress<'_>) -> Response<W::AnswerBody> {
        let failure = refuse(cause, &call.record, &self.counters);
        wire.answer_failure(&failure, call.record.request_id().as_str())
    }
}

#[cfg(test)]
mod tests;
