//! Failures as gRPC statuses: code, text, and details.

use std::collections::HashMap;

use tonic::body::Body;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation as FieldViolationDetail, QuotaViolation, StatusExt};

use crate::calls::{self, Failure, Reason};
use access_broker_policy::FieldViolation;

/// `google.rpc.ErrorInfo.domain` of every error.
const ERROR_DOMAIN: &str = "accessbroker.v1";

/// Tells clients that retry by themselves how long to wait first (gRFC A6), in milliseconds.
const RETRY_PUSHBACK: &str = "grpc-retry-pushback-ms";

/// The header that lists the compressions that a server accepts.
pub(super) const ACCEPTED_ENCODINGS: &str = "grpc-accept-encoding";

/// The library's code of this number.
pub(super) fn library_code(code: calls::Code) -> Code {
    Code::from_i32(code as i32)
}

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
    let Failure { reason, cause: _, text, decision_id, violations, retry_after, available_ttl, quota } = failure;
    let mut metadata = HashMap::new();
    if let Some(id) = decision_id {
        metadata.insert("decisionId".to_owned(), id.to_string());
    }
    if let Some(available) = available_ttl {
        metadata.insert("availableTtlSeconds".to_owned(), available.as_secs().to_string());
    }
    let mut details = ErrorDetails::with_error_info(reason.name(), ERROR_DOMAIN, metadata);
    if !violations.is_empty() {
        let violations: Vec<FieldViolationDetail> = violations
            .iter()
            .map(|FieldViolation { field, rule }| FieldViolationDetail::new(*field, format!("{field} {rule}")))
            .collect();
        details.set_bad_request(violations);
    }
    if let Some(scope) = quota {
        details.set_quota_failure(vec![QuotaViolation::new(scope.name(), "quota exceeded")]);
    }
    if let Some(retry_after) = *retry_after {
        details.set_retry_info(Some(retry_after));
    }
    if !request_id.is_empty() {
        details.set_request_info(request_id, "");
    }
    let mut status = Status::with_error_details(library_code(reason.code()), *text, details);
    match (reason, retry_after) {
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
    use super::*;
    use crate::grpc::proto::ErrorReason;

    #[test]
    fn every_reason_is_in_the_contract_by_its_number_and_every_other_way_round() {
        let of_contract: Vec<_> = (1..100)
            .filter_map(|number| ErrorReason::try_from(number).ok())
            .map(|reason| reason.as_str_name())
            .collect();
        let ours = Reason::ALL.map(|reason| format!("ERROR_REASON_{}", reason.name()));
        assert_eq!(of_contract, ours);
        for reason in Reason::ALL {
            let number = ErrorReason::from_str_name(&format!("ERROR_REASON_{}", reason.name())).unwrap() as usize;
            assert_eq!(number, reason as usize + 1);
        }
    }

    #[test]
    fn every_code_is_the_librarys_of_the_same_name() {
        for code in calls::Code::ALL {
            let library = library_code(code);
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
