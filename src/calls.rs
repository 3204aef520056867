//! A call without its protocol: its record, caller, slots, time limit and end.
//!
//! Every call passes `Pipeline::run` from top to bottom. A wire, such as [`grpc`](crate::grpc), translates the requests
//! of its protocol, and each [`Failure`].

mod access_log;
mod authenticated_call;
mod authentication;
mod call_counters;
mod call_slots;
mod call_trace;
mod catch_panic;
mod cause;
mod code;
mod connection;
mod ended_decision;
mod event_counter;
mod failure;
mod incoming;
mod malformed;
mod message;
mod method;
mod observed_body;
mod observer;
mod pipeline;
mod protocol;
mod reason;
mod record;
mod refuse;
mod request_id;
mod trace_context;
mod unanswered;
mod wire;

pub(crate) use access_log::AccessLog;
pub(crate) use access_log::{DEFAULT_REJECTED_PER_SECOND, RejectedLines};
pub use authenticated_call::AuthenticatedCall;
pub(crate) use authentication::Authentication;
pub use call_counters::CallCounters;
pub(crate) use call_slots::CallSlots;
pub use cause::Cause;
pub use code::Code;
pub(crate) use connection::ConnectionInfo;
pub use connection::Protocols;
pub(crate) use ended_decision::{AnswerDelivery, EndedDecision};
pub use event_counter::EventCounter;
pub use failure::Failure;
pub(crate) use incoming::{CallOrigin, IncomingCall};
pub use malformed::MalformedRequest;
pub(crate) use malformed::RequestFault;
pub(crate) use message::{MessageLimits, MessagePrefix};
pub(crate) use method::CallMethod;
pub use method::SERVICE_NAME;
pub(crate) use observer::{CallObserver, EndedCall};
pub(crate) use pipeline::Pipeline;
pub(crate) use protocol::Protocol;
pub use reason::{Reason, Retry};
pub(crate) use record::CallRecord;
pub(crate) use refuse::refuse;
pub(crate) use wire::{Admitted, Wire};
