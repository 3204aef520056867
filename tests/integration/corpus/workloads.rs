//! Every header of `tests/corpus/workloads.toml`.

mod data;
mod recipe;

use std::collections::BTreeSet;

use serde_json::Value;
use tonic::Status;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

pub(super) use self::data::Workloads;
use self::data::{Case, Method};
use super::broker::{CorpusBroker, OBJECT};
use super::data::Corpus;
use super::expectation::{Answers, Expected};
use super::mint::{Metadata, Mint};
use super::secrecy::LoggedPieces;
use crate::support::{Client, SHARED_REQUEST_ID};

// Several threads, so that the connections end while the test waits for the broker to end.
#[tokio::test(flavor = "multi_thread")]
async fn every_header_gets_the_answer_that_it_must_get() {
    let (tokens, workloads) = (Corpus::read(), Workloads::read());
    let mint = Mint::new(&tokens);
    let mut broker = CorpusBroker::start(&tokens, &mint, workloads.configuration());
    let mut channels = Vec::new();
    for index in 0..workloads.listeners.len() {
        channels.push(broker.channel(index).await);
    }
    let calls: Vec<_> = workloads.cases.iter().map(|case| (case, workloads.metadata(case, &tokens, &mint))).collect();

    let mut answers = Answers::default();
    // The second time, the tokens that were accepted are remembered.
    for round in ["the first time", "the second time"] {
        for (case, metadata) in &calls {
            let name = format!("{}, {round}", case.name);
            let listener = workloads.index(&case.listener);
            let result = call(case.method, &channels[listener], metadata).await;
            let line = broker.line();
            let proof = &workloads.listeners[listener].proof;
            let expected = Expected { code: &case.code, reason: case.reason.as_deref(), proof };
            answers.check(&name, &expected, &result, &line);
            check_caller(&mut answers, &name, &workloads, case, &line);
        }
    }
    drop(channels);
    let log = broker.stop();
    answers.assert_all_right();
    assert_nothing_sent_is_in(&log, &workloads, &calls);
}

/// Makes one call. What else than the status is in the answer is tested elsewhere.
async fn call(method: Method, channel: &Channel, metadata: &Metadata) -> Result<(), Status> {
    let metadata = metadata.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    let metadata = metadata.chain([(SHARED_REQUEST_ID.0, SHARED_REQUEST_ID.1.as_bytes())]);
    let client = Client::over(channel.clone(), &[]).with_metadata(metadata);
    match method {
        Method::Download => client.download(OBJECT.0, OBJECT.1).await.map(drop),
        Method::Health => {
            let request = client.request(HealthCheckRequest::default());
            HealthClient::new(channel.clone()).check(request).await.map(drop)
        }
        Method::Reflection => {
            let message_request = Some(MessageRequest::ListServices(String::new()));
            let message = ServerReflectionRequest { message_request, ..ServerReflectionRequest::default() };
            let request = client.request(tokio_stream::once(message));
            let mut reflection = ServerReflectionClient::new(channel.clone());
            let mut answers = reflection.server_reflection_info(request).await?.into_inner();
            while answers.message().await?.is_some() {}
            Ok(())
        }
    }
}

/// The line is of the method that was called, and names the caller, and nobody where there is none.
fn check_caller(answers: &mut Answers, case_name: &str, workloads: &Workloads, case: &Case, line: &Value) {
    let method = match case.method {
        Method::Download => "IssueDownloadUrl",
        Method::Health => "Health",
        Method::Reflection => "Reflection",
    };
    let workload = workloads.workload(case);
    let found = (line["method"].as_str(), line["workload"].as_str(), line["subject"].as_str());
    let expected = (Some(method), workload.as_deref(), case.subject.as_deref());
    answers.require(case_name, found == expected, || format!("{found:?} is logged instead of {expected:?}"));
}

/// Of all that was sent, the log has the names of accepted workloads and nothing else.
fn assert_nothing_sent_is_in(log: &str, workloads: &Workloads, calls: &[(&Case, Metadata)]) {
    let accepted: BTreeSet<String> = calls.iter().filter_map(|(case, _)| workloads.workload(case)).collect();
    // Names that are longer than others may begin with them.
    let log = accepted.iter().rev().fold(log.to_owned(), |log, workload| log.replace(workload, ""));
    let pieces = LoggedPieces::of(&log);
    for (case, metadata) in calls {
        for (_, value) in metadata {
            pieces.assert_lack(&case.name, value);
        }
    }
}

#[test]
fn the_corpus_is_large_and_its_names_are_unique() {
    let workloads = Workloads::read();
    assert!(workloads.cases.len() >= 60, "{} cases", workloads.cases.len());
    let mut names = BTreeSet::new();
    for case in &workloads.cases {
        assert!(names.insert(&case.name), "{} stands there twice", case.name);
        let is_accepted = case.code == "OK" && case.method == Method::Download;
        assert_eq!(is_accepted, case.workload.is_some() || case.subject.is_some(), "{}", case.name);
    }
}
