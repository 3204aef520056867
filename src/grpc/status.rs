//! Failures as gRPC statuses: code, text, details, and what gRPC clients read in metadata.

use tonic::body::Body;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::calls::{self, Failure, Reason};
use crate::contract::rpc_status;

/// Tells clients that retry by themselves how long to wait first (gRFC A6), in milliseconds.
const RETRY_PUSHBACK: &str = "grpc-retry-pushback-ms";

/// The header that lists the compressions that a server accepts.
pub(super) const ACCEPTED_ENCODINGS: &str = "grpc-accept-encoding";

/// The code of a status of the library.
pub(super) fn neutral_code(code: Code) -> calls::Code {
    calls::Code::ALL.get(code as usize).copied().unwrap_or(calls::Code::Unknown)
}

/// The answer to a stream that is refused before its call is read: it has no id and no access line.
#[must_use]
pub(crate) fn refusal_of_stream() -> http::Response<Body> {
    status(&Failure::from(Reason::Overloaded), "").into_http()
}

/// The status of a failure. `request_id` is in the details as `google.rpc.RequestInfo`.
pub(super) fn status(failure: &Failure, request_id: &str) -> Status {
    let mut status = rpc_status(failure, request_id);
    match (failure.reason, failure.retry_after) {
        // Another server may have room, so clients may retry by themselves.
        (Reason::Overloaded, Some(retry_after)) => {
            let pushback = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
            status.metadata_mut().insert(RETRY_PUSHBACK, MetadataValue::from(pushback));
        }
        (Reason::CompressionNotSupported, _) => {
            status.metadata_mut().insert(ACCEPTED_ENCODINGS, MetadataValue::from_static("identity"));
        }
        _ => {}
    }
    status
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt;

    use super::*;

    #[test]
    fn every_code_is_the_librarys_of_the_same_name() {
        for code in calls::Code::ALL {
            let library = Code::from_i32(code as i32);
            assert_eq!(format!("{library:?}"), format!("{code:?}"));
            assert_eq!(neutral_code(library), code);
            assert_eq!(code.name().replace('_', "").to_lowercase(), format!("{library:?}").to_lowercase());
        }
    }

    #[test]
    fn only_what_another_server_may_serve_is_retried_by_clients_themselves() {
        for reason in Reason::ALL {
            let status = status(&Failure::from(reason), "id");
            let pushback = status.metadata().get(RETRY_PUSHBACK).map(|value| value.to_str().unwrap());
            assert_eq!(pushback, (reason == Reason::Overloaded).then_some("1000"), "{reason:?}");
            assert_eq!(status.get_error_details().request_info().unwrap().request_id, "id");
        }
    }
}
