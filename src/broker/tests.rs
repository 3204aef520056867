use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};

use super::*;
use crate::clock::Clock;
use crate::identity::{ClaimSet, Names, TokenIdentity};
use crate::policy::{
    AccessRequest, BucketName, BucketProfile, Checksum, ChecksumAlgorithm, EndpointName, ExpiryLimit, HeaderText,
    LifetimeRequest, ObjectKey, ObjectReference, PermittedObject, Policy, PolicyContext, RequestedDownload,
};
use crate::presign::credentials::CredentialsCache;
use crate::presign::{
    Addressing, BucketEndpoint, BucketSigner, EndpointSettings, EntityTagForm, PresignError, RequiredHeaders,
    SigV4Presigner,
};
use crate::quota::{QuotaSettings, Quotas};
use crate::storage::{InspectionError, Look, StoredObject};

const POLICY: &str = r#"
tier = [{ name = "t", bucket = "media", prefix = "", download = { max_ttl = "2h" }, upload = { record_decision = true } }]
grant = [{ tiers = "t", operations = ["download", "upload"], to = { authenticated = true } }]
"#;

/// Gives credentials that end after the first of the lives, then the next, and so on; the last one stays.
#[derive(Debug)]
struct Lives(Mutex<Vec<u64>>);

impl ProvideCredentials for Lives {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let mut lives = self.0.lock().unwrap();
        let life = if lives.len() > 1 { lives.remove(0) } else { lives[0] };
        let expiry = SystemTime::now() + Duration::from_secs(life);
        let id = format!("AKID{life}");
        future::ProvideCredentials::ready(Ok(Credentials::new(id, "secret", None, Some(expiry), "test")))
    }
}

/// A clock that is so many seconds late.
#[derive(Debug)]
struct Late(AtomicU64);

impl Clock for Late {
    fn now(&self) -> SystemTime {
        SystemTime::now() - Duration::from_secs(self.0.load(Ordering::Relaxed))
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
        _: Look,
    ) -> Result<StoredObject, InspectionError> {
        self.0.clone()
    }
}

pub(super) fn media() -> BucketName {
    BucketName::parse("media").unwrap()
}

async fn broker(credential_lives: &[u64], object: Result<StoredObject, InspectionError>) -> Broker {
    let provider = Lives(Mutex::new(credential_lives.to_vec()));
    // The first credentials came a minute ago: no provider is asked twice within seconds.
    let clock = Arc::new(Late(AtomicU64::new(60)));
    let cache = CredentialsCache::new(provider, Arc::clone(&clock) as _, Duration::from_hours(1));
    cache.refresh().await.unwrap();
    clock.0.store(0, Ordering::Relaxed);
    let settings = EndpointSettings {
        s3_bucket: "real-media".to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: None,
        addressing: Addressing::Automatic,
        dual_stack: false,
        fips: false,
        accelerate: false,
        access_point: None,
    };
    let cache = Arc::new(cache);
    let signer = BucketSigner {
        endpoints: HashMap::from([(EndpointName::default_endpoint(), BucketEndpoint::resolve(&settings).unwrap())]),
        upload_credentials: Arc::clone(&cache),
        credentials: cache,
        etag_form: EntityTagForm::default(),
        required_headers: RequiredHeaders::default(),
        attribution: true,
    };
    let buckets = BTreeMap::from([(media(), BucketProfile::at_aws([EndpointName::default_endpoint()]))]);
    let (issuers, trust_domains) = (BTreeSet::new(), BTreeSet::new());
    let context = PolicyContext { buckets: &buckets, issuers: &issuers, trust_domains: &trust_domains };
    Broker::new(Counterparts {
        policy: Arc::new(PolicyStore::new(Policy::parse("policy.toml", POLICY, &context).unwrap())),
        presigner: Arc::new(SigV4Presigner::new(HashMap::from([(media(), signer)]))),
        inspector: Arc::new(OneObject(object)),
        decision_ids: Arc::new(TimeOrderedDecisionIds),
        pseudonyms: Arc::new(Pseudonyms::with_key(&[7; 32]).unwrap()),
        quotas: Arc::new(Quotas::new(QuotaSettings { caller: None, report_only: false, remembered_callers: 1_000 })),
    })
}

