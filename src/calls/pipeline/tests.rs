use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};

use super::*;
use crate::admission::{BudgetLimits, Budgets, ConnectionCaps, ConnectionLedger, ConnectionSlot, Shares};
use crate::calls::{
    CallObserver, Code, EndedCall, EventCounter, Failure, MalformedRequest, MessageLimits, MessagePrefix, Protocol,
    Protocols, Reason, RejectedLines, RequestFault,
};
use access_broker_base::clock::SystemClock;
use access_broker_identity::{
    AcceptedProof, Authenticator, HeaderElements, MeshHeader, Peer, PeerAddress, Rejection, TrustDomain, TrustedHop,
    WorkloadProof, WorkloadSource,
};

/// A body that may end early.
type TestBody = UnsyncBoxBody<Bytes, BrokenOff>;

#[derive(Debug, PartialEq, Eq)]
struct BrokenOff;

type Handler = fn(Admitted<TestBody>) -> Pin<Box<dyn Future<Output = Response<TestBody>> + Send>>;

/// A wire of these tests, which writes codes and reasons into headers.
struct TestWire(Handler);

const CODE: &str = "code";
const REASON: &str = "reason";
/// The prefix that this wire takes for malformed.
const MALFORMED: &[u8] = b"malformed";

impl Wire for TestWire {
    const PREFIX: MessagePrefix = MessagePrefix { bytes: 0, announced: |_| None };

    type RequestBody = TestBody;
    type WatchedBody = TestBody;
    type AnswerBody = TestBody;

    fn protocol(&self) -> Protocol {
        Protocol::Grpc
    }

    fn method(&self, request: &Request<TestBody>) -> CallMethod {
        CallMethod::from_path(request.uri().path())
    }

    fn judge(&self, method: CallMethod, request: &Request<TestBody>) -> Option<Cause> {
        assert!(!request.headers().contains_key("panic"), "on purpose");
        match (method, request.method()) {
            (CallMethod::Unknown, _) => Some(Cause::Malformed(MalformedRequest::UnknownMethod)),
            (_, &Method::POST) => None,
            _ => Some(Cause::Malformed(MalformedRequest::NotPost)),
        }
    }

    fn client_timeout(&self, headers: &HeaderMap) -> Option<Duration> {
        let millis = headers.get("timeout-ms")?.to_str().unwrap();
        Some(Duration::from_millis(millis.parse().unwrap()))
    }

    fn watch(&self, _: CallMethod, _: &HeaderMap, body: TestBody, record: &CallRecord) -> TestBody {
        let record = record.clone();
        let watched = body.map_frame({
            let record = record.clone();
            move |frame| {
                if frame.data_ref().is_some_and(|data| data.starts_with(MALFORMED)) {
                    record.set_request_fault(RequestFault::Malformed(MalformedRequest::TruncatedMessage));
                }
                frame
            }
        });
        let watched = watched.map_err(move |error| {
            record.set_request_fault(RequestFault::Lost);
            error
        });
        TestBody::new(watched)
    }

    async fn serve(&self, _: CallMethod, admitted: Admitted<TestBody>, _: &CallRecord) -> Response<TestBody> {
        self.0(admitted).await
    }

    fn answer_failure(&self, failure: &Failure, request_id: &str) -> Response<TestBody> {
        let mut answer = Response::new(text(request_id));
        answer.headers_mut().insert(CODE, HeaderValue::from(failure.reason.code() as u32));
        answer.headers_mut().insert(REASON, HeaderValue::from_static(failure.reason.name()));
        answer
    }

    fn answer_lost(&self) -> Response<TestBody> {
        answer(Code::Cancelled)
    }

    fn code_of_head(answer: &Response<TestBody>) -> Option<Code> {
        Self::code_of_trailers(answer.headers())
    }

    fn code_of_trailers(trailers: &HeaderMap) -> Option<Code> {
        let number: usize = trailers.get(CODE)?.to_str().unwrap().parse().unwrap();
        Some(Code::ALL[number])
    }

    fn code_of_body(_: &TestBody) -> Option<Code> {
        None
    }

    fn code_of_error(_: &BrokenOff) -> Code {
        Code::DataLoss
    }
}

