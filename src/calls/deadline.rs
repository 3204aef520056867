//! A call ends in time, or with `DEADLINE_EXCEEDED`.
//!
//! The limit is on the time until the answer begins. That is the whole of a unary call, the wait for its message
//! included, so that a client which opens a stream and never sends one holds nothing for longer. The streams of health
//! and reflection have begun by then, and last as long as they like.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use tokio::time;
use tonic::body::Body;
use tower::{Layer, Service};

use super::call_counters::CallCounters;
use super::record::CallRecord;
use crate::grpc::status::status_of_timeout;

/// The header with the client's own limit.
const GRPC_TIMEOUT: &str = "grpc-timeout";

/// The most digits that a timeout may have.
const MAX_DIGITS: usize = 8;

/// Ends calls at the lesser of the server's limit and the client's.
#[derive(Debug, Clone)]
pub struct DeadlineLayer {
    limit: Duration,
    counters: Arc<CallCounters>,
}

impl DeadlineLayer {
    /// A layer with the server's own limit.
    #[must_use]
    pub const fn new(limit: Duration, counters: Arc<CallCounters>) -> Self {
        Self { limit, counters }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Deadline { inner, layer: self.clone() }
    }
}

/// The service that [`DeadlineLayer`] makes.
#[derive(Debug, Clone)]
pub struct Deadline<S> {
    inner: S,
    layer: DeadlineLayer,
}

impl<S> Service<Request<Body>> for Deadline<S>
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
        let DeadlineLayer { limit, counters } = self.layer.clone();
        let clients_own = client_timeout(request.headers()).filter(|wanted| *wanted < limit);
        let limit = clients_own.unwrap_or(limit);
        let record = request.extensions().get::<CallRecord>().cloned().unwrap_or_default();
        Box::pin(async move {
            match time::timeout(limit, inner.call(request)).await {
                Ok(answer) => answer,
                Err(_) => {
                    // A client that waits too little says nothing of the server.
                    let exceeded = match clients_own {
                        Some(_) => &counters.client_deadlines_exceeded,
                        None => &counters.deadlines_exceeded,
                    };
                    exceeded.add_one();
                    record.set_reason("call_timed_out");
                    Ok(status_of_timeout(record.request_id().as_str()).into_http())
                }
            }
        })
    }
}

/// The client's limit: at most eight digits and a unit, by the grammar of gRPC over HTTP/2.
///
/// One that is written in another way is no limit: the specification has no error for it, and the server's own limit
/// holds anyway.
fn client_timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3_600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn timeout(value: &[u8]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_bytes(value).unwrap());
        client_timeout(&headers)
    }

    #[test]
    fn every_unit_is_understood() {
        assert_eq!(timeout(b"2H"), Some(Duration::from_hours(2)));
        assert_eq!(timeout(b"3M"), Some(Duration::from_mins(3)));
        assert_eq!(timeout(b"99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(timeout(b"5m"), Some(Duration::from_millis(5)));
        assert_eq!(timeout(b"6u"), Some(Duration::from_micros(6)));
        assert_eq!(timeout(b"0n"), Some(Duration::ZERO));
        assert_eq!(client_timeout(&HeaderMap::new()), None);
    }

    #[test]
    fn what_the_grammar_does_not_have_is_no_limit() {
        for garbled in ["", "S", "1", "1s", "1 S", "-1S", "+1S", "1.5S", "100000000S", "1SS", "0x1S"] {
            assert_eq!(timeout(garbled.as_bytes()), None, "{garbled:?}");
        }
        assert_eq!(timeout(b"1\xc3\xa9"), None);
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(value in prop::collection::vec(0x20_u8..0x7f, 0..20)) {
            let _limit = timeout(&value);
        }
    }
}
