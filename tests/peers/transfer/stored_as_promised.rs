//! What is stored, compared with everything that was promised and that the tier imposes.

use access_broker::contract::proto::{
    IssueDownloadUrlRequest, IssueUploadUrlRequest, VerifyUploadRequest, VerifyUploadResponse,
};
use access_broker_policy::ChecksumAlgorithm;
use aws_sdk_s3::config::{Config, RequestChecksumCalculation};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tonic::Code;

use super::checksums::{checksum, sha256};
use super::clients::{HttpClient, HttpRequest};
use super::fixture::{Fixture, Settings, upload};
use super::servers::{BUCKET, Peer, S3Server};
use crate::registry::{Registry, register, register_on};
use crate::support::field_violations;

pub(super) fn register(registry: &mut Registry<'_>) {
    register_on!(
        registry,
        [Peer::Embedded, Peer::Moto],
        [],
        an_upload_as_signed_is_as_expected_in_a_tier_that_imposes_everything,
        whatever_deviates_is_named,
        a_key_of_kms_is_compared
    );
    register_on!(
        registry,
        [Peer::Embedded, Peer::Rclone],
        [],
        what_the_tier_imposes_is_signed_and_another_value_is_refused,
        content_headers_that_the_holder_adds_are_found
    );
    register!(registry, [Rclone], a_server_that_keeps_less_is_found_out, an_object_is_not_taken_for_its_own_tags);
    register_on!(registry, [Peer::Embedded, Peer::Rgw], [], encryption_that_a_server_leaves_out_is_named);
    register_on!(
        registry,
        [Peer::Embedded, Peer::Moto, Peer::SeaweedFs, Peer::Rgw],
        [],
        tags_are_read_from_every_server_that_has_them
    );
    register!(
        registry,
        [],
        the_parts_of_a_disposition_are_compared_as_they_are_stored,
        what_was_uploaded_as_signed_is_as_expected_and_one_deviation_is_named
    );
}

const POLICY: &str = include_str!("fixture/verification.toml");
const CONTENT: &[u8] = b"as promised";

/// A server that is known to check every checksum.
const CHECKING: &str = "unsigned_headers = \"refused\"\n\
     checksums = [\"crc32\", \"crc32c\", \"crc64nvme\", \"md5\", \"sha1\", \"sha256\"]";
/// One of which nothing is known.
const UNKNOWN: &str = "unsigned_headers = \"refused\"";

async fn fixture(peer: Peer, bucket: &str) -> Fixture {
    let s3 = S3Server::start(peer).await;
    Box::pin(Fixture::with(s3, Settings { policy: POLICY, bucket, ..Settings::default() })).await
}

async fn embedded() -> Fixture {
    fixture(Peer::Embedded, CHECKING).await
}

