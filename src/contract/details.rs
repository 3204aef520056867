//! Failures as `google.rpc.Status`: code, text, and details, for every wire.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation as FieldViolationDetail, QuotaViolation, StatusExt};

use crate::calls::Failure;
use access_broker_policy::FieldViolation;

/// `google.rpc.ErrorInfo.domain` of every error.
const ERROR_DOMAIN: &str = "accessbroker.v1";

/// The status of a failure. `request_id` is in the details as `google.rpc.RequestInfo`, unless it is empty.
pub(crate) fn rpc_status(failure: &Failure, request_id: &str) -> Status {
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
    // The numbers of both are those of google.rpc.Code.
    Status::with_error_details(Code::from_i32(reason.code() as i32), text.clone(), details)
}

#[cfg(test)]
mod tests {
    use crate::calls::Reason;
    use crate::contract::proto::ErrorReason;

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
}
