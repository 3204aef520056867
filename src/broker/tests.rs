use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::second_signer;
use access_broker_identity::{ClaimSet, Names, TokenIdentity};
use access_broker_policy::{
    AccessRequest, BucketName, BucketProfile, Checksum, ChecksumAlgorithm, EndpointName, HeaderText, LifetimeRequest,
    ObjectKey, ObjectReference, Permit, PermittedDownload, PermittedObject, PermittedUpload, RequestedDownload,
};
use access_broker_s3::presign::{Attribution, PresignError, PresignedDownload, PresignedUpload, Signing, Waiting};
use access_broker_s3::storage::{InspectionError, InspectionScope, StoredObject};

const POLICY: &str = r#"
tier = [{ name = "t", bucket = "media", prefix = "", download = { max_ttl = "2h" }, upload = { record_decision = true } }]
grant = [{ tiers = "t", operations = ["download", "upload"], to = { authenticated = true } }]
"#;

/// Has to renew its credentials before it signs a full lifetime, and then signs, or refuses again.
#[derive(Debug)]
struct MustWait {
    then: Arc<dyn Presigner>,
    helps: bool,
}

impl Presigner for MustWait {
    fn sign_download<'a>(
        &'a self,
        permit: &'a Permit<PermittedDownload>,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, PresignedDownload> {
        if permit.lifetime().required_until.is_none() {
            return self.then.sign_download(permit, attribution, now);
        }
        let refused = |seconds| PresignError::FullTtlUnavailable { available: Duration::from_secs(seconds) };
        let sign = move || match self.then.sign_download(permit, attribution, now) {
            Signing::Ready(signed) if self.helps => signed,
            _ => Err(refused(900)),
        };
        let until = Box::pin(tokio::time::sleep(Duration::from_secs(3)));
        Signing::Waiting(Waiting { refused: refused(600), until, sign: Box::new(sign) })
    }

    fn sign_upload<'a>(
        &'a self,
        permit: &'a Permit<PermittedUpload>,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, PresignedUpload> {
        self.then.sign_upload(permit, attribution, now)
    }
}

/// Knows one object, or none.
#[derive(Debug)]
struct OneObject(Result<StoredObject, InspectionError>);

#[async_trait]
impl ObjectInspector for OneObject {
    async fn inspect(
        &self,
        _: &PermittedObject,
        _: Option<&HeaderText>,
        _: InspectionScope,
    ) -> Result<StoredObject, InspectionError> {
        self.0.clone()
    }
}

pub(crate) fn media() -> BucketName {
    BucketName::parse("media").unwrap()
}

async fn broker(object: Result<StoredObject, InspectionError>) -> Broker {
    broker_with(object, |s3| s3).await
}

async fn broker_with(
    object: Result<StoredObject, InspectionError>,
    presigner: impl FnOnce(Arc<dyn Presigner>) -> Arc<dyn Presigner>,
) -> Broker {
    let profile = BucketProfile::at_aws([EndpointName::default_endpoint()]);
    Broker::new(Backends {
        policy: Arc::new(PolicyStore::new(second_signer::policy(POLICY, &media(), profile))),
        presigner: presigner(second_signer::s3(&media()).await.presigner()),
        inspector: Arc::new(OneObject(object)),
        decision_ids: DecisionId::generate,
        pseudonyms: Arc::new(Pseudonyms::with_key(&[7; 32]).unwrap()),
        quotas: second_signer::no_quotas(),
    })
}

pub(crate) fn asking() -> AuthenticatedCaller {
    let at = SystemTime::now();
    let caller = Caller::from_token(Arc::new(TokenIdentity {
        issuer: "https://issuer.example".into(),
        subject: "somebody".into(),
        groups: Names::default(),
        scopes: Names::default(),
        claims: ClaimSet::pack(&serde_json::Map::new(), false).unwrap(),
        expires_at: at + Duration::from_mins(10),
    }));
    AuthenticatedCaller { caller: Arc::new(caller), at }
}

pub(crate) fn object() -> ObjectReference {
    ObjectReference { bucket: media(), key: ObjectKey::parse("a").unwrap() }
}

fn download(ttl: u64, require_full_ttl: bool, existence: Existence) -> DownloadRequest {
    let ttl = Some(Duration::from_secs(ttl));
    let lifetime = LifetimeRequest { ttl, require_full_ttl, stable: false };
    let access = AccessRequest { object: object(), endpoint: None, lifetime, terms: RequestedDownload::default() };
    DownloadRequest { access, existence }
}

