//! Several listeners of one server, each with its own proof.

use access_broker::grpc::SERVICE_NAME;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::Broker;
use crate::support::error_info;
use crate::support::pki::Issued;
use crate::support::workloads::setup::{ADA, FOREIGNER, INDEXER, THUMBNAILER, TLS, listener, start_with};

const TOKEN: usize = 0;
const TOKEN_OVER_TLS: usize = 1;
const MTLS: usize = 2;
const TOKEN_AND_MTLS: usize = 3;
const MESH_HEADER: usize = 4;
const UNIX: usize = 5;
const ALL: [usize; 6] = [TOKEN, TOKEN_OVER_TLS, MTLS, TOKEN_AND_MTLS, MESH_HEADER, UNIX];

async fn start() -> Broker {
    let domain = "trust_domain = \"prod.example\"";
    let mesh = format!("{domain}\nmesh_header = \"x-forwarded-client-cert\"\ntrusted_hop = [\"loopback\"]");
    let server_only = TLS.replace("tls_client_ca_file = \"ca.crt\"", "");
    let listeners = [
        listener("token", ""),
        listener("token", &server_only),
        listener("mtls", &format!("{domain}\n{TLS}")),
        listener("token+mtls", &format!("{domain}\n{TLS}")),
        listener("mesh-header", &mesh),
        listener("token", "").set("address", "unix:broker.sock"),
    ];
    start_with(listeners).await
}

/// What a client shows of itself.
#[derive(Clone, Copy)]
struct Shown<'a> {
    certificate: &'a Issued,
    metadata: &'a [(&'static str, &'a str)],
}

/// Metadata and certificates, good and bad.
struct Proofs {
    person: String,
    svid: String,
    header: String,
    foreign_header: String,
    thumbnailer: Issued,
    indexer: Issued,
    foreigner: Issued,
    nobody: Issued,
}

impl Proofs {
    fn of(broker: &Broker) -> Self {
        let (authority, token_key) = (&broker.setup.authority, &broker.setup.token_key);
        Self {
            person: format!("Bearer {}", token_key.of_person(ADA)),
            svid: format!("Bearer {}", token_key.of_workload(THUMBNAILER)),
            header: format!("URI={THUMBNAILER}"),
            foreign_header: format!("URI={FOREIGNER}"),
            thumbnailer: authority.workload(THUMBNAILER),
            indexer: authority.workload(INDEXER),
            foreigner: authority.workload(FOREIGNER),
            nobody: authority.client(&[]),
        }
    }

    fn token(&self) -> (&'static str, &str) {
        ("authorization", &self.person)
    }

    fn header(&self) -> (&'static str, &str) {
        ("x-forwarded-client-cert", &self.header)
    }
}

#[tokio::test]
async fn each_takes_its_own_proof() {
    let broker = start().await;
    let proofs = Proofs::of(&broker);
    let (token, header) = ([proofs.token()], [proofs.header()]);
    for (index, certificate, metadata, key) in [
        (TOKEN, &proofs.nobody, &token[..], "people/x"),
        (TOKEN_OVER_TLS, &proofs.nobody, &token, "people/x"),
        (MTLS, &proofs.thumbnailer, &[], "thumbnails/x"),
        (TOKEN_AND_MTLS, &proofs.thumbnailer, &token, "people/x"),
        (MESH_HEADER, &proofs.nobody, &header, "thumbnails/x"),
        (UNIX, &proofs.nobody, &token, "people/x"),
    ] {
        let client = broker.client_on(index, Some(certificate), metadata).await;
        assert_eq!(broker.call(&client, key).await.outcome(), "OK", "listener {index}");
    }
    broker.finish().await;
}

