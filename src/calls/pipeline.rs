//! The way of every call, whichever wire it came by.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response};
use tokio::time;

use super::access_log::AccessLog;
use super::authenticated_call::AuthenticatedCall;
use super::authentication::{Authentication, ProvenCaller};
use super::call_counters::CallCounters;
use super::catch_panic::{CaughtPanic, Panicked};
use super::cause::Cause;
use super::connection::ConnectionInfo;
use super::incoming::{CallOrigin, IncomingCall};
use super::malformed::MalformedRequest;
use super::method::CallMethod;
use super::observed_body::ObservedBody;
use super::places::CallPlaces;
use super::record::CallRecord;
use super::refusal::refuse;
use super::request_id::REQUEST_ID_HEADER;
use super::unserved::Unserved;
use super::wire::{Admitted, Wire};
use crate::admission::{OpenStream, UnprovenKind};

/// What all calls pass, and what they share on their way.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) access_log: AccessLog,
    pub(crate) authentication: Authentication,
    pub(crate) places: CallPlaces,
    /// The most time until the answer begins, unless the client says less.
    ///
    /// That is the whole of a unary call, the wait for its message included, so that a client which opens a stream and
    /// never sends one holds nothing for longer. The streams of health and reflection have begun by then, and last as
    /// long as they like.
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
    /// Takes a call from its head to the head of its answer. The call ends with the body of the answer; or, if the client
    /// leaves before, when this future is dropped.
    pub(crate) async fn run<W: Wire>(
        &self,
        wire: &W,
        incoming: IncomingCall<W::RequestBody>,
    ) -> Response<ObservedBody<W>> {
        let IncomingCall { request, connection, stream, origin } = incoming;

        // 1. The record and the access line begin, so that nothing about a refused call is lost. The line is written when
        //    it is dropped: being declared first, that is after the call has given back its places.
        let method = wire.method(&request);
        let (record, mut line) = match origin {
            CallOrigin::Client => {
                let (record, line) = self.access_log.begin(W::SYSTEM, method, request.headers(), &connection.peer);
                (record, Some(line))
            }
            CallOrigin::SelfCheck => (CallRecord::untraced(), None),
        };
        let call = CallInProgress { method, record, connection: &connection, stream: &stream };

        // 2. What is no call of a method here is answered without a look at its caller: the list of methods is public, in
        //    the contract, so that the answer tells nothing new.
        let mut answer = match wire.judge(method, &request) {
            Some(malformed) => self.refuse_form(wire, malformed, request.method(), &call),
            None => {
                let (head, body) = request.into_parts();
                let body = wire.watch(method, &head.headers, body, &call.record);
                // 3. A panic further on ends this call only.
                let served = pin!(self.serve_in_time(wire, Request::from_parts(head, body), &call));
                CaughtPanic(served).await.unwrap_or_else(|Panicked| self.answer(wire, Cause::Panicked, &call))
            }
        };

        // 8. The answer carries the id of the call, and its body the access line.
        if let Some(line) = &mut line {
            answer.headers_mut().insert(REQUEST_ID_HEADER, call.record.request_id().as_header().clone());
            line.learn_code(W::code_of_head(&answer));
        }
        answer.map(|body| ObservedBody::new(body, line))
    }

    /// 4. The answer begins before the limit of the client and that of the broker.
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
            Ok(Err(Unserved::Failed(failure))) => wire.answer_failure(&failure, call.record.request_id().as_str()),
            Ok(Err(Unserved::Lost)) => wire.answer_lost(),
            Err(_) if clients_own.is_some() => self.answer(wire, Cause::ClientDeadlineExceeded, call),
            Err(_) => self.answer(wire, Cause::CallTimedOut, call),
        }
    }

    async fn serve<W: Wire>(
        &self,
        wire: &W,
        request: Request<W::WatchedBody>,
        call: &CallInProgress<'_>,
    ) -> Result<Response<W::AnswerBody>, Unserved> {
        let CallInProgress { method, record, connection, stream } = call;
        let (mut head, body) = request.into_parts();
        if !method.needs_caller() {
            Authentication::admit_without_caller(*method, stream, record, &self.counters)?;
            return Ok(wire.serve(*method, Admitted::WithoutCaller { head, body }, record).await);
        }
        // 5. Who is calling, and whether there is a place for one more stream of this caller.
        let counters = &*self.counters;
        let caller = self.authentication.admit_caller(&mut head.headers, connection, stream, record, counters).await?;
        let ProvenCaller { asking, holder } = caller;
        // 6. The whole message, and then a place for the call.
        let (message, _held) = self.places.admit(body, W::PREFIX, holder, record, counters).await?;
        // 7. What the call asks for.
        let call = AuthenticatedCall::new(asking, record.clone(), connection.peer.address);
        Ok(wire.serve(*method, Admitted::Authenticated { head, call, message }, record).await)
    }

    /// Refuses what is no call of a method here. It takes a place among the streams without a proof.
    fn refuse_form<W: Wire>(
        &self,
        wire: &W,
        malformed: MalformedRequest,
        method: &Method,
        call: &CallInProgress<'_>,
    ) -> Response<W::AnswerBody> {
        let place = call.stream.take_unproven(UnprovenKind::Other).map(drop);
        let answer = self.answer(wire, Cause::Malformed(malformed), call);
        // An answer without a body needs no room at the client. HEAD has none either (RFC 9110 section 9.3.2).
        if place.is_err() || *method == Method::HEAD { answer.map(|_| W::AnswerBody::default()) } else { answer }
    }

    fn answer<W: Wire>(&self, wire: &W, cause: Cause, call: &CallInProgress<'_>) -> Response<W::AnswerBody> {
        let failure = refuse(cause, &call.record, &self.counters);
        wire.answer_failure(&failure, call.record.request_id().as_str())
    }
}

#[cfg(test)]
mod tests;
