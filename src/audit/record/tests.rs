use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::*;
use crate::broker::{DecisionId, IssuedTerms};
use access_broker_identity::{ClaimPath, ClaimSet, Names, Subject, TokenIdentity};
use access_broker_policy::{
    BucketName, Checksum, ChecksumAlgorithm, Encryption, EncryptionAlgorithm, EndpointName, EntityTag, HeaderText,
    MetadataName, ObjectReference, PermittedDownload, PermittedUpload, RefusalReason, ResponseOverride, StorageClass,
};
use access_broker_s3::storage::InspectionError;

fn caller(subject: &str) -> Caller {
    Caller::from_token(Arc::new(TokenIdentity {
        issuer: "https://issuer.example".into(),
        subject: subject.into(),
        groups: ["secret-group"].into_iter().collect(),
        scopes: Names::default(),
        claims: ClaimSet::pack(json!({ "email": "somebody@example.com" }).as_object().unwrap(), false).unwrap(),
        expires_at: SystemTime::UNIX_EPOCH,
    }))
}

/// A refusal of a download.
pub(in crate::audit) fn refused(key: &str, at: SystemTime) -> Decision {
    decision(UseCase::IssueDownloadUrl, key, at, Outcome::Failed(BrokerError::Refused(RefusalReason::NotGranted)))
}

fn decision(use_case: UseCase, key: &str, at: SystemTime, outcome: Outcome) -> Decision {
    Decision {
        id: DecisionId::generate(),
        at,
        caller: Arc::new(caller("somebody")),
        caller_id: "0123456789abcdef0123456789abcdef".to_owned(),
        use_case,
        object: ObjectReference { bucket: BucketName::parse("media").unwrap(), key: ObjectKey::parse(key).unwrap() },
        tier: Some("tier-1".into()),
        outcome,
    }
}

fn issued(terms: IssuedTerms) -> Outcome {
    Outcome::Issued {
        grant: "grant[0]".into(),
        endpoint: EndpointName::default_endpoint(),
        expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_900),
        limited_by: ExpiryLimit::TierMaxTtl,
        terms: Box::new(terms),
    }
}

fn at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456)
}

fn fields(decision: &Decision, context: &CallContext, key: KeyForm) -> Value {
    serde_json::from_str(AuditRecord::new(decision, context, key).unwrap().as_str()).unwrap()
}

fn text(text: &str) -> HeaderText {
    HeaderText::parse(text).unwrap()
}

#[test]
fn a_refusal_says_who_wanted_what_and_why_not() {
    let decision = refused("a \"b\".jpg", at());
    let context = CallContext {
        peer: Some(PeerAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 5)))),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        request_id: Some("r-1".to_owned()),
    };
    let expected = json!({
        "version": 1,
        "time": "2023-11-14T22:13:20.123456Z",
        "decision_id": decision.id.to_string(),
        "event": "refused",
        "reason": "not_granted",
        "method": "IssueDownloadUrl",
        "operation": "download",
        "caller": {
            "caller_id": "0123456789abcdef0123456789abcdef",
            "issuer": "https://issuer.example",
            "subject": "somebody",
        },
        "peer": { "address": "127.0.0.1:5" },
        "bucket": "media",
        "key": "a \"b\".jpg",
        "tier": "tier-1",
        "request_id": "r-1",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    });
    assert_eq!(fields(&decision, &context, KeyForm::Plain), expected);
}

#[test]
fn a_subject_that_is_not_from_sub_says_its_claim() {
    let with_subject = |subject: Subject| {
        let caller = caller("somebody");
        let token = TokenIdentity { subject, ..(**caller.token().unwrap()).clone() };
        let decision = Decision { caller: Arc::new(Caller::from_token(Arc::new(token))), ..refused("a", at()) };
        fields(&decision, &CallContext::default(), KeyForm::Plain)["caller"].clone()
    };
    let from_claim = with_subject(Subject::from_claim("somebody", &ClaimPath::parse("/user/id").unwrap()));
    assert_eq!((&from_claim["subject"], &from_claim["subject_claim"]), (&json!("somebody"), &json!("/user/id")));
    let from_sub = with_subject(Subject::from("somebody"));
    assert_eq!((&from_sub["subject"], from_sub.get("subject_claim")), (&json!("somebody"), None));
}

