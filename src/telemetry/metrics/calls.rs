//! Metrics of calls, by the names of gRPC's Go libraries.

use std::array;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use super::samples::encode_counters;
use crate::calls::{CallMethod, Code};

/// The upper bounds of the buckets for the duration of calls, in seconds.
const SECONDS: [f64; 15] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The counts of every method, in an array: counting needs no lookup.
#[derive(Debug)]
pub(super) struct CallCounts([MethodCounts; CallMethod::ALL.len()]);

#[derive(Debug)]
struct MethodCounts {
    started: AtomicU64,
    /// By the number of the code.
    handled: [AtomicU64; Code::ALL.len()],
    seconds: Histogram,
}

impl Default for CallCounts {
    fn default() -> Self {
        Self(array::from_fn(|_| MethodCounts {
            started: AtomicU64::new(0),
            handled: array::from_fn(|_| AtomicU64::new(0)),
            seconds: Histogram::new(SECONDS),
        }))
    }
}

impl CallCounts {
    pub(super) fn started(&self, method: CallMethod) {
        if let Some(counts) = self.0.get(method as usize) {
            counts.started.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn ended(&self, method: CallMethod, code: Code, duration: Duration) {
        let Some(counts) = self.0.get(method as usize) else { return };
        if let Some(handled) = counts.handled.get(code as usize) {
            handled.fetch_add(1, Ordering::Relaxed);
        }
        counts.seconds.observe(duration.as_secs_f64());
    }

    fn by_method(&self) -> impl Iterator<Item = (Labels, &MethodCounts)> {
        let labelled = CallMethod::ALL.map(|method| {
            [("grpc_type", method.grpc_type()), ("grpc_service", method.service()), ("grpc_method", method.name())]
        });
        labelled.into_iter().zip(&self.0)
    }
}

type Labels = [(&'static str, &'static str); 3];

/// Reads the counts at each scrape.
#[derive(Debug)]
pub(super) struct CallCollector(pub(super) Arc<super::CallMetrics>);

impl Collector for CallCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let calls = &self.0.calls;
        encode_counters(
            &mut encoder,
            "grpc_server_started",
            "Calls that started, by method.",
            calls.by_method().map(|(labels, counts)| (labels, counts.started.load(Ordering::Relaxed))),
        )?;
        encode_counters(
            &mut encoder,
            "grpc_server_handled",
            "Calls that ended, by method and gRPC code.",
            calls.by_method().flat_map(|(labels, counts)| handled(labels, counts)),
        )?;
        let help = "Duration of calls, from the first byte of the request to the last byte of the answer.";
        let kind = MetricType::Histogram;
        let mut metric = encoder.encode_descriptor("grpc_server_handling", help, Some(&Unit::Seconds), kind)?;
        for (labels, counts) in calls.by_method() {
            counts.seconds.encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// `OK` from the start, other codes after their first occurrence: most never occur.
fn handled(labels: Labels, counts: &MethodCounts) -> impl Iterator<Item = ([(&'static str, &'static str); 4], u64)> {
    let [grpc_type, service, method] = labels;
    let counted = Code::ALL.into_iter().zip(&counts.handled);
    let counted = counted.map(|(code, count)| (code, count.load(Ordering::Relaxed)));
    let shown = counted.filter(|(code, count)| *code == Code::Ok || *count > 0);
    shown.map(move |(code, count)| ([grpc_type, service, method, ("grpc_code", go_name(code))], count))
}

/// The code's name in Go, so that existing dashboards work.
const fn go_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}
