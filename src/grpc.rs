//! The wire: from messages to domain types once, at the top, and back.

pub(crate) mod call_form;
mod convert;
mod framing;
mod health;
mod service;
pub(crate) mod status;
mod status_reason;
mod stream_end;
mod violations;

pub use call_form::CallFormLayer;
pub use health::HealthService;
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