pub(super) fn asking() -> AuthenticatedCaller {
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

pub(super) fn object() -> ObjectReference {
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

#[tokio::test]
async fn a_caller_who_insists_on_a_longer_life_has_the_credentials_renewed() {
    let broker = broker(&[600, 7_200], Err(InspectionError::NotFound)).await;
    let (_, cut) = broker.issue_download(&asking(), download(3_600, false, Existence::Unknown)).await;
    assert_eq!(cut.unwrap().signed.expiry.limited_by, ExpiryLimit::SigningCredentialsExpiry);
    let (_, full) = broker.issue_download(&asking(), download(3_600, true, Existence::Unknown)).await;
    let full = full.unwrap().signed;
    assert_eq!(full.expiry.limited_by, ExpiryLimit::RequestedTtl);
    assert!(full.get.url.as_str().contains("AKID7200"));
}

#[tokio::test]
async fn a_renewal_that_does_not_help_ends_in_the_time_that_could_be_had() {
    let broker = broker(&[600, 900], Err(InspectionError::NotFound)).await;
    let (decision, refused) = broker.issue_download(&asking(), download(3_600, true, Existence::Unknown)).await;
    let Err(BrokerError::Presign(PresignError::FullTtlUnavailable { available })) = refused else {
        panic!("{refused:?}")
    };
    assert!((800..=870).contains(&available.as_secs()), "{available:?}");
    assert!(matches!(decision.outcome, Outcome::Failed(_)));
}

#[tokio::test]
async fn an_object_that_must_exist_and_does_not_gets_no_url() {
    let broker = broker(&[7_200], Err(InspectionError::NotFound)).await;
    let (decision, refused) = broker.issue_download(&asking(), download(60, false, Existence::Required)).await;
    assert!(matches!(refused, Err(BrokerError::Inspection(InspectionError::NotFound))));
    assert_eq!(decision.tier.as_deref(), Some("t"));
}

#[tokio::test]
async fn a_pinned_url_reads_the_version_that_was_found() {
    let found = broker(&[7_200], Ok(stored())).await;
    let (_, required) = found.issue_download(&asking(), download(60, false, Existence::Required)).await;
    let required = required.unwrap();
    assert_eq!(required.object, Some(stored()));
    assert!(!required.signed.get.url.as_str().contains("versionId"));
    let (_, pinned) = found.issue_download(&asking(), download(60, false, Existence::Pinned)).await;
    let pinned = pinned.unwrap().signed;
    for url in [&pinned.get.url, &pinned.head.url] {
        assert!(url.as_str().contains("versionId=v%2F1&"));
    }
    let unversioned = broker(&[7_200], Ok(StoredObject { version_id: None, ..stored() })).await;
    let (_, refused) = unversioned.issue_download(&asking(), download(60, false, Existence::Pinned)).await;
    assert!(matches!(refused, Err(BrokerError::NoVersion)));
}

#[tokio::test]
async fn a_verification_tells_what_holds_what_differs_and_what_is_unknown() {
    let id = TimeOrderedDecisionIds.next();
    let recorded = StoredObject { decision_id: Some(id.to_string()), ..stored() };
    let broker = broker(&[7_200], Ok(recorded)).await;
    let checksum = |algorithm, byte| Some(Checksum::new(algorithm, &vec![byte; algorithm.byte_length()]).unwrap());
    let expecting =
        |checksum| Expectations { decision_id: Some(id), content_length: Some(5), checksum, ..Expectations::default() };
    let other = Some(TimeOrderedDecisionIds.next());
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
    let id = TimeOrderedDecisionIds.next();
    assert_eq!(DecisionId::parse(&id.to_string()), Some(id));
    let text = id.to_string();
    for other in
        [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), format!("urn:uuid:{text}"), String::new()]
    {
        assert_eq!(DecisionId::parse(&other), None, "{other}");
    }
}
