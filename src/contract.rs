//! The contract: the messages of `accessbroker.v1`, their translation to domain types and back, and the use cases on
//! them. Both wires use it, so that nothing is checked or mapped twice.

mod convert;
mod details;
mod http_rules;
pub(crate) mod json;
mod operations;
mod violations;

pub(crate) use details::rpc_status;
pub(crate) use http_rules::{HttpRule, http_rules};
pub(crate) use operations::Operations;

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
