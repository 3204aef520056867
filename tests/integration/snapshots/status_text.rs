//! A gRPC status, with all of its details, as text.

use std::fmt::Write;

use tonic::Status;
use tonic_types::{ErrorDetail, StatusExt};

/// Headers that belong to the transport and say nothing of the call.
const TRANSPORT: [&str; 2] = ["date", "content-type"];

/// Whether the details say the same delay each time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Delay {
    Fixed,
    Varies,
}

pub(super) fn status_text(status: &Status, delay: Delay) -> String {
    let mut text = format!("code: {:?}\nmessage: {}\n", status.code(), status.message());
    for detail in status.get_error_details_vec() {
        match detail {
            ErrorDetail::ErrorInfo(info) => {
                writeln!(text, "ErrorInfo: reason {}, domain {}", info.reason, info.domain).unwrap();
                let mut metadata: Vec<_> = info.metadata.into_iter().collect();
                metadata.sort();
                for (name, value) in metadata {
                    writeln!(text, "  {name}: {value}").unwrap();
                }
            }
            ErrorDetail::RetryInfo(_) if delay == Delay::Varies => text += "RetryInfo: <delay>\n",
            ErrorDetail::RetryInfo(info) => writeln!(text, "RetryInfo: {:?}", info.retry_delay).unwrap(),
            ErrorDetail::BadRequest(bad) => {
                text += "BadRequest:\n";
                for violation in bad.field_violations {
                    writeln!(text, "  {}: {}", violation.field, violation.description).unwrap();
                }
            }
            ErrorDetail::QuotaFailure(failure) => {
                text += "QuotaFailure:\n";
                for violation in failure.violations {
                    writeln!(text, "  {}: {}", violation.subject, violation.description).unwrap();
                }
            }
            ErrorDetail::RequestInfo(info) => {
                writeln!(text, "RequestInfo: {}, serving data {:?}", info.request_id, info.serving_data).unwrap();
            }
            other => writeln!(text, "{other:?}").unwrap(),
        }
    }
    let mut headers: Vec<_> = status.metadata().clone().into_headers().into_iter().collect();
    headers.sort_by_key(|(name, _)| name.as_ref().map(ToString::to_string));
    for (name, value) in headers {
        let name = name.map_or_else(String::new, |name| name.to_string());
        if !TRANSPORT.contains(&name.as_str()) {
            writeln!(text, "metadata {name}: {}", value.to_str().unwrap()).unwrap();
        }
    }
    text
}
