//! The wire: from messages to domain types once, at the top, and back.

mod access_log;
mod authentication;
mod call;
mod call_counters;
mod call_form;
mod call_trace;
mod catch_panic;
mod code_name;
mod connection;
mod convert;
mod deadline;
mod ended_decision;
mod event_count;
mod framing;
mod health;
mod load_shedding;
mod malformed;
mod message;
mod method;
mod observer;
mod own_call;
mod refusal;
mod request_id;
mod service;
mod status;
mod status_reason;
mod stream_end;
mod trace_context;
mod violations;

pub use access_log::{AccessLogLayer, DEFAULT_REJECTED_PER_SECOND, RejectedLines};
pub use authentication::AuthenticationLayer;
pub use call_counters::CallCounters;
pub use call_form::CallFormLayer;
pub use catch_panic::CatchPanicLayer;
pub use connection::ConnectionInfo;
pub use deadline::DeadlineLayer;
pub use ended_decision::{DecisionFate, EndedDecision};
pub use event_count::EventCount;
pub use health::HealthService;
pub use load_shedding::LoadSheddingLayer;
pub use malformed::{MalformedCounts, MalformedRequest};
pub use method::CallMethod;
pub use observer::{CallObserver, EndedCall};
pub use own_call::OwnCall;
pub use service::BrokerService;
pub use status::refusal_of_stream;
pub use status_reason::StatusReasonLayer;
pub use stream_end::StreamEndLayer;

/// The generated messages, client and server of package `accessbroker.v1`.
#[expect(
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    unused_qualifications,
    reason = "generated code; the proto file documents every field"
)]
pub mod proto {
    tonic::include_proto!("accessbroker.v1");

    /// The encoded descriptors of the package and its imports, for reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("access_broker_descriptor");

    impl std::fmt::Debug for SignedRequest {
        /// Without the URL and the headers: whoever holds them has the object.
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("SignedRequest").field("method", &self.method).finish_non_exhaustive()
        }
    }
}

/// The service's full name, for health and for paths.
pub const SERVICE_NAME: &str = "accessbroker.v1.AccessBrokerService";
