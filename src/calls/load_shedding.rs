//! Refuses calls while too many are in flight, instead of letting every one of them become late.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body_util::Full;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::authentication::refuse_caller;
use super::call_counters::CallCounters;
use super::message::{self, MessageError, MessageLimits};
use super::method::CallMethod;
use super::record::CallRecord;
use crate::admission::{Share, Shares};
use crate::grpc::status::{status_of_oversized_message, status_of_timeout};

/// Reads the message of every call of a proven caller, and then takes a place for the call. Places and the memory of
/// messages are shared out by caller.
///
/// It stands behind authentication: a peer without a proof takes no place from those who have one. Health and reflection
/// are exempt, because a server that is busy is not one that is broken; they have a limit of their own. A place is given
/// back when the answer begins: what is left then is a few KiB that wait for the client, and they count as an open stream.
#[derive(Debug, Clone)]
pub struct LoadSheddingLayer {
    places: Arc<Shares>,
    message_memory: Arc<Shares>,
    message: MessageLimits,
    counters: Arc<CallCounters>,
}

impl LoadSheddingLayer {
    /// A layer over the places for calls and the memory, in bytes, for their messages, each of which may have so many
    /// bytes and take so long to arrive.
    #[must_use]
    pub const fn new(
        places: Arc<Shares>,
        message_memory: Arc<Shares>,
        max_message_size: usize,
        message_timeout: std::time::Duration,
        counters: Arc<CallCounters>,
    ) -> Self {
        let message = MessageLimits { size: max_message_size, time: message_timeout };
        Self { places, message_memory, message, counters }
    }

    /// The same request with its message in memory, and what it holds until the answer begins.
    async fn admit(&self, request: Request<Body>) -> Result<(Request<Body>, Held), Status> {
        let record = request.extensions().get::<CallRecord>().cloned().unwrap_or_default();
        let Some(holder) = record.holder() else {
            return Err(crate::grpc::status::status_without_caller(record.request_id().as_str()));
        };
        let refuse = |error| refuse_caller(error, &record, &self.counters);
        let mut memory = self.message_memory.take(holder, 0).map_err(refuse)?;
        let (head, body) = request.into_parts();
        let message = message::read(body, self.message, &mut memory).await;
        let message = message.map_err(|error| match error {
            MessageError::NoMemory(error) => refuse(error),
            MessageError::TooLarge => {
                self.counters.oversized_messages.add_one();
                record.set_reason("message_too_large");
                status_of_oversized_message(record.request_id().as_str())
            }
            MessageError::TimedOut => {
                self.counters.message_timeouts.add_one();
                record.set_reason("message_timed_out");
                status_of_timeout(record.request_id().as_str())
            }
            MessageError::Ended(status) => status,
        })?;
        let place = self.places.take(holder, 1).map_err(refuse)?;
        Ok((Request::from_parts(head, Body::new(Full::new(message))), Held { _memory: memory, _place: place }))
    }
}

/// What a call holds while it is under way.
struct Held {
    _memory: Share,
    _place: Share,
}

impl<S> Layer<S> for LoadSheddingLayer {
    type Service = LoadShedding<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LoadShedding { inner, layer: self.clone() }
    }
}

/// The service that [`LoadSheddingLayer`] makes.
#[derive(Debug, Clone)]
pub struct LoadShedding<S> {
    inner: S,
    layer: LoadSheddingLayer,
}

impl<S> Service<Request<Body>> for LoadShedding<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let method = CallMethod::of_path(request.uri().path());
        // A method that is not known does not come here.
        if method.is_about_the_server() || method == CallMethod::Unknown {
            return Box::pin(inner.call(request));
        }
        let layer = self.layer.clone();
        Box::pin(async move {
            match layer.admit(request).await {
                Ok((request, _held)) => inner.call(request).await,
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}
