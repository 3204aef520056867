//! A signer other than S3's, similar to a content delivery network: the query has the expiry, a key id and an HMAC. It
//! shows that nothing outside the S3 crate depends on the signer.

use access_broker_base::document::Variables;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac;
use url::Url;

use crate::broker::{Backends, Broker, DecisionId, DownloadRequest, Existence};
use crate::policy_store::PolicyStore;
use crate::quota::{QuotaSettings, Quotas};
use crate::telemetry::{MetricSources, Metrics, MetricsFormat};
use access_broker_base::clock::SystemClock;
use access_broker_base::hex::lower_hex;
use access_broker_identity::Pseudonyms;
use access_broker_policy::{
    AccessRequest, BucketName, BucketProfile, EndpointName, LifetimeRequest, Operation, Permit, PermittedDownload,
    PermittedUpload, Policy, PolicyContext, RequestedDownload,
};
use access_broker_s3::credentials::{CredentialsSettings, SecretSource};
use access_broker_s3::presign::{
    Attribution, Expiry, HttpMethod, PresignError, PresignedDownload, PresignedUpload, Presigner, SignedRequest,
    SignedUrl, SignerStatus, SignerTable, Signing, SigningAvailability, SigningCredentialsStatus,
};
use access_broker_s3::{
    Addressing, BucketEndpoint, EndpointSettings, EntityTagForm, NamedEndpoint, RequiredHeaders, S3Bucket, S3Buckets,
    S3Options,
};

/// Signs downloads of one bucket with a constant key.
#[derive(Debug)]
pub(crate) struct HmacSigner {
    bucket: BucketName,
    origin: Url,
    key: hmac::Key,
    has_key: AtomicBool,
}

impl HmacSigner {
    pub(crate) fn new(bucket: BucketName, has_key: bool) -> Self {
        let (origin, key) = (Url::parse("https://cdn.example").unwrap(), hmac::Key::new(hmac::HMAC_SHA256, b"secret"));
        Self { bucket, origin, key, has_key: AtomicBool::new(has_key) }
    }

    pub(crate) fn lose_key(&self) {
        self.has_key.store(false, Ordering::Relaxed);
    }

    fn sign(&self, method: HttpMethod, permit: &Permit<PermittedDownload>) -> SignedRequest {
        let mut url = self.origin.clone();
        url.set_path(permit.object().key().as_str());
        let end = permit.lifetime().ends_at().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        url.set_query(Some(&format!("Expires={end}&Key-Pair-Id=cdn-key")));
        let signature = hmac::sign(&self.key, format!("{} {url}", method.as_str()).as_bytes());
        let url = format!("{url}&Signature={}", lower_hex(signature.as_ref()));
        SignedRequest { method, url: SignedUrl::new(url), headers: Vec::new() }
    }
}

impl Presigner for HmacSigner {
    fn sign_download<'a>(
        &'a self,
        permit: &'a Permit<PermittedDownload>,
        _: &'a Attribution,
        _: SystemTime,
    ) -> Signing<'a, PresignedDownload> {
        if !self.has_key.load(Ordering::Relaxed) {
            let retry_after = Duration::from_secs(5);
            return Signing::Ready(Err(PresignError::CredentialsUnavailable { retry_after }));
        }
        let expiry = Expiry { at: permit.lifetime().ends_at(), limited_by: permit.lifetime().limited_by };
        let [get, head] = [HttpMethod::Get, HttpMethod::Head].map(|method| self.sign(method, permit));
        Signing::Ready(Ok(PresignedDownload { get, head, expiry }))
    }

    fn sign_upload<'a>(
        &'a self,
        _: &'a Permit<PermittedUpload>,
        _: &'a Attribution,
        _: SystemTime,
    ) -> Signing<'a, PresignedUpload> {
        Signing::Ready(Err(PresignError::UnknownEndpoint))
    }
}

impl SignerStatus for HmacSigner {
    fn availability(&self, _: SystemTime) -> Vec<SigningAvailability> {
        let (bucket, available) = (self.bucket.clone(), self.has_key.load(Ordering::Relaxed));
        vec![SigningAvailability { bucket, operation: Operation::Download, available }]
    }

    fn credentials(&self) -> Vec<SigningCredentialsStatus> {
        vec![SigningCredentialsStatus {
            name: "cdn-key".into(),
            from_files: false,
            expiry: None,
            loaded_at: Some(SystemTime::UNIX_EPOCH),
            refreshes: Vec::new(),
            last_refresh_is_good: true,
            urls_cut: 0,
        }]
    }
}

