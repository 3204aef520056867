//! A call before it has a wire: its record, its caller, its places, its time and its end.

pub(crate) mod access_log;
pub(crate) mod authentication;
pub(crate) mod call_counters;
pub(crate) mod call_trace;
pub(crate) mod catch_panic;
pub(crate) mod code;
pub(crate) mod connection;
pub(crate) mod deadline;
pub(crate) mod ended_decision;
pub(crate) mod event_count;
pub(crate) mod load_shedding;
pub(crate) mod malformed;
pub(crate) mod message;
pub(crate) mod method;
pub(crate) mod observer;
pub(crate) mod own_call;
pub(crate) mod record;
pub(crate) mod refusal;
pub(crate) mod request_id;
pub(crate) mod trace_context;

pub use access_log::{AccessLogLayer, DEFAULT_REJECTED_PER_SECOND, RejectedLines};
pub use authentication::AuthenticationLayer;
pub use call_counters::CallCounters;
pub use catch_panic::CatchPanicLayer;
pub use connection::ConnectionInfo;
pub use deadline::DeadlineLayer;
pub use ended_decision::{DecisionFate, EndedDecision};
pub use event_count::EventCount;
pub use load_shedding::LoadSheddingLayer;
pub use malformed::{MalformedCounts, MalformedRequest};
pub use method::CallMethod;
pub use observer::{CallObserver, EndedCall};
pub use own_call::OwnCall;