/// Everything that one of the listeners takes for no proof, the proofs of the others among it.
fn refused<'p>(index: usize, proofs: &'p Proofs, many: &'p [Vec<(&'static str, &'p str)>; 6]) -> Vec<Shown<'p>> {
    let [nothing, token, header, both, rubbish, foreign_header] = many.each_ref().map(Vec::as_slice);
    let shown = |certificate, metadata: &[&'p [(&'static str, &'p str)]]| {
        metadata.iter().map(|metadata| Shown { certificate, metadata }).collect::<Vec<_>>()
    };
    let Proofs { thumbnailer, indexer, foreigner, nobody, .. } = proofs;
    match index {
        MTLS => [shown(nobody, &[nothing, both]), shown(foreigner, &[nothing, both])].concat(),
        TOKEN_AND_MTLS => [
            shown(thumbnailer, &[nothing, header, rubbish]),
            shown(foreigner, &[nothing, both]),
            shown(nobody, &[both]),
            shown(indexer, &[header]),
        ]
        .concat(),
        MESH_HEADER => shown(thumbnailer, &[nothing, token, rubbish, foreign_header]),
        _ => shown(thumbnailer, &[nothing, header, rubbish]),
    }
}

#[tokio::test]
async fn whatever_is_refused_a_listener_answers_with_the_same_words() {
    let broker = start().await;
    let proofs = Proofs::of(&broker);
    let rubbish = vec![("authorization", "Bearer rubbish"), ("x-forwarded-client-cert", "URI=\"rubbish")];
    let many = [
        vec![],
        vec![proofs.token()],
        vec![proofs.header()],
        vec![proofs.token(), proofs.header()],
        rubbish,
        vec![("x-forwarded-client-cert", proofs.foreign_header.as_str())],
    ];
    for index in ALL {
        let mut answers = Vec::new();
        for Shown { certificate, metadata } in refused(index, &proofs, &many) {
            let client = broker.client_on(index, Some(certificate), metadata).await;
            let status = broker.call(&client, "shared/x").await.refusal();
            assert_eq!(status.code(), Code::Unauthenticated, "listener {index}: {metadata:?}");
            let info = error_info(&status);
            assert_eq!(info.reason, "CALLER_NOT_AUTHENTICATED");
            assert!(info.metadata.is_empty(), "{info:?}");
            answers.push((status.message().to_owned(), status.details().to_owned()));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "listener {index}: {answers:?}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_token_of_another_workload_is_refused_with_the_words_for_every_proof() {
    let broker = start().await;
    let proofs = Proofs::of(&broker);
    let mut answers = Vec::new();
    for metadata in [&[("authorization", proofs.svid.as_str())][..], &[]] {
        let client = broker.client_on(TOKEN_AND_MTLS, Some(&proofs.indexer), metadata).await;
        let status = broker.call(&client, "shared/x").await.refusal();
        answers.push((status.code(), status.message().to_owned(), status.details().to_owned()));
    }
    assert_eq!(answers[0], answers[1]);
    broker.finish().await;
}

#[tokio::test]
async fn health_and_reflection_answer_on_each_without_a_proof() {
    let broker = start().await;
    // Over mTLS a certificate is needed for the connection, and whom it names does not matter.
    let nobody = broker.setup.authority.client(&[]);
    for index in ALL {
        let channel = broker.channel(index, Some(&nobody)).await;
        let mut health = HealthClient::new(channel.clone());
        for service in ["", SERVICE_NAME] {
            let answer = health.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap();
            assert_eq!(answer.into_inner().status(), ServingStatus::Serving, "listener {index}");
        }
        let request = ServerReflectionRequest {
            message_request: Some(MessageRequest::ListServices(String::new())),
            ..ServerReflectionRequest::default()
        };
        let mut reflection = ServerReflectionClient::new(channel);
        let answers = reflection.server_reflection_info(tokio_stream::once(request)).await;
        let answer = answers.unwrap().into_inner().message().await.unwrap().unwrap();
        let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
            panic!("{answer:?}");
        };
        assert!(list.service.iter().any(|service| service.name == SERVICE_NAME), "{list:?}");
    }
    broker.finish().await;
}
