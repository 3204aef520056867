//! The JSON of the contract's messages. [`access_broker_protojson`] reads and writes it.

mod message;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor};

use crate::contract::proto;

pub(crate) use message::{ContractMessage, status_json};

/// Package `accessbroker.v1`, its imports with the annotations of methods, and `google.rpc` for the details of errors.
#[expect(clippy::expect_used, reason = "a constant of the build, which tests read")]
pub(crate) static DESCRIPTORS: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("the build writes valid descriptors"));

/// The descriptor of a message by its full name, for example `accessbroker.v1.IssueDownloadUrlRequest`.
fn descriptor(full_name: &str) -> Option<MessageDescriptor> {
    DESCRIPTORS.get_message_by_name(full_name)
}
