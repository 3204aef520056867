use std::convert::Infallible;
use std::future;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;

use tower::ServiceExt;
use tower::util::BoxCloneService;

use super::*;
use crate::grpc::status::status_without_caller;

/// Notes what it hears.
#[derive(Debug, Default)]
struct Heard {
    started: Mutex<Vec<CallMethod>>,
    ended: Mutex<Vec<(CallMethod, Code)>>,
}

impl CallObserver for Heard {
    fn started(&self, method: CallMethod) {
        self.started.lock().unwrap().push(method);
    }

    fn ended(&self, call: &EndedCall<'_>) {
        self.ended.lock().unwrap().push((call.method, call.code));
    }
}

const PATH: &str = "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl";

type Answer = Result<Response<Body>, Infallible>;

/// A call to a service that answers so, and the one who hears of it.
fn call<F>(
    answer: impl Fn() -> F + Clone + Send + 'static,
) -> (Pin<Box<dyn Future<Output = Answer> + Send>>, Arc<Heard>)
where
    F: Future<Output = Answer> + Send + 'static,
{
    let heard = Arc::new(Heard::default());
    let layer = AccessLogLayer::new(Arc::clone(&heard) as _, None, Arc::default());
    let inner = BoxCloneService::new(tower::service_fn(move |_: Request<Body>| answer()));
    let request = Request::builder().uri(PATH).body(Body::empty()).unwrap();
    (Box::pin(layer.layer(inner).oneshot(request)), heard)
}

fn only(heard: &Heard) -> Code {
    assert_eq!(*heard.started.lock().unwrap(), [CallMethod::IssueDownloadUrl]);
    let ended = heard.ended.lock().unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].0, CallMethod::IssueDownloadUrl);
    ended[0].1
}

#[tokio::test]
async fn a_call_that_is_refused_ends_with_its_headers() {
    let (calling, heard) = call(|| future::ready(Ok(status_without_caller("id").into_http())));
    let answer = calling.await.unwrap();
    assert!(answer.headers().contains_key(REQUEST_ID_HEADER));
    assert_eq!(only(&heard), Code::Internal);
}

#[tokio::test]
async fn a_call_whose_client_leaves_is_cancelled() {
    let (calling, heard) = call(future::pending);
    assert!(tokio::time::timeout(Duration::from_millis(1), calling).await.is_err());
    assert_eq!(only(&heard), Code::Cancelled);
}

/// A body that never comes.
struct Awaited;

impl HttpBody for Awaited {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_call_whose_client_leaves_before_the_trailers_is_cancelled() {
    let (calling, heard) = call(|| future::ready(Ok(Response::new(Body::new(Awaited)))));
    let answer = calling.await.unwrap();
    assert!(heard.ended.lock().unwrap().is_empty());
    drop(answer);
    assert_eq!(only(&heard), Code::Cancelled);
}

#[tokio::test]
async fn a_call_that_panics_is_a_fault() {
    let (calling, heard) = call(|| async { panic!("on purpose") });
    let panicked = tokio::spawn(AssertUnwindSafe(calling)).await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(only(&heard), Code::Internal);
}
