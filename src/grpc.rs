//! The gRPC wire: framing, statuses, health and reflection.

mod call_form;
mod framing;
mod health;
mod library_status;
mod service;
mod status;
mod stream_end;
mod timeout;
mod wire;

pub(crate) use call_form::is_grpc;
pub(crate) use health::HealthService;
pub use service::BrokerService;
pub(crate) use status::refusal_of_stream;
pub(crate) use wire::GrpcCalls;

pub use crate::calls::SERVICE_NAME;