fn pairs<const N: usize, M: FromIterator<(String, String)>>(pairs: [(&str, &str); N]) -> M {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Everything that a caller can promise in the strict tier.
fn strict(key: &str) -> IssueUploadUrlRequest {
    IssueUploadUrlRequest {
        content_type: Some("image/jpeg".to_owned()),
        content_length: Some(CONTENT.len() as u64),
        checksum: Some(checksum(ChecksumAlgorithm::Md5, CONTENT)),
        metadata: pairs([("purpose", "a b"), ("a.b_c-1", "x")]),
        tags: pairs([("team", "größer")]),
        storage_class: Some("STANDARD_IA".to_owned()),
        ..upload(key)
    }
}

/// What was promised, and nothing else.
fn expecting(promise: &IssueUploadUrlRequest) -> VerifyUploadRequest {
    VerifyUploadRequest {
        key: promise.key.clone(),
        content_length: promise.content_length,
        content_type: promise.content_type.clone(),
        checksum: promise.checksum.clone(),
        metadata: promise.metadata.clone(),
        content_disposition: promise.content_disposition.clone(),
        content_encoding: promise.content_encoding.clone(),
        cache_control: promise.cache_control.clone(),
        tags: promise.tags.clone(),
        storage_class: promise.storage_class.clone(),
        disposition: promise.disposition.clone(),
        nothing_else: true,
        ..VerifyUploadRequest::default()
    }
}

/// States nothing but the object.
fn unstated(key: &str) -> VerifyUploadRequest {
    VerifyUploadRequest { key: key.to_owned(), ..VerifyUploadRequest::default() }
}

async fn verified(fixture: &Fixture, request: VerifyUploadRequest) -> VerifyUploadResponse {
    let answer = fixture.caller.verify_upload(request).await.unwrap();
    assert_eq!(answer.as_expected, answer.mismatches.is_empty() && answer.unknown.is_empty());
    answer
}

fn assert_found(answer: &VerifyUploadResponse, mismatches: &[&str], unknown: &[&str], what: &str) {
    assert_eq!((&*answer.mismatches, &*answer.unknown), (&strings(mismatches)[..], &strings(unknown)[..]), "{what}");
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn an_upload_as_signed_is_as_expected_in_a_tier_that_imposes_everything(peer: Peer) {
    as_signed_is_as_expected(peer, UNKNOWN).await;
    if peer == Peer::Embedded {
        as_signed_is_as_expected(peer, CHECKING).await;
    }
}

async fn as_signed_is_as_expected(peer: Peer, bucket: &str) {
    {
        let fixture = fixture(peer, bucket).await;
        let promise = strict("strict/a b+ü.jpg");
        let issued = fixture.caller.issue_upload(promise.clone()).await.unwrap();
        let put = HttpRequest::promised(&issued.put.unwrap()).with_body(CONTENT);
        let etag =
            HttpClient::reqwest().send(&put).await.expect_success("the upload").header("etag").unwrap().to_owned();
        let decision_id = Some(issued.decision_id.clone());
        let stated = VerifyUploadRequest { decision_id, etag: Some(etag), ..expecting(&promise) };
        for request in [stated, expecting(&promise), unstated(&promise.key)] {
            let answer = verified(&fixture, request).await;
            assert_found(&answer, &[], &[], &format!("{peer:?}"));
            let object = answer.object.unwrap();
            assert_eq!((object.encryption.as_deref(), object.storage_class.as_str()), (Some("AES256"), "STANDARD_IA"));
            assert_eq!(object.metadata, promise.metadata, "{peer:?}");
            assert_eq!(object.tags, pairs([("team", "größer"), ("origin", "broker")]), "{peer:?}");
            assert_eq!(object.decision_id.as_ref(), Some(&issued.decision_id));
            let headers = [&object.cache_control, &object.content_disposition, &object.content_encoding];
            assert_eq!(headers.map(|header| header.as_deref().unwrap()), ["no-store", "attachment", "gzip"]);
        }
        let request = IssueDownloadUrlRequest { must_exist: true, key: promise.key, ..Default::default() };
        let object = fixture.caller.issue_download(request).await.unwrap().object.unwrap();
        assert_eq!((object.storage_class.as_str(), object.metadata), ("STANDARD_IA", promise.metadata));
        fixture.finish().await;
    }
}

async fn what_the_tier_imposes_is_signed_and_another_value_is_refused(peer: Peer) {
    let fixture = fixture(peer, UNKNOWN).await;
    let same = IssueUploadUrlRequest {
        cache_control: Some("no-store".to_owned()),
        content_disposition: Some("attachment".to_owned()),
        content_encoding: Some("gzip".to_owned()),
        ..strict("strict/a")
    };
    let put = HttpRequest::promised(&fixture.put(same).await).with_body(CONTENT);
    let mut client = HttpClient::reqwest();
    for (name, other) in
        [("cache-control", "public"), ("content-disposition", "inline"), ("content-encoding", "identity")]
    {
        let what = format!("{name} on {peer:?}");
        client.send(&put.clone().without_header(name)).await.expect_refusal(&what);
        client.send(&put.clone().with_header(name, other)).await.expect_refusal(&what);
    }
    client.send(&put).await.expect_success("as promised");
    let refused = fixture.caller.issue_upload(IssueUploadUrlRequest {
        cache_control: Some("public".to_owned()),
        content_disposition: Some("attachment; filename=\"x\"".to_owned()),
        content_encoding: Some("br".to_owned()),
        ..strict("strict/a")
    });
    let refused = refused.await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(field_violations(&refused), ["cache_control", "content_disposition", "content_encoding"]);
    fixture.finish().await;
}

type Change = fn(PutObjectFluentBuilder) -> PutObjectFluentBuilder;

/// What somebody else stores in place of a promised upload, by the names that tell of it, where nothing else may be there;
/// and whether they tell of it where a caller states nothing.
const DEVIATIONS: [(Change, &[&str], bool); 20] = [
    (|put| put, &[], true),
    (|put| put.body(ByteStream::from_static(b"or else")), &["content_length", "checksum"], false),
    (
        |put| put.body(ByteStream::from_static(b"as promised and more than that")),
        &["content_length", "checksum"],
        false,
    ),
    (|put| put.body(ByteStream::from_static(b"of the same")), &["checksum"], false),
    (|put| put.content_type("image/png"), &["content_type"], false),
    (|put| put.content_type("text/html"), &["content_type"], true),
    (|put| put.content_type("image/jpeg; a=b"), &["content_type"], true),
    (|put| put.metadata("purpose", "a c"), &["metadata"], false),
    (|put| put.metadata("more", "x"), &["metadata"], false),
    (|put| put.metadata("access-broker-decision", "x"), &["decision_id"], true),
    (|put| put.cache_control("public"), &["cache_control"], true),
    (|put| put.content_disposition("inline"), &["content_disposition"], true),
    (|put| put.content_encoding("br"), &["content_encoding"], true),
    (|put| put.tagging("team=x&origin=broker"), &["tags"], false),
    (|put| put.tagging("team=gr%C3%B6%C3%9Fer&origin=me"), &["tags"], true),
    (|put| put.tagging("team=gr%C3%B6%C3%9Fer&origin=broker&a=b"), &["tags"], false),
    (|put| put.set_tagging(None), &["tags"], true),
    (|put| put.storage_class(StorageClass::Standard), &["storage_class"], false),
    (|put| put.storage_class(StorageClass::ReducedRedundancy), &["storage_class"], true),
    (|put| put.set_server_side_encryption(None), &["encryption"], true),
];

async fn whatever_deviates_is_named(peer: Peer) {
    let fixture = fixture(peer, CHECKING).await;
    let promise = strict("strict/a");
    let decision_id = fixture.caller.issue_upload(promise.clone()).await.unwrap().decision_id;
    let stated = VerifyUploadRequest { decision_id: Some(decision_id.clone()), ..expecting(&promise) };
    for (index, (change, names, tells_unstated)) in DEVIATIONS.into_iter().enumerate() {
        let as_promised = fixture
            .s3
            .sdk()
            .put_object()
            .bucket(BUCKET)
            .key(&promise.key)
            .body(ByteStream::from_static(CONTENT))
            .content_type("image/jpeg")
            .metadata("purpose", "a b")
            .metadata("a.b_c-1", "x")
            .metadata("access-broker-decision", &decision_id)
            .cache_control("no-store")
            .content_disposition("attachment")
            .content_encoding("gzip")
            .tagging("team=gr%C3%B6%C3%9Fer&origin=broker")
            .storage_class(StorageClass::StandardIa)
            .server_side_encryption(ServerSideEncryption::Aes256);
        let plain = Config::builder().request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        change(as_promised).customize().config_override(plain).send().await.unwrap();
        let what = format!("deviation {index} on {peer:?}");
        assert_found(&verified(&fixture, stated.clone()).await, names, &[], &what);
        let imposed = if tells_unstated { names } else { &[] };
        let imposed = if index == 2 { &["content_length"] } else { imposed };
        assert_found(&verified(&fixture, unstated(&promise.key)).await, imposed, &[], &what);
    }
    fixture.finish().await;
}

async fn a_key_of_kms_is_compared(peer: Peer) {
    let fixture = fixture(peer, UNKNOWN).await;
    fixture.upload(upload("kms/a"), b"x").await;
    assert_found(&verified(&fixture, unstated("kms/a")).await, &[], &[], &format!("{peer:?}"));
    let sdk = fixture.s3.sdk();
    for (algorithm, key, names) in [
        (Some(ServerSideEncryption::AwsKms), Some("tier"), &["bucket_key"][..]),
        (
            Some(ServerSideEncryption::AwsKms),
            Some("arn:aws:kms:eu-west-1:123456789012:key/other"),
            &["kms_key_id", "bucket_key"],
        ),
        (Some(ServerSideEncryption::Aes256), None, &["encryption", "kms_key_id", "bucket_key"]),
        (None, None, &["encryption", "kms_key_id", "bucket_key"]),
    ] {
        let put = sdk.put_object().bucket(BUCKET).key("kms/a").body(ByteStream::from_static(b"x"));
        let put = put.set_server_side_encryption(algorithm).set_ssekms_key_id(key.map(str::to_owned));
        put.send().await.unwrap();
        assert_found(&verified(&fixture, unstated("kms/a")).await, names, &[], &format!("{key:?} on {peer:?}"));
    }
    fixture.finish().await;
}

/// rclone gives back whatever checksum the upload claimed, and has no tags. It gives back the headers of classes and of
/// encryption, too, and has neither: what a server says of itself cannot be checked.
async fn a_server_that_keeps_less_is_found_out() {
    let fixture = fixture(Peer::Rclone, UNKNOWN).await;
    let other: &[u8] = b"of the same";
    let claimed = IssueUploadUrlRequest { checksum: Some(sha256(CONTENT)), ..upload("claimed") };
    let put = HttpRequest::promised(&fixture.put(claimed.clone()).await).with_body(other);
    HttpClient::reqwest().send(&put).await.expect_success("another content, which rclone takes");
    let stated = VerifyUploadRequest { nothing_else: false, ..expecting(&claimed) };
    let answer = verified(&fixture, stated).await;
    assert_eq!(answer.object.as_ref().unwrap().checksums, [sha256(CONTENT)], "rclone tells what was claimed");
    assert_found(&answer, &[], &["checksum"], "what is claimed proves nothing");
    // Its tag is the MD5 of what it has.
    for (content, unknown) in [(other, &[][..]), (CONTENT, &["checksum"])] {
        let md5 = Some(checksum(ChecksumAlgorithm::Md5, content));
        let request = VerifyUploadRequest { checksum: md5, ..unstated("claimed") };
        assert_found(&verified(&fixture, request).await, &[], unknown, "by the tag");
    }
    let promise = strict("strict/a");
    fixture.upload(promise.clone(), CONTENT).await;
    let answer = verified(&fixture, expecting(&promise)).await;
    assert_found(&answer, &[], &["tags"], "in the strict tier");
    fixture.finish().await;
}

/// rclone answers a question for tags with the object itself.
async fn an_object_is_not_taken_for_its_own_tags() {
    let fixture = fixture(Peer::Rclone, UNKNOWN).await;
    let content = b"<Tagging><TagSet><Tag><Key>team</Key><Value>x</Value></Tag></TagSet></Tagging>";
    let promise = IssueUploadUrlRequest { tags: pairs([("team", "x")]), ..upload("posing") };
    fixture.upload(promise, content).await;
    let stated = VerifyUploadRequest { tags: pairs([("team", "x")]), ..unstated("posing") };
    assert_found(&verified(&fixture, stated).await, &[], &["tags"], "tags that are not there");
    fixture.finish().await;
}

/// A tier that imposes nothing but encryption.
const ENCRYPTED: &str = r#"
tier = [{ name = "all", bucket = "media", prefix = "", upload = { overwrite = true, encryption = { algorithm = "AES256" } } }]
grant = [{ tiers = "all", operations = "upload", to = { authenticated = true } }]
"#;

/// Ceph takes the header, and stores the object as it is.
async fn encryption_that_a_server_leaves_out_is_named(peer: Peer) {
    let mismatches: &[&str] = if peer == Peer::Rgw { &["encryption"] } else { &[] };
    let s3 = S3Server::start(peer).await;
    let settings = Settings { policy: ENCRYPTED, bucket: peer.settings(), ..Settings::default() };
    let fixture = Box::pin(Fixture::with(s3, settings)).await;
    fixture.upload(upload("plain"), b"x").await;
    assert_found(&verified(&fixture, unstated("plain")).await, mismatches, &[], &format!("{peer:?}"));
    fixture.finish().await;
}

async fn tags_are_read_from_every_server_that_has_them(peer: Peer) {
    let fixture = fixture(peer, peer.settings()).await;
    let promise = IssueUploadUrlRequest { tags: pairs([("team", "x")]), ..upload("tagged") };
    fixture.upload(promise, b"x").await;
    for (value, mismatches) in [("x", &[][..]), ("y", &["tags"])] {
        let stated = VerifyUploadRequest { tags: pairs([("team", value)]), ..unstated("tagged") };
        assert_found(&verified(&fixture, stated).await, mismatches, &[], &format!("{peer:?} {value}"));
    }
    fixture.finish().await;
}

/// Only the holder knows of these before they are stored: S3 takes them beside what is signed.
async fn content_headers_that_the_holder_adds_are_found(peer: Peer) {
    let fixture = fixture(peer, UNKNOWN).await;
    for (name, value, aspect) in [
        ("cache-control", "public, max-age=31536000", "cache_control"),
        ("content-disposition", "inline; filename=\"x.html\"", "content_disposition"),
        ("content-encoding", "gzip", "content_encoding"),
        ("content-language", "de", "content_language"),
    ] {
        let promise = IssueUploadUrlRequest { content_type: Some("image/jpeg".to_owned()), ..upload(name) };
        let put = HttpRequest::promised(&fixture.put(promise.clone()).await).with_body(b"x");
        let what = format!("{name} on {peer:?}");
        HttpClient::reqwest().send(&put.with_header(name, value)).await.expect_success(&what);
        let closed = verified(&fixture, expecting(&promise)).await;
        assert!(closed.mismatches.contains(&aspect.to_owned()), "{what}: {closed:?}");
        let open = VerifyUploadRequest { nothing_else: false, ..expecting(&promise) };
        assert_found(&verified(&fixture, open).await, &[], &[], &what);
    }
    fixture.finish().await;
}

async fn the_parts_of_a_disposition_are_compared_as_they_are_stored() {
    use access_broker::contract::proto::{Disposition, disposition::Type};
    let fixture = embedded().await;
    let parts = |name: &str| Some(Disposition { r#type: Type::Attachment.into(), filename: Some(name.to_owned()) });
    let promise = IssueUploadUrlRequest { disposition: parts("Größe.pdf"), ..upload("a") };
    fixture.upload(promise.clone(), b"x").await;
    assert_found(&verified(&fixture, expecting(&promise)).await, &[], &[], "the same");
    let other = VerifyUploadRequest { disposition: parts("Groesse.pdf"), ..expecting(&promise) };
    assert_found(&verified(&fixture, other).await, &["content_disposition"], &[], "another name");
    let both = VerifyUploadRequest { content_disposition: Some("inline".to_owned()), ..expecting(&promise) };
    let refused = fixture.caller.verify_upload(both).await.unwrap_err();
    assert_eq!((refused.code(), field_violations(&refused)), (Code::InvalidArgument, strings(&["disposition"])));
    fixture.finish().await;
}

fn text() -> impl Strategy<Value = String> {
    // No commas: some values would be lists.
    "[!-+\\--~]{1,20}( [!-+\\--~]{1,20}){0,2}"
}

fn promises() -> impl Strategy<Value = IssueUploadUrlRequest> {
    let kinds = proptest::sample::select(ChecksumAlgorithm::ALL.to_vec());
    let encodings = proptest::sample::select(vec!["gzip", "br", "zstd", "x-own, gzip"]);
    let classes = proptest::sample::select(vec!["STANDARD", "STANDARD_IA", "GLACIER_IR"]);
    let tags = proptest::collection::btree_map(
        proptest::sample::select(vec!["team", "cost centre"]).prop_map(str::to_owned),
        "[a-zA-Z0-9äß +=._:/@-]{0,20}",
        0..3,
    );
    (
        proptest::option::of("[a-z]{1,8}/[a-z]{1,8}(; charset=utf-8)?"),
        any::<bool>(),
        proptest::option::of(kinds),
        proptest::collection::btree_map("[a-z0-9][a-z0-9._-]{0,15}", text(), 0..4),
        proptest::option::of(text()),
        proptest::option::of(encodings),
        proptest::option::of(text()),
        tags,
        proptest::option::of(classes),
    )
        .prop_map(|(content_type, length, kind, metadata, disposition, encoding, cache_control, tags, class)| {
            IssueUploadUrlRequest {
                content_type,
                content_length: length.then_some(CONTENT.len() as u64),
                checksum: kind.map(|kind| checksum(kind, CONTENT)),
                metadata,
                content_disposition: disposition,
                content_encoding: encoding.map(str::to_owned),
                cache_control,
                tags,
                storage_class: class.map(str::to_owned),
                ..upload("")
            }
        })
}

/// A change to a promise, and the name of what does not hold then.
type Alteration = (fn(&mut IssueUploadUrlRequest), &'static str);

/// Every promise that is kept by another value than before, or by none.
const ALTERATIONS: [Alteration; 12] = [
    (|promise| promise.content_type = Some("other/type".to_owned()), "content_type"),
    (|promise| promise.cache_control = Some("other".to_owned()), "cache_control"),
    (|promise| promise.content_disposition = Some("other".to_owned()), "content_disposition"),
    (|promise| promise.content_encoding = Some("other".to_owned()), "content_encoding"),
    (|promise| promise.storage_class = Some("ONEZONE_IA".to_owned()), "storage_class"),
    (|promise| drop(promise.metadata.insert("other".to_owned(), "x".to_owned())), "metadata"),
    (|promise| promise.metadata.values_mut().for_each(|value| value.push('x')), "metadata"),
    (|promise| promise.metadata.clear(), "metadata"),
    (|promise| promise.tags.values_mut().for_each(|value| value.push('x')), "tags"),
    (|promise| promise.tags.clear(), "tags"),
    (|promise| promise.cache_control = None, "cache_control"),
    (|promise| promise.content_disposition = None, "content_disposition"),
];

async fn what_was_uploaded_as_signed_is_as_expected_and_one_deviation_is_named() {
    let policy = POLICY.replace("\"GLACIER_IR\"]", "\"GLACIER_IR\", \"ONEZONE_IA\"]");
    let settings = Settings { policy: &policy, bucket: CHECKING, ..Settings::default() };
    let fixture = Fixture::with(S3Server::embedded(|_| {}).await, settings).await;
    let mut runner = TestRunner::deterministic();
    for number in 0..96 {
        let promise = promises().new_tree(&mut runner).unwrap().current();
        let promise = IssueUploadUrlRequest { key: format!("property/{number}"), ..promise };
        fixture.upload(promise.clone(), CONTENT).await;
        let answer = verified(&fixture, expecting(&promise)).await;
        assert_found(&answer, &[], &[], &format!("{promise:?}"));

        let (alter, name) = ALTERATIONS[number % ALTERATIONS.len()];
        let mut altered = promise.clone();
        alter(&mut altered);
        if altered == promise || (name == "content_type" && promise.content_type.is_none()) {
            continue;
        }
        fixture.upload(altered.clone(), CONTENT).await;
        let answer = verified(&fixture, expecting(&promise)).await;
        // A class that no promise names is STANDARD, and the tier lets others in.
        let names: &[&str] = if name == "storage_class" && promise.storage_class.is_none() { &[] } else { &[name] };
        assert_found(&answer, names, &[], &format!("{promise:?} as {altered:?}"));
    }
    fixture.finish().await;
}
