//! The messages that are read and written as JSON.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::MessageDescriptor;

use access_broker_protojson::{InvalidMessage, JsonError, OwnValues, read_json, read_query, write_json};

use super::descriptor;
use crate::contract::proto;

/// A request or an answer of the contract.
pub(crate) trait ContractMessage: Message + Default {
    fn descriptor() -> &'static MessageDescriptor;

    fn from_json(text: &[u8]) -> Result<Self, JsonError> {
        read_json(Self::descriptor(), text)
    }

    /// Reads a query string; see [`read_query`].
    fn from_query<'q, const N: usize>(query: &'q str, own: [&str; N]) -> Result<(Self, OwnValues<'q, N>), JsonError> {
        read_query(Self::descriptor(), query, own)
    }

    fn to_json(&self) -> Result<Vec<u8>, InvalidMessage> {
        write_json(Self::descriptor(), &self.encode_to_vec())
    }
}

/// The JSON of an encoded `google.rpc.Status`.
pub(crate) fn status_json(encoded: &[u8]) -> Result<Vec<u8>, InvalidMessage> {
    write_json(&STATUS, encoded)
}

macro_rules! contract_messages {
    ($($message:ident)*) => { $(
        impl ContractMessage for proto::$message {
            fn descriptor() -> &'static MessageDescriptor {
                static DESCRIPTOR: LazyLock<MessageDescriptor> =
                    LazyLock::new(|| known(concat!("accessbroker.v1.", stringify!($message))));
                &DESCRIPTOR
            }
        }
    )* };
}

contract_messages! {
    IssueDownloadUrlRequest IssueDownloadUrlResponse
    IssueUploadUrlRequest IssueUploadUrlResponse
    VerifyUploadRequest VerifyUploadResponse
}

/// The message of failures.
static STATUS: LazyLock<MessageDescriptor> = LazyLock::new(|| known("google.rpc.Status"));

#[expect(clippy::expect_used, reason = "the build puts these descriptors into the program, and a test reads each")]
fn known(name: &str) -> MessageDescriptor {
    descriptor(name).expect("the message is in the descriptors")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_has_its_descriptor() {
        let names = [
            proto::IssueDownloadUrlRequest::descriptor(),
            proto::IssueDownloadUrlResponse::descriptor(),
            proto::IssueUploadUrlRequest::descriptor(),
            proto::IssueUploadUrlResponse::descriptor(),
            proto::VerifyUploadRequest::descriptor(),
            proto::VerifyUploadResponse::descriptor(),
            &STATUS,
        ]
        .map(|descriptor| descriptor.name().to_owned());
        assert_eq!(names[0], "IssueDownloadUrlRequest");
        assert_eq!(names[6], "Status");
    }
}