fn text(text: &str) -> TestBody {
    TestBody::new(Full::new(Bytes::copy_from_slice(text.as_bytes())).map_err(|never| match never {}))
}

fn answer(code: Code) -> Response<TestBody> {
    let mut answer = Response::new(text(""));
    answer.headers_mut().insert(CODE, HeaderValue::from(code as u32));
    answer
}

/// A body that never arrives.
struct Awaited;

impl HttpBody for Awaited {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        Poll::Pending
    }
}

/// A body that ends with an error.
struct Broken;

impl HttpBody for Broken {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        Poll::Ready(Some(Err(BrokenOff)))
    }
}

/// Records what it observes.
#[derive(Debug)]
struct Heard {
    started: Mutex<Vec<CallMethod>>,
    ended: Mutex<Vec<(CallMethod, Code, Option<&'static str>)>>,
    /// How many slots were taken whenever a call had ended.
    places: Arc<Shares>,
    held: Mutex<Vec<u64>>,
}

impl CallObserver for Heard {
    fn started(&self, method: CallMethod) {
        self.started.lock().unwrap().push(method);
    }

    fn ended(&self, call: &EndedCall<'_>) {
        self.ended.lock().unwrap().push((call.method, call.code, call.rejection));
        self.held.lock().unwrap().push(self.places.held());
    }
}

const LIMITS: BudgetLimits = BudgetLimits {
    streams: 10,
    unproven_streams: 10,
    unproven_streams_per_connection: 10,
    places: 10,
    message_memory: 1_000,
    signature_checks: 1,
};

/// A pipeline, and a connection to it from a trusted mesh proxy.
struct World {
    pipeline: Arc<Pipeline>,
    heard: Arc<Heard>,
    budgets: Budgets,
    slot: ConnectionSlot,
}

impl World {
    fn new(limits: BudgetLimits) -> Self {
        let budgets = Budgets::new(limits);
        let places = Arc::clone(&budgets.places);
        let heard =
            Arc::new(Heard { started: Mutex::default(), ended: Mutex::default(), places, held: Mutex::default() });
        let authenticator = Arc::new(Authenticator::new(Vec::new(), 0).unwrap());
        let pipeline = Pipeline {
            access_log: AccessLog::new(Arc::clone(&heard) as _, None, Arc::<RejectedLines>::default()),
            authentication: Authentication::new(authenticator, Arc::new(SystemClock), Arc::clone(&budgets.turns)),
            places: CallSlots {
                places: Arc::clone(&budgets.places),
                message_memory: Arc::clone(&budgets.message_memory),
                message: MessageLimits { size: 100, time: Duration::from_secs(2) },
            },
            call_timeout: Duration::from_secs(5),
            counters: Arc::default(),
        };
        let ledger = ConnectionLedger::new(ConnectionCaps { total: 9, unproven: 9, per_address: 9 });
        Self { pipeline: Arc::new(pipeline), heard, budgets, slot: ledger.take(None).unwrap() }
    }

    fn incoming(&self, request: Request<TestBody>) -> IncomingCall<TestBody> {
        let address = PeerAddress::Unix { uid: 7 };
        let peer = Arc::new(Peer { address, own_ip: None, has_istio_source: false, certificate: None });
        let (header, hop) = (MeshHeader::L5dClientId, TrustedHop::UnixUser(vec![7]));
        let source = WorkloadSource::MeshHeader { header, hop, elements: HeaderElements::Last };
        let trust_domain = TrustDomain::parse("cluster.local").unwrap();
        let accepts = Arc::new(AcceptedProof::Workload(WorkloadProof { trust_domain, source }));
        let stream = OpenStream::accept(self.slot.entry(), &self.budgets.streams).unwrap();
        let connection = ConnectionInfo { peer, accepts, protocols: Protocols::GRPC };
        IncomingCall { request, connection, stream, origin: CallOrigin::Client }
    }

    async fn call(&self, handler: Handler, request: Request<TestBody>) -> Response<ObservedBody<TestWire>> {
        self.pipeline.run(&TestWire(handler), self.incoming(request)).await
    }

