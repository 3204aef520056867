//! Every token of `tests/corpus/tokens.toml` against a broker in a process of its own, over real sockets.
//!
//! The process is what makes the log exact: its access lines are those of the corpus and of nothing else.

mod broker;
mod data;
mod expectation;
mod key_pair;
mod members;
mod mint;
mod reasons;
mod signature;
mod template;

use std::collections::{BTreeSet, HashSet};

use access_broker::identity::Rejection;
use broker::CorpusBroker;
use data::Corpus;
use expectation::Answers;
use mint::Mint;

// Several threads, so that the connection ends while the test waits for the broker to end.
#[tokio::test(flavor = "multi_thread")]
async fn every_token_gets_the_answer_that_it_must_get() {
    let corpus = Corpus::read();
    let mint = Mint::new(&corpus);
    let mut broker = CorpusBroker::start(&corpus, &mint).await;
    let calls: Vec<_> = corpus.cases.iter().map(|case| (case, mint.metadata(case))).collect();

    let mut answers = Answers::default();
    // The second time, the tokens that were accepted are remembered.
    for round in ["the first time", "the second time"] {
        for (case, metadata) in &calls {
            let (result, line) = broker.call(metadata).await;
            answers.check(case, corpus.issuer(case), round, &result, &line);
        }
    }
    let log = broker.stop();
    answers.assert_all_right();
    let sent = calls.iter().flat_map(|(case, metadata)| metadata.iter().map(|(name, value)| (&case.name, name, value)));
    assert_no_token_in(
        &log,
        sent.filter(|(_, name, _)| *name == "authorization").map(|(case, _, value)| (case, value)),
    );
}

/// No token may be in the log, not even a piece of one.
fn assert_no_token_in<'a>(log: &str, sent: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) {
    const PIECE: usize = 24;
    let logged: HashSet<&[u8]> = log.as_bytes().windows(PIECE).collect();
    for (case, value) in sent {
        let leaked = value.windows(PIECE).find(|piece| logged.contains(piece));
        assert_eq!(leaked.map(String::from_utf8_lossy), None, "{case}: a piece of the token is in the log");
    }
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

#[test]
fn every_reason_is_in_the_corpus_or_cannot_come_from_a_token() {
    let corpus = Corpus::read();
    let caused: BTreeSet<&str> = corpus.cases.iter().filter_map(|case| case.reason.as_deref()).collect();
    for rejection in reasons::all() {
        let code = rejection.code();
        match (caused.contains(code), corpus.not_by_token.contains_key(code)) {
            (true, false) | (false, true) => {}
            (false, false) => panic!("no case is refused as {code}"),
            (true, true) => panic!("{code} is said not to come from a token, and does"),
        }
    }
    let known: BTreeSet<&str> = reasons::all().map(Rejection::code).collect();
    for code in corpus.not_by_token.keys() {
        assert!(known.contains(code.as_str()), "there is no reason {code}");
    }
}
