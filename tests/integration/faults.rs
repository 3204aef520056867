//! What callers see when the broker's own counterparts fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use access_broker::audit::AuditTrail;
use access_broker::broker::{AuthenticatedCaller, Backends, Broker, DecisionId};
use access_broker::calls::AuthenticatedCall;
use access_broker::config::ListenAddress;
use access_broker::contract::proto::IssueDownloadUrlRequest;
use access_broker::contract::proto::access_broker_service_server::AccessBrokerService;
use access_broker::grpc::BrokerService;
use access_broker::policy_store::PolicyStore;
use access_broker::quota::{QuotaSettings, Quotas};
use access_broker::server::{Part, ServerState, StartOptions};
use access_broker_base::clock::SystemClock;
use access_broker_dev::{EmbeddedIssuer, EmbeddedIssuerOptions};
use access_broker_identity::{Caller, ClaimSet, Names, Pseudonyms, TokenIdentity};
use access_broker_policy::{HeaderText, Permit, PermittedDownload, PermittedObject, PermittedUpload};
use access_broker_s3::presign::{Attribution, PresignError, PresignedDownload, PresignedUpload, Presigner, Signing};
use access_broker_s3::storage::{InspectionError, InspectionScope, ObjectInspector, StoredObject};
use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::support::{
    Client, ISSUER, PATIENCE, capture_logs, config_with_keys_at, error_info, secrets, start_options, start_server,
    token_with_key_id,
};

#[tokio::test]
async fn without_the_issuers_keys_nothing_is_served_and_nobody_is_called_a_forger() {
    capture_logs();
    let folder = tempfile::tempdir().unwrap();
    // Accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", silent.local_addr().unwrap());
    let server = start_server(config_with_keys_at(&folder, &url), start_options()).await.unwrap();

    assert_eq!(server.readiness().state(), ServerState::Starting(vec![Part::IssuerKeys(ISSUER.into())]));
    let ready = crate::support::http_get(format!("http://{}/readyz", server.admin_addr())).await.unwrap();
    assert_eq!(ready.status(), 503);
    assert_eq!(ready.text().await.unwrap(), format!("starting\nwithout keys of issuer {ISSUER}\n"));

    let client = Client::connect(server.grpc_addr().unwrap(), &[&format!("Bearer {}", token_with_key_id("a"))]).await;
    let refused = client.download("media", "x").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(error_info(&refused).reason, "ISSUER_KEYS_UNAVAILABLE");
    let wait = refused.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert!((Duration::from_secs(1)..=Duration::from_mins(1)).contains(&wait), "{wait:?}");
    server.stop().await;
    secrets::assert_log_has_no_secrets();
}

#[tokio::test]
async fn credentials_that_cannot_be_read_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = StartOptions { environment: Arc::new(|_| None), ..StartOptions::system() };
    let error = start_server(config_with_keys_at(&folder, "https://issuer.example/keys"), nothing).await.unwrap_err();
    let text = format!("{error:#}");
    assert!(
        text.contains("bucket media") && text.contains("environment variable TEST_ACCESS_KEY_ID is not set"),
        "{text}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config_with_keys_at(&folder, "https://issuer.example/keys");
    config.listeners[0].address = ListenAddress::Tcp(taken.local_addr().unwrap());
    let error = start_server(config, start_options()).await.unwrap_err();
    assert!(format!("{error:#}").contains("listening at 127.0.0.1:"), "{error:#}");
}

/// A presigner that always fails in the same way.
#[derive(Debug)]
struct FailingPresigner(PresignError);

impl Presigner for FailingPresigner {
    fn sign_download<'a>(
        &'a self,
        _: &'a Permit<PermittedDownload>,
        _: &'a Attribution,
        _: SystemTime,
    ) -> Signing<'a, PresignedDownload> {
        Signing::Ready(Err(self.0.clone()))
    }

    fn sign_upload<'a>(
        &'a self,
        _: &'a Permit<PermittedUpload>,
        _: &'a Attribution,
        _: SystemTime,
    ) -> Signing<'a, PresignedUpload> {
        Signing::Ready(Err(self.0.clone()))
    }
}

/// An inspector that always fails in the same way.
#[derive(Debug)]
struct FailingInspector(InspectionError);

#[async_trait]
impl ObjectInspector for FailingInspector {
    async fn inspect(
        &self,
        _: &PermittedObject,
        _: Option<&HeaderText>,
        _: InspectionScope,
    ) -> Result<StoredObject, InspectionError> {
        Err(self.0.clone())
    }
}

/// A broker that can neither sign nor look.
fn failing_broker(signing: PresignError, looking: InspectionError) -> Broker {
    let folder = tempfile::tempdir().unwrap();
    let policy = config_with_keys_at(&folder, "https://issuer.example/keys").load_policy().unwrap().compiled.policy;
    Broker::new(Backends {
        policy: Arc::new(PolicyStore::new(policy)),
        presigner: Arc::new(FailingPresigner(signing)),
        inspector: Arc::new(FailingInspector(looking)),
        decision_ids: DecisionId::generate,
        pseudonyms: Arc::new(Pseudonyms::with_random_key().unwrap()),
        quotas: Arc::new(Quotas::new(QuotaSettings { caller: None, report_only: false, remembered_callers: 1_000 })),
    })
}

async fn answer_when_signing_fails(error: PresignError) -> Status {
    answer_of(failing_broker(error, InspectionError::NotFound), false).await
}

