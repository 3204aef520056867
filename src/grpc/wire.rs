//! gRPC over HTTP/2, as the pipeline's wire.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::ORIGIN;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body_util::Full;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;

use super::call_form::{self, PlainHttp, plain_answer};
use super::framing::{self, FramedBody, Framing};
use super::library_status::{explain, status_of_lost_request};
use super::status::{neutral_code, status};
use super::stream_end::EndingBody;
use super::timeout::client_timeout;
use crate::calls::{
    self, Admitted, CallCounters, CallMethod, CallRecord, Cause, Failure, IncomingCall, MessagePrefix, Pipeline,
    Protocol, Wire,
};
use access_broker_identity::AcceptedProof;

/// By it, browsers say where a request comes from (Fetch Metadata Request Headers).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Serves every call: through the pipeline, and then by the services.
pub(crate) struct GrpcCalls<S>(Arc<Shared<S>>);

struct Shared<S> {
    pipeline: Arc<Pipeline>,
    wire: GrpcWire<S>,
}

impl<S> GrpcCalls<S> {
    /// `services` are those of the library. The token ends the streams of health and reflection.
    pub(crate) fn new(pipeline: Arc<Pipeline>, services: S, end: CancellationToken) -> Self {
        let counters = Arc::clone(&pipeline.counters);
        Self(Arc::new(Shared { pipeline, wire: GrpcWire { services, end, counters } }))
    }
}

impl<S> Clone for GrpcCalls<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for GrpcCalls<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcCalls").finish_non_exhaustive()
    }
}

/// The library's services for a wire: always ready, without errors of their own.
pub(crate) trait Services:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> Services for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

impl<S: Services> Service<IncomingCall<Body>> for GrpcCalls<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut incoming: IncomingCall<Body>) -> Self::Future {
        if is_cross_site(incoming.request.headers(), &incoming.connection.accepts) {
            incoming.request.extensions_mut().insert(CrossSite);
        }
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let Shared { pipeline, wire } = &*shared;
            Ok(pipeline.run(wire, incoming).await.map(Body::new))
        })
    }
}

/// Marks a request from a page in a browser, at a listener whose proof the browser may add to the requests of every
/// page. In its extensions.
#[derive(Debug, Clone, Copy)]
struct CrossSite;

/// No page can speak gRPC as it is, but a proxy in front may translate, and a name that resolves to this address makes
/// any page one of the same site.
fn is_cross_site(headers: &HeaderMap, accepts: &AcceptedProof) -> bool {
    matches!(accepts, AcceptedProof::Workload(_))
        && (headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE))
}

/// The gRPC part of a wire.
pub(super) struct GrpcWire<S> {
    pub(super) services: S,
    pub(super) end: CancellationToken,
    pub(super) counters: Arc<CallCounters>,
}

impl<S: Services> Wire for GrpcWire<S> {
    const PREFIX: MessagePrefix = framing::PREFIX;

    type RequestBody = Body;
    type WatchedBody = FramedBody;
    type AnswerBody = Body;

    fn protocol(&self) -> Protocol {
        Protocol::Grpc
    }

    fn method(&self, request: &Request<Body>) -> CallMethod {
        CallMethod::from_path(request.uri().path())
    }

    fn judge(&self, method: CallMethod, request: &Request<Body>) -> Option<Cause> {
        let is_cross_site = request.extensions().get::<CrossSite>().is_some();
        if is_cross_site { Some(Cause::CrossSite) } else { call_form::judge(method, request).map(Cause::Malformed) }
    }

    fn client_timeout(&self, headers: &HeaderMap) -> Option<Duration> {
        client_timeout(headers)
    }

    fn watch(&self, method: CallMethod, headers: &HeaderMap, body: Body, record: &CallRecord) -> FramedBody {
        FramedBody::new(body, Framing::new(method, headers), record.clone())
    }

    async fn serve(&self, method: CallMethod, admitted: Admitted<FramedBody>, record: &CallRecord) -> Response<Body> {
        let mut services = self.services.clone();
        let answer = match admitted {
            Admitted::WithoutCaller { head, body } => {
                let Ok(answer) = services.call(Request::from_parts(head, Body::new(body))).await;
                // It may be a stream, which does not end by itself.
                answer.map(|body| Body::new(EndingBody::new(body, self.end.clone())))
            }
            Admitted::Authenticated { mut head, call, message } => {
                // The library passes nothing else to the service.
                head.extensions.insert(call);
                let Ok(answer) = services.call(Request::from_parts(head, Body::new(Full::new(message)))).await;
                answer
            }
        };
        explain(answer, method, record, &self.counters)
    }

    fn answer_failure(&self, failure: &Failure, request_id: &str) -> Response<Body> {
        let plain = match failure.cause {
            Some(Cause::Malformed(malformed)) => plain_answer(malformed),
            _ => None,
        };
        match plain {
            Some(answer) => answer.map(|text| Body::new(Full::from(text))),
            None => status(failure, request_id).into_http(),
        }
    }

    fn answer_lost(&self) -> Response<Body> {
        status_of_lost_request().into_http()
    }

    fn code_of_head(answer: &Response<Body>) -> Option<calls::Code> {
        match answer.extensions().get() {
            Some(PlainHttp) => Some(calls::Code::InvalidArgument),
            // A trailers-only answer has its status in the headers.
            None => Self::code_of_trailers(answer.headers()),
        }
    }

    fn code_of_trailers(trailers: &HeaderMap) -> Option<calls::Code> {
        let status = trailers.get(Status::GRPC_STATUS)?;
        Some(neutral_code(Code::from_bytes(status.as_bytes())))
    }

    fn code_of_body(_: &Body) -> Option<calls::Code> {
        None
    }

    fn code_of_error(error: &Status) -> calls::Code {
        neutral_code(error.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message;
    use prost_types::FileDescriptorSet;
    use tonic_reflection::pb::{v1, v1alpha};

    use super::*;
    use crate::contract::proto;

    /// Every method in the descriptors of the services: service, name, kind, and whether it is the broker's.
    fn described() -> BTreeSet<(String, String, &'static str, bool)> {
        let sets = [
            proto::FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            v1::FILE_DESCRIPTOR_SET,
            v1alpha::FILE_DESCRIPTOR_SET,
        ];
        let files = sets.into_iter().flat_map(|set| FileDescriptorSet::decode(set).unwrap().file);
        let mut described = BTreeSet::new();
        for file in files {
            for service in &file.service {
                let service_name = format!("{}.{}", file.package(), service.name());
                for method in &service.method {
                    let kind = match (method.client_streaming(), method.server_streaming()) {
                        (false, false) => "unary",
                        (false, true) => "server_stream",
                        (true, false) => "client_stream",
                        (true, true) => "bidi_stream",
                    };
                    let is_own = service_name.starts_with("accessbroker.");
                    described.insert((service_name.clone(), method.name().to_owned(), kind, is_own));
                }
            }
        }
        described
    }

    /// A method that the list lacks could not be called; one marked as needing no caller could be called by anyone.
    #[test]
    fn the_list_of_methods_is_that_of_the_descriptors_and_the_brokers_own_need_a_caller() {
        let known = CallMethod::ALL.into_iter().filter(|method| method.is_rpc());
        let listed = known.map(|method| {
            (method.service().to_owned(), method.name().to_owned(), method.grpc_type(), method.needs_caller())
        });
        let listed: BTreeSet<_> = listed.collect();
        assert_eq!(listed, described());
    }
}