    /// How the only call ended, and why its proof was rejected.
    fn end(&self) -> (Code, Option<&'static str>) {
        let ended = self.heard.ended.lock().unwrap();
        let [(method, code, rejection)] = ended[..] else { panic!("{ended:?}") };
        assert_eq!(*self.heard.started.lock().unwrap(), [method]);
        (code, rejection)
    }
}

fn path(method: CallMethod) -> String {
    format!("/{}/{}", method.service(), method.name())
}

/// A call without a proof.
fn bare(method: CallMethod) -> Request<TestBody> {
    Request::post(path(method)).body(text("message")).unwrap()
}

/// A call whose workload the mesh proves.
fn proven() -> Request<TestBody> {
    let mut request = bare(CallMethod::IssueDownloadUrl);
    let workload = HeaderValue::from_static("orders.shop.serviceaccount.identity.linkerd.cluster.local");
    request.headers_mut().insert(MeshHeader::L5dClientId.name(), workload);
    request
}

fn fine(_: Admitted<TestBody>) -> Pin<Box<dyn Future<Output = Response<TestBody>> + Send>> {
    Box::pin(async { answer(Code::Ok) })
}

fn never(_: Admitted<TestBody>) -> Pin<Box<dyn Future<Output = Response<TestBody>> + Send>> {
    Box::pin(std::future::pending())
}

fn not_called(_: Admitted<TestBody>) -> Pin<Box<dyn Future<Output = Response<TestBody>> + Send>> {
    panic!("the call is served")
}

fn reason(answer: &Response<ObservedBody<TestWire>>) -> &str {
    answer.headers().get(REASON).map_or("", |reason| reason.to_str().unwrap())
}

#[tokio::test]
async fn a_proven_call_is_served_with_its_caller_and_message_and_without_its_proofs() {
    let world = World::new(LIMITS);
    let mut request = proven();
    request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    request.headers_mut().insert(REQUEST_ID_HEADER, HeaderValue::from_static("from-client"));
    let answer = world
        .call(
            |admitted| {
                let Admitted::Authenticated { head, call, message } = admitted else { panic!("no caller") };
                let workload = call.asking().caller.workload().unwrap().to_string();
                assert_eq!(workload, "orders.shop.serviceaccount.identity.linkerd.cluster.local");
                assert_eq!((call.request_id(), &*message), ("from-client", &b"message"[..]));
                assert!(!head.headers.contains_key(AUTHORIZATION));
                assert!(!head.headers.contains_key(MeshHeader::L5dClientId.name()));
                Box::pin(async { answer(Code::Ok) })
            },
            request,
        )
        .await;
    assert_eq!(answer.headers()[REQUEST_ID_HEADER], "from-client");
    assert!(world.heard.ended.lock().unwrap().is_empty(), "the answer is still to be taken");
    drop(answer);
    assert_eq!(world.end(), (Code::Ok, None));
}

/// One list says which methods require a caller, and the pipeline follows it.
#[tokio::test]
async fn every_method_but_health_and_reflection_is_refused_without_a_proof() {
    for method in CallMethod::ALL.into_iter().filter(|method| method.is_rpc()) {
        let world = World::new(LIMITS);
        let handler = if method.needs_caller() { not_called } else { fine };
        let answer = world.call(handler, bare(method)).await;
        let expected = if method.needs_caller() { "CALLER_NOT_AUTHENTICATED" } else { "" };
        assert_eq!(reason(&answer), expected, "{method:?}");
        drop(answer);
        let expected = if method.needs_caller() {
            (Code::Unauthenticated, Some(Rejection::WorkloadMissing.code()))
        } else {
            (Code::Ok, None)
        };
        assert_eq!(world.end(), expected, "{method:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_refused_ends_with_its_headers_and_names_its_id() {
    let world = World::new(LIMITS);
    let answer = world.call(not_called, bare(CallMethod::VerifyUpload)).await;
    let id = answer.headers()[REQUEST_ID_HEADER].to_str().unwrap().to_owned();
    let body = answer.into_body().collect().await.ok().unwrap().to_bytes();
    assert_eq!(body, id.as_bytes());
    assert_eq!(world.end().0, Code::Unauthenticated);
}

#[tokio::test]
async fn a_call_whose_client_leaves_is_cancelled_and_has_given_back_its_place() {
    let world = World::new(LIMITS);
    let calling = Box::pin(world.call(never, proven()));
    assert!(time::timeout(Duration::from_millis(1), calling).await.is_err());
    assert_eq!(world.end().0, Code::Cancelled);
    assert_eq!(*world.heard.held.lock().unwrap(), [0]);
}

#[tokio::test]
async fn a_call_whose_client_leaves_before_the_trailers_is_cancelled() {
    let world = World::new(LIMITS);
    let answer = world.call(|_| Box::pin(async { Response::new(TestBody::new(Awaited)) }), proven()).await;
    assert!(world.heard.ended.lock().unwrap().is_empty());
    drop(answer);
    assert_eq!(world.end().0, Code::Cancelled);
}

#[tokio::test]
async fn the_trailers_of_an_answer_or_its_breaking_off_say_how_the_call_ended() {
    let with_trailers: Handler = |_| {
        let trailers = HeaderMap::from_iter([(CODE.parse().unwrap(), HeaderValue::from(Code::NotFound as u32))]);
        let body = text("part").with_trailers(async { Some(Ok(trailers)) });
        Box::pin(async { Response::new(TestBody::new(body)) })
    };
    let broken: Handler = |_| Box::pin(async { Response::new(TestBody::new(Broken)) });
    for (handler, expected) in [(with_trailers, Code::NotFound), (broken, Code::DataLoss)] {
        let world = World::new(LIMITS);
        let answer = world.call(handler, proven()).await;
        let _whole_or_not = answer.into_body().collect().await;
        assert_eq!(world.end().0, expected);
    }
}

#[tokio::test]
async fn a_panic_becomes_an_internal_fault_wherever_it_happens() {
    let at_once: Handler = |_| panic!("at once");
    let later: Handler = |_| {
        Box::pin(async {
            tokio::task::yield_now().await;
            panic!("later")
        })
    };
    for handler in [at_once, later] {
        let world = World::new(LIMITS);
        let answer = world.call(handler, proven()).await;
        assert_eq!(reason(&answer), "INTERNAL_FAULT");
        drop(answer);
        assert_eq!(world.end().0, Code::Internal);
        assert_eq!((world.pipeline.counters.panics.get(), world.budgets.places.held()), (1, 0));
    }
}

#[tokio::test]
async fn a_call_that_panics_on_the_way_is_a_fault_in_the_log() {
    let world = World::new(LIMITS);
    let mut request = proven();
    request.headers_mut().insert("panic", HeaderValue::from_static("1"));
    let (pipeline, incoming) = (Arc::clone(&world.pipeline), world.incoming(request));
    let panicked = tokio::spawn(async move { pipeline.run(&TestWire(fine), incoming).await.map(drop) }).await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(world.end().0, Code::Internal);
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_the_lesser_of_both_limits() {
    for (timeout, seconds, clients_own) in [(None, 5, 0), (Some("1000"), 1, 1), (Some("60000"), 5, 0)] {
        let world = World::new(LIMITS);
        let mut request = proven();
        if let Some(millis) = timeout {
            request.headers_mut().insert("timeout-ms", HeaderValue::from_static(millis));
        }
        let begun = time::Instant::now();
        let answer = world.call(never, request).await;
        assert_eq!((reason(&answer), begun.elapsed().as_secs()), ("CALL_TIMED_OUT", seconds));
        drop(answer);
        assert_eq!(world.end().0, Code::DeadlineExceeded);
        let counters = &world.pipeline.counters;
        assert_eq!(counters.client_deadlines_exceeded.get(), clients_own);
        assert_eq!(counters.deadlines_exceeded.get(), 1 - clients_own);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_come_well_ends_the_call() {
    let too_large = Request::new(text(&"x".repeat(101)));
    let malformed_then_broken = {
        let stream = futures_of([Ok(Frame::data(Bytes::from_static(MALFORMED))), Err(BrokenOff)]);
        Request::new(TestBody::new(http_body_util::StreamBody::new(stream)))
    };
    for (body, expected, code) in [
        (too_large, "MESSAGE_TOO_LARGE", Code::ResourceExhausted),
        (Request::new(TestBody::new(Awaited)), "CALL_TIMED_OUT", Code::DeadlineExceeded),
        (malformed_then_broken, "REQUEST_INVALID", Code::InvalidArgument),
        // Its client has left.
        (Request::new(TestBody::new(Broken)), "", Code::Cancelled),
    ] {
        let world = World::new(LIMITS);
        let (head, _) = proven().into_parts();
        let answer = world.call(not_called, Request::from_parts(head, body.into_body())).await;
        assert_eq!(reason(&answer), expected);
        drop(answer);
        assert_eq!(world.end().0, code);
        assert_eq!(world.budgets.message_memory.held(), 0);
        let counters = &world.pipeline.counters;
        let counted = [&counters.oversized_messages, &counters.message_timeouts].map(EventCounter::get);
        let truncated = counters.malformed.get(MalformedRequest::TruncatedMessage).get();
        let is = |reason: &str| u64::from(expected == reason);
        assert_eq!(counted, [is("MESSAGE_TOO_LARGE"), is("CALL_TIMED_OUT")]);
        assert_eq!(truncated, is("REQUEST_INVALID"));
    }
}

fn futures_of(
    frames: [Result<Frame<Bytes>, BrokenOff>; 2],
) -> impl tokio_stream::Stream<Item = Result<Frame<Bytes>, BrokenOff>> + Send {
    tokio_stream::iter(frames)
}

#[tokio::test]
async fn a_call_for_which_there_is_no_place_is_refused_and_one_that_is_served_holds_one() {
    let none = BudgetLimits { places: 0, ..LIMITS };
    let no_streams = BudgetLimits { streams: 0, ..LIMITS };
    for limits in [none, no_streams] {
        let world = World::new(limits);
        let answer = world.call(not_called, proven()).await;
        assert_eq!(reason(&answer), Reason::Overloaded.name());
        drop(answer);
        assert_eq!((world.end().0, world.pipeline.counters.shed.get()), (Code::Unavailable, 1));
    }
    let world = World::new(BudgetLimits { unproven_streams: 0, ..LIMITS });
    assert_eq!(reason(&world.call(not_called, bare(CallMethod::HealthCheck)).await), Reason::Overloaded.name());
    assert_eq!(world.pipeline.counters.unproven_refused.get(), 1);

    let world = World::new(LIMITS);
    let mut calling = Box::pin(world.call(never, proven()));
    assert!(time::timeout(Duration::from_millis(1), &mut calling).await.is_err());
    assert_eq!(world.budgets.places.held(), 1);
    drop(calling);
    assert_eq!(world.budgets.places.held(), 0);
}

#[tokio::test]
async fn what_is_no_call_is_refused_without_a_body_where_there_is_no_room_or_none_is_wanted() {
    let no_room = BudgetLimits { unproven_streams: 0, ..LIMITS };
    for (limits, method, has_body) in
        [(LIMITS, Method::GET, true), (LIMITS, Method::HEAD, false), (no_room, Method::GET, false)]
    {
        let world = World::new(limits);
        let request = Request::builder().method(method).uri(path(CallMethod::IssueDownloadUrl));
        let answer = world.call(not_called, request.body(text("")).unwrap()).await;
        assert_eq!(reason(&answer), "REQUEST_INVALID");
        let body = answer.into_body().collect().await.ok().unwrap().to_bytes();
        assert_eq!(!body.is_empty(), has_body);
        assert_eq!(world.end().0, Code::InvalidArgument);
        assert_eq!(world.pipeline.counters.malformed.get(MalformedRequest::NotPost).get(), 1);
    }
}

#[tokio::test]
async fn a_call_of_the_server_to_itself_is_served_and_nothing_hears_of_it() {
    let world = World::new(LIMITS);
    let incoming = IncomingCall { origin: CallOrigin::SelfCheck, ..world.incoming(bare(CallMethod::HealthCheck)) };
    let answer = world.pipeline.run(&TestWire(fine), incoming).await;
    assert_eq!(TestWire::code_of_trailers(answer.headers()), Some(Code::Ok));
    assert!(!answer.headers().contains_key(REQUEST_ID_HEADER));
    drop(answer);
    assert!(world.heard.started.lock().unwrap().is_empty() && world.heard.ended.lock().unwrap().is_empty());
}