async fn answer_when_looking_fails(error: InspectionError) -> Status {
    answer_of(failing_broker(PresignError::UnknownBucket, error), true).await
}

async fn answer_of(broker: Broker, must_exist: bool) -> Status {
    let mut request = Request::new(IssueDownloadUrlRequest {
        bucket: "media".to_owned(),
        key: "x".to_owned(),
        must_exist,
        ..IssueDownloadUrlRequest::default()
    });
    let now = SystemTime::now();
    let caller = Caller::from_token(Arc::new(TokenIdentity {
        issuer: ISSUER.into(),
        subject: "somebody".into(),
        groups: Names::default(),
        scopes: Names::default(),
        claims: ClaimSet::pack(&serde_json::Map::new(), false).unwrap(),
        expires_at: now + Duration::from_mins(10),
    }));
    let asking = AuthenticatedCaller { caller: Arc::new(caller), at: now };
    request.extensions_mut().insert(AuthenticatedCall::without_connection(asking));
    BrokerService::new(broker, None, AuditTrail::none()).issue_download_url(request).await.unwrap_err()
}

#[tokio::test]
async fn a_failure_to_sign_tells_what_to_do() {
    let retry_after = Duration::from_secs(7);
    let unavailable = answer_when_signing_fails(PresignError::CredentialsUnavailable { retry_after }).await;
    assert_eq!(unavailable.code(), Code::Unavailable);
    assert_eq!(error_info(&unavailable).reason, "SIGNING_CREDENTIALS_UNAVAILABLE");
    assert_eq!(unavailable.get_details_retry_info().unwrap().retry_delay, Some(retry_after));

    let available = Duration::from_secs(412);
    let too_short = answer_when_signing_fails(PresignError::FullTtlUnavailable { available }).await;
    assert_eq!(too_short.code(), Code::FailedPrecondition);
    assert_eq!(error_info(&too_short).metadata["availableTtlSeconds"], "412");

    let fault = answer_when_signing_fails(PresignError::UnknownBucket).await;
    assert_eq!((fault.code(), error_info(&fault).reason.as_str()), (Code::Internal, "INTERNAL_FAULT"));
}

#[tokio::test]
async fn a_failure_to_look_keeps_what_is_missing_apart_from_what_is_broken() {
    for (error, code, reason) in [
        (InspectionError::NotFound, Code::NotFound, "OBJECT_NOT_FOUND"),
        (InspectionError::Refused, Code::PermissionDenied, "STORAGE_REFUSED"),
        (InspectionError::Unavailable("S3 answered with 503".to_owned()), Code::Unavailable, "STORAGE_UNAVAILABLE"),
        (InspectionError::UnknownBucket, Code::Internal, "INTERNAL_FAULT"),
    ] {
        let answer = answer_when_looking_fails(error).await;
        assert_eq!((answer.code(), error_info(&answer).reason.as_str()), (code, reason));
        assert!(error_info(&answer).metadata.contains_key("decisionId"));
        assert_eq!(answer.get_details_retry_info().is_some(), code == Code::Unavailable);
    }
}

#[tokio::test]
async fn a_service_refuses_a_message_that_did_not_come_through_the_pipeline() {
    let broker = failing_broker(PresignError::UnknownBucket, InspectionError::NotFound);
    let request = Request::new(IssueDownloadUrlRequest::default());
    let refused = BrokerService::new(broker, None, AuditTrail::none()).issue_download_url(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal);
}

/// An endpoint that hands out the keys once and is silent from then on.
async fn endpoint_that_answers_once(jwks: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut silent = Vec::new();
        for connection in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            if connection == 0 {
                let mut request = [0; 4_096];
                let _request = stream.read(&mut request).await.unwrap();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", jwks.len());
                stream.write_all(format!("{head}{jwks}").as_bytes()).await.unwrap();
            } else {
                silent.push(stream);
            }
        }
    });
    url
}

#[tokio::test]
async fn a_call_in_flight_is_answered_though_the_server_stops() {
    capture_logs();
    let folder = tempfile::tempdir().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let clock = Arc::new(SystemClock);
    let issuer = EmbeddedIssuer::start(EmbeddedIssuerOptions { address, clock }).await.unwrap();
    let url = endpoint_that_answers_once(issuer.jwks().to_string()).await;
    let server = start_server(config_with_keys_at(&folder, &url), start_options()).await.unwrap();
    tokio::time::timeout(PATIENCE, server.ready()).await.unwrap();

    // A key that is not known makes the call wait a second for the keys, which the endpoint does not give.
    let client = Client::connect(server.grpc_addr().unwrap(), &[&format!("Bearer {}", token_with_key_id("a"))]).await;
    let call = tokio::spawn(async move { client.download("media", "x").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!call.is_finished(), "the call is in flight");
    server.stop().await;
    let answer = call.await.unwrap().unwrap_err();
    assert_eq!((answer.code(), error_info(&answer).reason.as_str()), (Code::Unavailable, "ISSUER_KEYS_UNAVAILABLE"));
}

#[tokio::test]
async fn a_client_that_never_speaks_does_not_hold_up_the_end() {
    capture_logs();
    let folder = tempfile::tempdir().unwrap();
    let server = start_server(config_with_keys_at(&folder, "https://127.0.0.1:1/keys"), start_options()).await.unwrap();
    let address: SocketAddr = server.grpc_addr().unwrap();
    let _silent = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), server.stop()).await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nothing listens any more");
}