fn stored() -> StoredObject {
    StoredObject {
        size: Some(5),
        etag: "\"5d41402abc4b2a76b9719d911017c592\"".to_owned(),
        version_id: Some("v/1".to_owned()),
        content_type: Some("text/plain".to_owned()),
        checksums: vec![Checksum::new(ChecksumAlgorithm::Sha256, &[7; 32]).unwrap()],
        ..StoredObject::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_presigner_that_must_wait_is_awaited_and_asked_once_more() {
    let waits = |then| Arc::new(MustWait { then, helps: true }) as _;
    let broker = broker_with(Err(InspectionError::NotFound), waits).await;
    let started = tokio::time::Instant::now();
    let (_, at_once) = broker.issue_download(&asking(), download(3_600, false, Existence::Unknown)).await;
    assert!(at_once.is_ok() && started.elapsed().is_zero());
    let (decision, full) = broker.issue_download(&asking(), download(3_600, true, Existence::Unknown)).await;
    assert!(full.is_ok(), "{full:?}");
    assert!(matches!(decision.outcome, Outcome::Issued { .. }));
    assert!(started.elapsed() >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_does_not_help_ends_in_what_the_other_attempt_says() {
    let waits = |then| Arc::new(MustWait { then, helps: false }) as _;
    let broker = broker_with(Err(InspectionError::NotFound), waits).await;
    let (decision, refused) = broker.issue_download(&asking(), download(3_600, true, Existence::Unknown)).await;
    let Err(BrokerError::Presign(PresignError::FullTtlUnavailable { available })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(available, Duration::from_mins(15));
    assert!(matches!(decision.outcome, Outcome::Failed(_)));
}

#[tokio::test]
async fn an_object_that_must_exist_and_does_not_gets_no_url() {
    let broker = broker(Err(InspectionError::NotFound)).await;
    let (decision, refused) = broker.issue_download(&asking(), download(60, false, Existence::Required)).await;
    assert!(matches!(refused, Err(BrokerError::Inspection(InspectionError::NotFound))));
    assert_eq!(decision.tier.as_deref(), Some("t"));
}

#[tokio::test]
async fn a_pinned_url_reads_the_version_that_was_found() {
    let found = broker(Ok(stored())).await;
    let (_, required) = found.issue_download(&asking(), download(60, false, Existence::Required)).await;
    let required = required.unwrap();
    assert_eq!(required.object, Some(stored()));
    assert!(!required.signed.get.url.as_str().contains("versionId"));
    let (_, pinned) = found.issue_download(&asking(), download(60, false, Existence::Pinned)).await;
    let pinned = pinned.unwrap().signed;
    for url in [&pinned.get.url, &pinned.head.url] {
        assert!(url.as_str().contains("versionId=v%2F1&"));
    }
    let unversioned = broker(Ok(StoredObject { version_id: None, ..stored() })).await;
    let (_, refused) = unversioned.issue_download(&asking(), download(60, false, Existence::Pinned)).await;
    assert!(matches!(refused, Err(BrokerError::NoVersion)));
}

#[tokio::test]
async fn a_verification_returns_what_holds_what_differs_and_what_is_unknown() {
    let id = DecisionId::generate();
    let recorded = StoredObject { decision_id: Some(id.to_string()), ..stored() };
    let broker = broker(Ok(recorded)).await;
    let checksum = |algorithm, byte| Some(Checksum::new(algorithm, &vec![byte; algorithm.byte_length()]).unwrap());
    let expecting =
        |checksum| Expectations { decision_id: Some(id), content_length: Some(5), checksum, ..Expectations::default() };
    let other = Some(DecisionId::generate());
    for (expected, mismatches, unknown) in [
        (expecting(checksum(ChecksumAlgorithm::Sha256, 7)), &[][..], &[][..]),
        (expecting(checksum(ChecksumAlgorithm::Sha256, 8)), &["checksum"], &[]),
        (expecting(checksum(ChecksumAlgorithm::Crc32, 7)), &[], &["checksum"]),
        (Expectations { decision_id: other, ..expecting(None) }, &["decision_id"], &[]),
    ] {
        let request = VerificationRequest { object: object(), version_id: None, expected };
        let (decision, verification) = broker.verify_upload(&asking(), request).await;
        let verification = verification.unwrap();
        assert_eq!((verification.mismatches.as_slice(), verification.unknown.as_slice()), (mismatches, unknown));
        let all_well = mismatches.is_empty() && unknown.is_empty();
        assert_eq!(verification.as_expected(), all_well);
        assert!(matches!(decision.outcome, Outcome::Verified { as_expected, .. } if as_expected == all_well));
    }
}

#[test]
fn a_decision_id_has_one_spelling() {
    let id = DecisionId::generate();
    assert_eq!(DecisionId::parse(&id.to_string()), Some(id));
    let text = id.to_string();
    for other in
        [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), format!("urn:uuid:{text}"), String::new()]
    {
        assert_eq!(DecisionId::parse(&other), None, "{other}");
    }
}
