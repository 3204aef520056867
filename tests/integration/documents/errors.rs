//! The reasons in docs/ERRORS.md.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use access_broker::broker::{BrokerError, DecisionId};
use access_broker::calls::{Cause, Failure, Reason, Retry};
use access_broker::contract::proto::ErrorReason;
use access_broker::quota::{QuotaExceeded, QuotaScope};
use access_broker_identity::Rejection;
use access_broker_policy::RefusalReason;
use access_broker_s3::presign::PresignError;
use access_broker_s3::storage::InspectionError;

use super::{ERRORS, code_spans, first_code_spans, hold_generated, read, rows};

/// Between these stands what is written from the table of reasons.
const REASONS_BEGIN: &str =
    "<!-- reasons: begin (UPDATE_DOCUMENTS=1 cargo test --test integration documents writes this table) -->\n";
const REASONS_END: &str = "<!-- reasons: end -->";

#[test]
fn every_reason_in_the_log_is_listed_and_every_listed_reason_exists() {
    let mut in_code: BTreeSet<String> = broker_errors().iter().map(|error| error.code().to_owned()).collect();
    in_code.extend(Cause::ALL.map(|cause| cause.name().to_owned()));
    in_code.extend(Rejection::ALL.map(|rejection| rejection.code().to_owned()));
    let listed = first_code_spans(&read(ERRORS), "`reason`");
    assert_eq!(listed, in_code);
}

/// One of every kind of failure of a decision. A new kind fails to compile here, and belongs into the lists below.
fn is_listed(error: &BrokerError) {
    match error {
        BrokerError::Quota(_) | BrokerError::QuotaStore(_) | BrokerError::NoVersion => {}
        BrokerError::Refused(reason) => match reason {
            RefusalReason::NoTier
            | RefusalReason::NotIncluded
            | RefusalReason::TierAmbiguous
            | RefusalReason::OperationNotOffered
            | RefusalReason::NotGranted
            | RefusalReason::Denied(_)
            | RefusalReason::ClaimElsewhere(_)
            | RefusalReason::EndpointNotGranted
            | RefusalReason::TokenEnded
            | RefusalReason::ObligationsNotMet(_)
            | RefusalReason::FullTtlNotAllowed(_) => {}
        },
        BrokerError::Presign(error) => match error {
            PresignError::UnknownBucket
            | PresignError::UnknownEndpoint
            | PresignError::CredentialsUnavailable { .. }
            | PresignError::FullTtlUnavailable { .. }
            | PresignError::RepeatedTerm
            | PresignError::UnsignableLifetime
            | PresignError::UnsignableTime
            | PresignError::RequestTooLarge(_)
            | PresignError::UnsignableHeader => {}
        },
        BrokerError::Inspection(error) => match error {
            InspectionError::NotFound
            | InspectionError::Refused
            | InspectionError::Unavailable(_)
            | InspectionError::UnknownBucket => {}
        },
    }
}

/// One of every kind of failure of a decision.
fn broker_errors() -> Vec<BrokerError> {
    let time = Duration::from_secs(1);
    let refusals = [
        RefusalReason::NoTier,
        RefusalReason::NotIncluded,
        RefusalReason::TierAmbiguous,
        RefusalReason::OperationNotOffered,
        RefusalReason::NotGranted,
        RefusalReason::Denied("rule".into()),
        RefusalReason::ClaimElsewhere(None),
        RefusalReason::EndpointNotGranted,
        RefusalReason::TokenEnded,
        RefusalReason::ObligationsNotMet(Vec::new()),
        RefusalReason::FullTtlNotAllowed(time),
    ];
    let presigning = [
        PresignError::UnknownBucket,
        PresignError::UnknownEndpoint,
        PresignError::CredentialsUnavailable { retry_after: time },
        PresignError::FullTtlUnavailable { available: time },
        PresignError::RepeatedTerm,
        PresignError::UnsignableLifetime,
        PresignError::UnsignableTime,
        PresignError::RequestTooLarge(Vec::new()),
        PresignError::UnsignableHeader,
    ];
    let inspections = [
        InspectionError::NotFound,
        InspectionError::Refused,
        InspectionError::Unavailable(String::new()),
        InspectionError::UnknownBucket,
    ];
    let quota = QuotaExceeded { scope: QuotaScope::Caller, retry_after: time };
    let mut errors = vec![BrokerError::Quota(quota), BrokerError::NoVersion];
    errors.extend(refusals.map(BrokerError::Refused));
    errors.extend(presigning.map(BrokerError::Presign));
    errors.extend(inspections.map(BrokerError::Inspection));
    errors.iter().for_each(is_listed);
    errors
}

