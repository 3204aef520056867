//! Malformed requests, which reach no method. Their content is not read.

use super::event_counter::EventCounter;
use super::reason::Reason;

/// Why a request is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MalformedRequest {
    /// The HTTP method is not POST.
    NotPost,
    /// The content type is not gRPC with protobuf.
    NotGrpc,
    /// No service has the method.
    UnknownMethod,
    /// The message is compressed.
    CompressedMessage,
    /// A unary call without a message.
    NoMessage,
    /// A unary call with more than one message.
    SeveralMessages,
    /// The request ends within a message.
    TruncatedMessage,
    /// The compression flag of a message is neither 0 nor 1, or it is 1 without a declared compression.
    InvalidCompressionFlag,
    /// The message cannot be decoded as the method's request message.
    UndecodableMessage,
    /// The HTTP method is not one of the path.
    MethodNotAllowed,
    /// The client accepts no media type that the answer can have.
    NotAcceptable,
    /// The content type of the body is not one of the path.
    UnsupportedMediaType,
    /// A header is invalid, repeated, or contradicts another one or the target.
    InvalidHeader,
    /// The request has a body, and its method takes none.
    UnexpectedBody,
    /// The query string is invalid.
    InvalidQuery,
}

impl MalformedRequest {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::NotPost,
        Self::NotGrpc,
        Self::UnknownMethod,
        Self::CompressedMessage,
        Self::NoMessage,
        Self::SeveralMessages,
        Self::TruncatedMessage,
        Self::InvalidCompressionFlag,
        Self::UndecodableMessage,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::UnsupportedMediaType,
        Self::InvalidHeader,
        Self::UnexpectedBody,
        Self::InvalidQuery,
    ];

    /// The name in the log and in metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotPost => "not_post",
            Self::NotGrpc => "not_grpc",
            Self::UnknownMethod => "unknown_method",
            Self::CompressedMessage => "compressed_message",
            Self::NoMessage => "no_message",
            Self::SeveralMessages => "several_messages",
            Self::TruncatedMessage => "truncated_message",
            Self::InvalidCompressionFlag => "invalid_compression_flag",
            Self::UndecodableMessage => "undecodable_message",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotAcceptable => "not_acceptable",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::InvalidHeader => "invalid_header",
            Self::UnexpectedBody => "unexpected_body",
            Self::InvalidQuery => "invalid_query",
        }
    }

    /// The reason for the caller.
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::UnknownMethod => Reason::MethodUnknown,
            Self::CompressedMessage => Reason::CompressionNotSupported,
            Self::NoMessage | Self::SeveralMessages => Reason::MessageCountInvalid,
            Self::NotPost
            | Self::NotGrpc
            | Self::TruncatedMessage
            | Self::InvalidCompressionFlag
            | Self::UndecodableMessage
            | Self::MethodNotAllowed
            | Self::NotAcceptable
            | Self::UnsupportedMediaType
            | Self::InvalidHeader
            | Self::UnexpectedBody
            | Self::InvalidQuery => Reason::RequestInvalid,
        }
    }

    /// The status of an answer in plain HTTP.
    pub(crate) const fn http_status(self) -> u16 {
        match self {
            Self::NotPost | Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::NotGrpc | Self::UnsupportedMediaType => 415,
            other => other.reason().http_status(),
        }
    }

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::NotPost | Self::NotGrpc => "the request is not gRPC",
            Self::UnknownMethod | Self::CompressedMessage | Self::NoMessage => self.reason().text(),
            Self::SeveralMessages => "the call has more than one message; the method requires exactly one",
            Self::TruncatedMessage => "the request ends in the middle of a message",
            Self::InvalidCompressionFlag => "a message has an invalid gRPC prefix: the compression flag must be 0",
            Self::UndecodableMessage => "the message cannot be decoded as the method's request message",
            Self::MethodNotAllowed => {
                "this path does not serve this HTTP method (GET, POST, ...); the header allow lists those that it serves"
            }
            Self::NotAcceptable => "the answer is application/json, and the header accept excludes it",
            Self::UnsupportedMediaType => {
                "the content-type must be application/json; at the paths of Connect it may be application/proto"
            }
            Self::InvalidHeader => "a header of the request is invalid, repeated, or contradicts another one",
            Self::UnexpectedBody => "a GET request must not have a body",
            Self::InvalidQuery => "the query string is invalid",
        }
    }
}

/// Why the body of a request ended before its message was complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestFault {
    /// The client sent it malformed.
    Malformed(MalformedRequest),
    /// The stream or its connection ended: no client waits for an answer.
    Lost,
}

/// Counts malformed requests by kind.
#[derive(Debug, Default)]
pub(crate) struct MalformedCounts([EventCounter; MalformedRequest::ALL.len()]);

impl MalformedCounts {
    #[must_use]
    pub(crate) const fn get(&self, malformed: MalformedRequest) -> &EventCounter {
        // The number of a kind is its index in the list, and there are as many counts.
        &self.0[malformed as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_by_itself_and_has_a_name_of_its_own() {
        let counts = MalformedCounts::default();
        for (number, malformed) in MalformedRequest::ALL.into_iter().enumerate() {
            assert_eq!(malformed as usize, number);
            assert_eq!(counts.get(malformed).get(), 0, "{malformed:?}");
            counts.get(malformed).add_one();
        }
        assert!(MalformedRequest::ALL.into_iter().all(|malformed| counts.get(malformed).get() == 1));
        let names: std::collections::BTreeSet<_> = MalformedRequest::ALL.map(MalformedRequest::code).into();
        assert_eq!(names.len(), MalformedRequest::ALL.len());
    }
}
