//! Whether an answer is the one that a case must get.

use serde_json::Value;
use tonic::{Code, Status};

use super::data::{Case, Issuer};
use crate::support::error_info;

/// The words for every proof that is not accepted.
const WORDS: &str = "the call needs one valid bearer token in its authorization metadata";

/// Collects what is wrong, so that one run tells all of it.
#[derive(Default)]
pub(super) struct Answers {
    problems: Vec<String>,
    /// The details of the first refused proof, as sent. All others must be the same.
    refusal: Option<Vec<u8>>,
}

impl Answers {
    pub(super) fn check<T>(
        &mut self,
        case: &Case,
        issuer: &Issuer,
        round: &str,
        result: &Result<T, Status>,
        line: &Value,
    ) {
        let mut require = |holds: bool, problem: String| {
            if !holds {
                self.problems.push(format!("{}, {round}: {problem}", case.name));
            }
        };
        let code = result.as_ref().err().map_or(Code::Ok, Status::code);
        let found = (code, line["code"].as_str(), line["reason"].as_str());
        let expected = (code_named(&case.code), Some(case.code.as_str()), case.reason.as_deref());
        require(found == expected, format!("{found:?} instead of {expected:?}"));

        // The log names whom the answer went to, and nobody where nobody was proven.
        let name = issuer.name();
        let is_workload = name.starts_with("spiffe://");
        let logged = |field: &str| line[field].as_str();
        if code == Code::Ok {
            require(
                logged("issuer") == Some(name.as_str()),
                format!("the caller is logged as of {:?}", line["issuer"]),
            );
            let workload = logged("subject").filter(|_| is_workload);
            require(logged("workload") == workload, format!("the workload is logged as {:?}", line["workload"]));
        } else {
            let nobody = ["issuer", "subject", "workload"].into_iter().all(|field| logged(field).is_none());
            require(nobody, format!("somebody is logged: {line}"));
        }
        if let Err(status) = result
            && code == Code::Unauthenticated
        {
            let info = error_info(status);
            let is_usual = status.message() == WORDS && info.reason == "CALLER_NOT_AUTHENTICATED";
            require(is_usual && info.metadata.is_empty(), format!("the answer tells more than usual: {status:?}"));
            let first = self.refusal.get_or_insert_with(|| status.details().to_vec());
            require(status.details() == first, "the details differ from those of other cases".to_owned());
        }
    }

    pub(super) fn assert_all_right(&self) {
        assert!(self.problems.is_empty(), "{} answers are wrong:\n{}", self.problems.len(), self.problems.join("\n"));
    }
}

/// The codes that a token can lead to, as the gRPC specification spells them.
fn code_named(name: &str) -> Code {
    match name {
        "OK" => Code::Ok,
        "UNAUTHENTICATED" => Code::Unauthenticated,
        "UNAVAILABLE" => Code::Unavailable,
        _ => panic!("no token leads to {name}"),
    }
}