#[test]
fn each_reason_in_the_log_is_listed_with_what_the_caller_is_told() {
    let id = DecisionId::generate();
    let mut told: BTreeMap<&str, Reason> = BTreeMap::new();
    for error in broker_errors() {
        told.insert(error.code(), Failure::from_broker_error(error, id).reason());
    }
    told.extend(Cause::ALL.map(|cause| (cause.name(), cause.reason())));
    let (not_grpc, document) = (["not_post", "not_grpc"], read(ERRORS));
    let mut compared = 0;
    // The table of rejected proofs has one answer for all.
    for row in rows(&document, "`reason`").iter().filter(|row| !told_alike(row)) {
        for name in code_spans(row[0]) {
            let answer = code_spans(row[2]);
            if not_grpc.contains(&name) {
                assert!(answer.is_empty(), "{name} is answered in plain HTTP");
            } else {
                assert_eq!(answer, [told[name].name()], "{name}");
            }
            compared += 1;
        }
    }
    // Both deadlines have one name.
    assert_eq!(compared, told.len());
}

/// Whether the row is of a proof that was not accepted.
fn told_alike(row: &[&str]) -> bool {
    Rejection::ALL.iter().any(|rejection| code_spans(row[0]) == [rejection.code()])
}

/// The table of reasons as the document has it.
fn table_of_reasons() -> String {
    let rows = Reason::ALL.map(|reason| {
        let (name, code, text) = (reason.name(), reason.code().name(), reason.text());
        let retry = match reason.retry() {
            Retry::No => "no".to_owned(),
            Retry::WithNewProof => "once, with a new token or certificate".to_owned(),
            Retry::WithMoreTime => "yes, with more time".to_owned(),
            Retry::After(time) => format!("after {} s", time.as_secs()),
            Retry::AfterStated => "after `RetryInfo.retryDelay`".to_owned(),
        };
        format!("| [`{name}`](#{}) | `{code}` | {retry} | {text} |\n", name.to_lowercase())
    });
    format!("| reason | code | another try | text |\n|---|---|---|---|\n{}", rows.concat())
}

#[test]
fn the_table_of_reasons_is_the_programs() {
    hold_generated(ERRORS, REASONS_BEGIN, REASONS_END, &table_of_reasons());
}

#[test]
fn the_section_of_each_reason_has_its_code_its_text_and_whether_it_says_when_to_try_again() {
    let document = read(ERRORS);
    for reason in Reason::ALL {
        let heading = format!("\n### `{}`\n", reason.name());
        let (_, section) = document.split_once(&heading).unwrap_or_else(|| panic!("no section {heading}"));
        let section = section.split("\n##").next().unwrap();
        let line = section.lines().find(|line| line.starts_with("Code: ")).unwrap();
        assert_eq!(code_spans(line)[0], reason.code().name(), "{line}");
        assert!(section.contains(&format!("  Message: {}\n", reason.text())), "{heading}");
        let says_when = matches!(reason.retry(), Retry::After(_) | Retry::AfterStated);
        assert_eq!(line.contains("google.rpc.RetryInfo"), says_when, "{line}");
        assert_eq!(section.contains("type.googleapis.com/google.rpc.RetryInfo"), says_when, "{heading}");
    }
}

#[test]
fn every_error_reason_has_a_heading_and_every_heading_a_reason() {
    let document = read(ERRORS);
    let (start, end) = (document.find("\n## Reasons\n").unwrap(), document.find("\n## Reasons in the log\n").unwrap());
    let headings: Vec<&str> =
        document[start..end].lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    // Numbers may be left out.
    let reasons: Vec<&str> = (1..100)
        .filter_map(|number| ErrorReason::try_from(number).ok())
        .map(|reason| reason.as_str_name().strip_prefix("ERROR_REASON_").unwrap())
        .collect();
    assert_eq!(headings, reasons);
    for reason in reasons {
        assert!(document.contains(&format!("\"reason\": \"{reason}\"")), "no example of {reason}");
    }
}