/// The S3 crate with one bucket, whose credentials do not expire.
pub(crate) async fn s3(bucket: &BucketName) -> S3Buckets {
    let profile = || BucketProfile::at_aws([EndpointName::default_endpoint()]);
    let policy = policy("tier = []", bucket, profile());
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
    let endpoint = BucketEndpoint::resolve(&settings).unwrap();
    let variable = |name: &str| SecretSource::EnvironmentVariable(name.to_owned());
    let bucket = S3Bucket {
        name: bucket.clone(),
        endpoints: vec![NamedEndpoint { name: EndpointName::default_endpoint(), settings, endpoint }],
        broker_endpoint: EndpointName::default_endpoint(),
        required_headers: RequiredHeaders::default(),
        etag_form: EntityTagForm::default(),
        attribution: true,
        credentials: CredentialsSettings::Static {
            name: "s3-keys".to_owned(),
            access_key_id: variable("ID"),
            secret_access_key: variable("SECRET"),
            session: None,
        },
        upload_credentials: None,
    };
    let options = S3Options {
        clock: Arc::new(SystemClock),
        environment: Arc::new(|name| Some(name.to_owned())),
        settle: Duration::from_secs(2),
        inspection_timeout: Duration::from_secs(1),
    };
    S3Buckets::build(&[bucket], &policy, &options).await.unwrap()
}

pub(crate) fn policy(text: &str, bucket: &BucketName, profile: BucketProfile) -> Policy {
    let buckets = BTreeMap::from([(bucket.clone(), profile)]);
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &BTreeSet::new(),
        trust_domains: &BTreeSet::new(),
        variables: &Variables::None,
        members: None,
    };
    Policy::parse("policy.toml", text, &context).unwrap()
}

pub(crate) fn no_quotas() -> Arc<Quotas> {
    Arc::new(Quotas::new(QuotaSettings { caller: None, report_only: false, remembered_callers: 1_000 }))
}

const POLICY: &str = r#"
tier = [{ name = "t", bucket = "media", prefix = "", download = {} }]
grant = [{ tiers = "t", operations = ["download"], to = { authenticated = true } }]
"#;

#[tokio::test]
async fn a_broker_issues_urls_of_both_signers_by_the_endpoint() {
    let (bucket, cdn) = (BucketName::parse("media").unwrap(), EndpointName::parse("cdn").unwrap());
    let (s3, hmac_signer) = (s3(&bucket).await, Arc::new(HmacSigner::new(bucket.clone(), true)));
    let table = SignerTable::new(s3.presigner());
    let table = table.with_endpoint(bucket.clone(), cdn.clone(), Arc::clone(&hmac_signer) as _);
    let profile = BucketProfile::at_aws([EndpointName::default_endpoint(), cdn.clone()]);
    let broker = Broker::new(Backends {
        policy: Arc::new(PolicyStore::new(policy(POLICY, &bucket, profile))),
        presigner: Arc::new(table),
        inspector: s3.inspector(),
        decision_ids: DecisionId::generate,
        pseudonyms: Arc::new(Pseudonyms::with_key(&[7; 32]).unwrap()),
        quotas: no_quotas(),
    });
    let issue = async |endpoint: Option<EndpointName>| {
        let lifetime = LifetimeRequest { ttl: None, require_full_ttl: false, stable: false };
        let object = crate::broker::tests::object();
        let access = AccessRequest { object, endpoint, lifetime, terms: RequestedDownload::default() };
        let request = DownloadRequest { access, existence: Existence::Unknown };
        let (_, issued) = broker.issue_download(&crate::broker::tests::asking(), request).await;
        issued.map(|issued| (issued.signed.get.url.into_string(), issued.signed.head.url.into_string()))
    };
    let (get, head) = issue(Some(cdn.clone())).await.unwrap();
    for url in [&get, &head] {
        assert!(url.starts_with("https://cdn.example/a?Expires="), "{url}");
        assert!(url.contains("&Key-Pair-Id=cdn-key&Signature="), "{url}");
    }
    assert_ne!(get, head, "the method is signed");
    let (get, _) = issue(None).await.unwrap();
    assert!(get.starts_with("https://real-media.s3.eu-west-1.amazonaws.com/a?"), "{get}");
    hmac_signer.lose_key();
    assert!(issue(Some(cdn)).await.is_err());
    assert!(issue(None).await.is_ok(), "the other signer still signs");
}

#[tokio::test]
async fn metrics_show_both_signers() {
    let bucket = BucketName::parse("media").unwrap();
    let signers: Vec<Arc<dyn SignerStatus>> =
        vec![Arc::new(s3(&bucket).await), Arc::new(HmacSigner::new(bucket, true))];
    let metrics = Metrics::new(MetricSources { signers, ..MetricSources::default() });
    let text = metrics.text(MetricsFormat::OpenMetrics).unwrap();
    for sample in [
        "access_broker_signing_credentials_loaded_timestamp_seconds{credentials=\"cdn-key\"} 0.0",
        "access_broker_urls_cut_by_credentials_total{credentials=\"cdn-key\"} 0",
        "access_broker_urls_cut_by_credentials_total{credentials=\"s3-keys\"} 0",
        "access_broker_signing_credentials_refreshes_total{credentials=\"s3-keys\",result=\"renewed\"} 1",
    ] {
        assert!(text.contains(sample), "{sample} is not in {text}");
    }
}
