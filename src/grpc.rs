//! The gRPC wire: translates messages to domain types once, at the top, and back.

mod call_form;
mod convert;
mod framing;
mod health;
mod library_status;
mod service;
mod status;
mod stream_end;
mod timeout;
mod violations;
mod wire;

pub(crate) use health::HealthService;
pub use service::BrokerService;
pub(crate) use status::refusal_of_stream;
pub(crate) use wire::GrpcCalls;

pub use crate::calls::SERVICE_NAME;

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
    pub(crate) const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("access_broker_descriptor");

    impl std::fmt::Debug for SignedRequest {
        /// Without the URL and the headers, which give access to the object.
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("SignedRequest").field("method", &self.method).finish_non_exhaustive()
        }
    }
}
