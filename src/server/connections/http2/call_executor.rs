//! Runs the calls of one connection, and counts the open ones.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use hyper::rt::Executor;
use tokio_util::task::TaskTracker;

use super::super::delivery;
use super::super::open_call::OpenCall;
use crate::admission::{ConnectionEntry, OpenStream};
use crate::telemetry::ServerCounters;

/// Every call is a task, from its first header to the last byte of its answer that the HTTP/2 library takes. A call
/// whose client does not read its answer within the time limit is dropped, which resets its stream.
#[derive(Clone)]
pub(super) struct CallExecutor(Arc<Calls>);

struct Calls {
    tasks: TaskTracker,
    connection: Arc<ConnectionEntry>,
    delivery_timeout: Duration,
    counters: Arc<ServerCounters>,
    /// The stream of the call that is executed next.
    next: Mutex<Option<Arc<OpenStream>>>,
}

impl CallExecutor {
    /// An executor whose calls are tasks of this tracker: the server waits for them when it stops.
    pub(super) fn new(
        tasks: TaskTracker,
        connection: Arc<ConnectionEntry>,
        delivery_timeout: Duration,
        counters: Arc<ServerCounters>,
    ) -> Self {
        Self(Arc::new(Calls { tasks, connection, delivery_timeout, counters, next: Mutex::new(None) }))
    }

    /// Sets the stream of the next call; `None` for a refused stream. The HTTP/2 library calls the service and executes
    /// the returned future right afterwards, on the task of the connection: nothing comes in between.
    pub(super) fn announce(&self, stream: Option<Arc<OpenStream>>) {
        *self.0.next.lock().unwrap_or_else(PoisonError::into_inner) = stream;
    }
}

impl<F> Executor<F> for CallExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, call: F) {
        let Calls { tasks, connection, delivery_timeout, counters, next } = &*self.0;
        let Some(stream) = next.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            // A refusal is ready immediately, so it gets no task: a flood would cause many.
            let _done = pin!(call).poll(&mut Context::from_waker(Waker::noop()));
            return;
        };
        let open = OpenCall::begin(connection);
        let (limit, counters) = (*delivery_timeout, Arc::clone(counters));
        tasks.spawn(async move {
            delivery::run(call, &stream, limit, &counters).await;
            drop(open);
        });
    }
}
