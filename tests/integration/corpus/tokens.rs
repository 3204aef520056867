//! Every token of `tests/corpus/tokens.toml`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::broker::{CorpusBroker, OBJECT};
use super::data::{Corpus, Issuer};
use super::expectation::{Answers, Expected};
use super::mint::Mint;
use super::secrecy::LoggedPieces;
use crate::support::broker::listener;
use crate::support::{Client, SHARED_REQUEST_ID};

const PROOF: &str = "token";

// Several threads, so that the connection ends while the test waits for the broker to end.
#[tokio::test(flavor = "multi_thread")]
async fn every_token_gets_the_answer_that_it_must_get() {
    let corpus = Corpus::read();
    let mint = Mint::new(&corpus);
    let mut broker = CorpusBroker::start(&corpus, &mint, [listener("token", "")]);
    let client = Client::over(broker.channel(0).await, &[]);
    let calls: Vec<_> = corpus.cases.iter().map(|case| (case, mint.metadata(case))).collect();

    let mut answers = Answers::default();
    // The second time, the tokens that were accepted are remembered.
    for round in ["the first time", "the second time"] {
        for (case, metadata) in &calls {
            let name = format!("{}, {round}", case.name);
            let metadata = metadata.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            let metadata = metadata.chain([(SHARED_REQUEST_ID.0, SHARED_REQUEST_ID.1.as_bytes())]);
            let result = client.with_metadata(metadata).download(OBJECT.0, OBJECT.1).await;
            let line = broker.line();
            let expected = Expected { code: &case.code, reason: case.reason.as_deref(), proof: PROOF };
            answers.check(&name, &expected, &result, &line);
            if result.is_ok() {
                check_caller(&mut answers, &name, corpus.issuer(case), &line);
            }
        }
    }
    let log = broker.stop();
    answers.assert_all_right();
    // Each issuer has two fetches that can show it, and at least three are asked.
    assert!(answers.absent_keys() >= 6, "{} keys were shown to be absent", answers.absent_keys());
    let pieces = LoggedPieces::of(&log);
    for (case, metadata) in &calls {
        for (_, token) in metadata.iter().filter(|(name, _)| name == "authorization") {
            pieces.assert_lack(&case.name, token);
        }
    }
}

/// The log names whom the answer went to.
fn check_caller(answers: &mut Answers, case: &str, issuer: &Issuer, line: &Value) {
    let name = issuer.name();
    let logged = |field: &str| line[field].as_str();
    let is_right = logged("issuer") == Some(name.as_str());
    answers.require(case, is_right, || format!("the caller is logged as of {:?}", line["issuer"]));
    let workload = logged("subject").filter(|_| name.starts_with("spiffe://"));
    let is_right = logged("workload") == workload;
    answers.require(case, is_right, || format!("the workload is logged as {:?}", line["workload"]));
}

#[test]
fn the_corpus_is_large_and_its_names_are_unique() {
    let corpus = Corpus::read();
    assert!(corpus.cases.len() >= 150, "{} cases", corpus.cases.len());
    let mut names = BTreeSet::new();
    for case in &corpus.cases {
        assert!(names.insert(&case.name), "{} stands there twice", case.name);
    }
}
