//! Whether an answer is the one that a case must get.

use std::collections::BTreeMap;

use serde_json::Value;
use tonic::{Code, Status};

use crate::support::error_info;

/// What must come of a call.
pub(super) struct Expected<'a> {
    pub(super) code: &'a str,
    pub(super) reason: Option<&'a str>,
    /// The setting `proof` of the listener.
    pub(super) proof: &'a str,
}

/// Collects what is wrong, so that one run tells all of it.
#[derive(Default)]
pub(super) struct Answers {
    problems: Vec<String>,
    /// For each text, the details of the first refused proof, as sent. All others must be the same.
    refusals: BTreeMap<&'static str, Vec<u8>>,
    /// How often a key was shown to be absent.
    absent_keys: usize,
}

impl Answers {
    /// Checks the answer and the line of a call.
    pub(super) fn check<T>(&mut self, case: &str, expected: &Expected<'_>, result: &Result<T, Status>, line: &Value) {
        let code = result.as_ref().err().map_or(Code::Ok, Status::code);
        let found = (code, line["code"].as_str(), line["reason"].as_str());
        let wanted = (code_named(expected.code), Some(expected.code), expected.reason);
        // Few fetches can show that a key is absent; until the next one it is not known.
        let is_not_known = expected.reason == Some("unknown_key")
            && found == (Code::Unavailable, Some("UNAVAILABLE"), Some("issuer_keys_unavailable"));
        self.require(case, found == wanted || is_not_known, || format!("{found:?} instead of {wanted:?}"));
        self.absent_keys += usize::from(line["reason"] == "unknown_key");
        if code != Code::Ok {
            let nobody = ["issuer", "subject", "workload"].into_iter().all(|field| line[field].is_null());
            self.require(case, nobody, || format!("somebody is logged: {line}"));
        }
        if let Err(status) = result
            && code == Code::Unauthenticated
        {
            self.check_refusal(case, words(expected.proof), status);
        }
    }

    fn check_refusal(&mut self, case: &str, words: &'static str, status: &Status) {
        let info = error_info(status);
        let is_usual = status.message() == words && info.reason == "CALLER_NOT_AUTHENTICATED";
        self.require(case, is_usual && info.metadata.is_empty(), || {
            format!("the answer tells more than usual: {status:?}")
        });
        let first = self.refusals.entry(words).or_insert_with(|| status.details().to_vec());
        let is_as_the_first = status.details() == first;
        self.require(case, is_as_the_first, || "the details differ from those of other cases".to_owned());
    }

    pub(super) fn require(&mut self, case: &str, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(format!("{case}: {}", problem()));
        }
    }

    /// How often the answer was that a key is absent.
    pub(super) const fn absent_keys(&self) -> usize {
        self.absent_keys
    }

    pub(super) fn assert_all_right(&self) {
        assert!(self.problems.is_empty(), "{} answers are wrong:\n{}", self.problems.len(), self.problems.join("\n"));
    }
}

/// The words for every proof that a listener does not accept.
fn words(proof: &str) -> &'static str {
    match proof {
        "token" => "this listener requires one valid bearer token in the header authorization",
        "mesh-header" => "this listener requires proof of an accepted workload",
        "token+mesh-header" => {
            "this listener requires one valid bearer token in the header authorization, and proof of an accepted \
             workload"
        }
        _ => panic!("no listener here takes {proof}"),
    }
}

/// The codes that a proof can lead to, as the gRPC specification spells them.
fn code_named(name: &str) -> Code {
    match name {
        "OK" => Code::Ok,
        "UNAUTHENTICATED" => Code::Unauthenticated,
        "UNAVAILABLE" => Code::Unavailable,
        _ => panic!("no proof leads to {name}"),
    }
}