#[test]
fn an_issued_upload_says_what_its_url_binds() {
    let terms = PermittedUpload {
        content_type: Some(text("image/jpeg")),
        content_length: Some(5),
        checksum: Some(Checksum::new(ChecksumAlgorithm::Crc32c, &[1, 2, 3, 4]).unwrap()),
        create_only: true,
        if_match: Some(EntityTag::parse("\"x\"").unwrap()),
        storage_class: Some(StorageClass::GlacierInstantRetrieval),
        encryption: Some(Arc::new(Encryption {
            algorithm: EncryptionAlgorithm::Kms,
            kms_key_id: Some(text("arn:aws:kms:eu-central-1:111122223333:key/x")),
            context: Some(text("e30=")),
            bucket_key: Some(true),
        })),
        record_decision: true,
        // Not for the record.
        cache_control: Some(text("no-store")),
        metadata: vec![(MetadataName::parse("a").unwrap(), text("b"))],
        ..PermittedUpload::default()
    };
    let terms = IssuedTerms::Upload(Arc::new(terms));
    let decision = decision(UseCase::IssueUploadUrl, "a", at(), issued(terms));
    let fields = fields(&decision, &CallContext::default(), KeyForm::Plain);
    assert_eq!((&fields["event"], &fields["operation"]), (&json!("upload_url_issued"), &json!("upload")));
    assert_eq!(
        fields["terms"],
        json!({
            "content_type": "image/jpeg",
            "content_length": 5,
            "checksum": { "algorithm": "crc32c", "value": "AQIDBA==" },
            "create_only": true,
            "if_match": "\"x\"",
            "storage_class": "GLACIER_IR",
            "encryption": { "algorithm": "aws:kms", "kms_key_id": "arn:aws:kms:eu-central-1:111122223333:key/x" },
            "record_decision": true,
        })
    );
    let end = (&fields["expires_at"], &fields["expiry_limited_by"]);
    assert_eq!(end, (&json!("2023-11-14T22:28:20Z"), &json!("tier_max_ttl")));
    assert_eq!((&fields["rule"], &fields["endpoint"]), (&json!("grant[0]"), &json!("default")));
}

#[test]
fn an_issued_download_says_what_its_urls_bind() {
    let terms = PermittedDownload {
        version_id: Some(text("v1")),
        response_overrides: vec![
            (ResponseOverride::ContentType, text("text/plain")),
            (ResponseOverride::ContentDisposition, text("attachment")),
            // Not for the record.
            (ResponseOverride::CacheControl, text("no-store")),
        ],
    };
    let terms = IssuedTerms::Download { terms: Arc::new(terms), stable: true };
    let decision = decision(UseCase::IssueDownloadUrl, "a", at(), issued(terms));
    let fields = fields(&decision, &CallContext::default(), KeyForm::Plain);
    assert_eq!(fields["event"], "download_url_issued");
    assert_eq!(
        fields["terms"],
        json!({
            "version_id": "v1",
            "response_content_type": "text/plain",
            "response_content_disposition": "attachment",
            "stable": true,
        })
    );
}

#[test]
fn a_verification_says_what_was_found() {
    let outcome = Outcome::Verified {
        grant: "g".into(),
        as_expected: false,
        mismatches: vec!["content_length"],
        unknown: vec!["checksum"],
    };
    let fields = fields(&decision(UseCase::VerifyUpload, "a", at(), outcome), &CallContext::default(), KeyForm::Plain);
    assert_eq!((&fields["event"], &fields["as_expected"]), (&json!("upload_verified"), &json!(false)));
    assert_eq!((&fields["mismatches"], &fields["unknown"]), (&json!(["content_length"]), &json!(["checksum"])));
}

#[test]
fn failed_and_refused_are_distinguished_and_a_denial_is_named() {
    let unavailable = BrokerError::Inspection(InspectionError::Unavailable("the cause".to_owned()));
    let denied = BrokerError::Refused(RefusalReason::Denied("stolen-laptop".into()));
    for (error, event, reason, rule) in
        [(unavailable, "failed", "storage_unavailable", None), (denied, "refused", "denied", Some("stolen-laptop"))]
    {
        let decision = decision(UseCase::VerifyUpload, "a", at(), Outcome::Failed(error));
        let fields = fields(&decision, &CallContext::default(), KeyForm::Plain);
        assert_eq!((&fields["event"], &fields["reason"]), (&json!(event), &json!(reason)));
        assert_eq!(fields["rule"].as_str(), rule);
    }
}

#[test]
fn a_key_can_be_left_out_for_its_digest() {
    let fields = fields(&refused("abc", at()), &CallContext::default(), KeyForm::Sha256);
    assert!(fields.get("key").is_none());
    // FIPS 180-4, the first example.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(fields["key_sha256"], digest);
}

#[test]
fn groups_and_claims_are_in_no_record_and_nothing_is_in_the_debug_output() {
    let record = AuditRecord::new(&refused("a", at()), &CallContext::default(), KeyForm::Plain).unwrap();
    assert!(!record.as_str().contains("secret-group") && !record.as_str().contains("example.com"));
    assert!(!format!("{record:?}").contains("somebody"));
}
