//! Headers that say how S3 keeps an object and whose bucket is meant.

use access_broker::contract::proto::{IssueDownloadUrlRequest, IssueUploadUrlRequest};
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use tonic::Code;

use super::clients::{HttpClient, HttpRequest};
use super::fixture::{Fixture, Settings, download, upload};
use super::servers::{BUCKET, Peer, S3Server};
use crate::registry::{Registry, register, register_on};
use crate::support::field_violations;

pub(super) fn register(registry: &mut Registry<'_>) {
    register_on!(
        registry,
        [Peer::Embedded, Peer::Moto],
        [],
        tags_class_and_encryption_are_what_the_tier_and_the_caller_said
    );
    register_on!(registry, [Peer::Embedded, Peer::Rclone], [], what_the_tier_says_is_signed);
    register!(
        registry,
        [],
        what_the_tier_does_not_let_callers_say_is_not_signed,
        the_owner_and_who_pays_are_in_every_request,
        a_link_says_in_its_query_who_pays,
        a_bucket_that_is_another_ones_by_now_gets_nothing
    );
}

const KEY: &str = "archived/a b";
const SECRET_KEY: &str = "secret/a";

/// An upload with what the caller may choose; the tier adds its own.
fn promise() -> IssueUploadUrlRequest {
    IssueUploadUrlRequest {
        tags: [("team", "größer + besser=@"), ("cost centre", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        storage_class: Some("STANDARD_IA".to_owned()),
        ..upload(KEY)
    }
}

async fn tags_class_and_encryption_are_what_the_tier_and_the_caller_said(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let sdk = fixture.s3.sdk();
    fixture.upload(promise(), b"x").await;
    let head = sdk.head_object().bucket(BUCKET).key(KEY).send().await.unwrap();
    assert_eq!(head.storage_class(), Some(&StorageClass::StandardIa), "{peer:?}");
    assert_eq!(head.server_side_encryption(), Some(&ServerSideEncryption::Aes256), "{peer:?}");
    let answer = sdk.get_object_tagging().bucket(BUCKET).key(KEY).send().await.unwrap();
    let mut tags: Vec<_> = answer.tag_set().iter().map(|tag| (tag.key(), tag.value())).collect();
    tags.sort_unstable();
    assert_eq!(tags, [("cost centre", ""), ("origin", "broker"), ("team", "größer + besser=@")], "{peer:?}");

    fixture.upload(upload(SECRET_KEY), b"x").await;
    let head = sdk.head_object().bucket(BUCKET).key(SECRET_KEY).send().await.unwrap();
    assert_eq!(head.server_side_encryption(), Some(&ServerSideEncryption::AwsKms), "{peer:?}");
    assert_eq!(head.ssekms_key_id(), Some("arn:aws:kms:eu-west-1:123456789012:key/tier"), "{peer:?}");
    assert_eq!(head.bucket_key_enabled(), Some(true), "{peer:?}");
    fixture.finish().await;
}

async fn what_the_tier_says_is_signed(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let archived = HttpRequest::promised(&fixture.put(promise()).await).with_body(b"x");
    let secret = HttpRequest::promised(&fixture.put(upload(SECRET_KEY)).await).with_body(b"x");
    let mut client = HttpClient::reqwest();
    for (promised, key, name, other) in [
        (&archived, KEY, "x-amz-tagging", "origin=caller"),
        (&archived, KEY, "x-amz-storage-class", "STANDARD"),
        (&archived, KEY, "x-amz-server-side-encryption", "aws:kms"),
        (&secret, SECRET_KEY, "x-amz-server-side-encryption", "AES256"),
        (&secret, SECRET_KEY, "x-amz-server-side-encryption-aws-kms-key-id", "other"),
        (&secret, SECRET_KEY, "x-amz-server-side-encryption-context", "e30="),
        (&secret, SECRET_KEY, "x-amz-server-side-encryption-bucket-key-enabled", "false"),
    ] {
        let what = format!("{name} on {peer:?}");
        assert!(promised.headers.contains_key(name), "{what}");
        client.send(&promised.clone().without_header(name)).await.expect_refusal(&what);
        client.send(&promised.clone().with_header(name, other)).await.expect_refusal(&what);
        assert!(fixture.stored(key).await.is_none(), "{what}: stored all the same");
    }
    for promised in [archived, secret] {
        client.send(&promised).await.expect_success("as promised");
    }
    fixture.finish().await;
}

async fn what_the_tier_does_not_let_callers_say_is_not_signed() {
    let fixture = Fixture::embedded().await;
    for (field, request) in [
        ("tags", IssueUploadUrlRequest { tags: [("origin".to_owned(), "me".to_owned())].into(), ..upload(KEY) }),
        ("tags", IssueUploadUrlRequest { tags: [("x".to_owned(), "y".to_owned())].into(), ..upload(KEY) }),
        ("storage_class", IssueUploadUrlRequest { storage_class: Some("GLACIER".to_owned()), ..upload(KEY) }),
    ] {
        let refused = fixture.caller.issue_upload(request).await.unwrap_err();
        assert_eq!((refused.code(), field_violations(&refused)), (Code::InvalidArgument, vec![field.to_owned()]));
    }
    fixture.finish().await;
}

/// A bucket of an account, for whose transfers the requester pays.
async fn owned(expected_owner: &str) -> Fixture {
    let s3 = S3Server::embedded(|options| {
        options.owner = Some("123456789012".to_owned());
        options.requester_pays = true;
    })
    .await;
    let bucket = format!("expected_bucket_owner = \"{expected_owner}\"\nrequester_pays = true");
    Fixture::with(s3, Settings { bucket: &bucket, ..Settings::default() }).await
}

async fn the_owner_and_who_pays_are_in_every_request() {
    let fixture = owned("123456789012").await;
    let mut client = HttpClient::reqwest();
    let put = fixture.put(upload("a")).await;
    client.send(&HttpRequest::promised(&put).with_body(b"x")).await.expect_success("the upload");
    let issued = fixture.caller.issue_download(download("a")).await.unwrap();
    let owner = ("x-amz-expected-bucket-owner", "210987654321");
    let payer = ("x-amz-request-payer", "owner");
    for (signed, headers) in
        [(put, vec![owner, payer]), (issued.get.unwrap(), vec![owner]), (issued.head.unwrap(), vec![owner])]
    {
        let mut names: Vec<_> = signed.headers.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, headers.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "{}", signed.method);
        let mut promised = HttpRequest::promised(&signed);
        promised.body = (promised.method == "PUT").then(|| b"x".to_vec());
        for (name, other) in headers {
            let what = format!("{} {name}", signed.method);
            client.send(&promised.clone().without_header(name)).await.expect_refusal(&what);
            client.send(&promised.clone().with_header(name, other)).await.expect_refusal(&what);
        }
        client.send(&promised).await.expect_success(&signed.method);
    }
    let request = IssueDownloadUrlRequest { must_exist: true, ..download("a") };
    assert_eq!(fixture.caller.issue_download(request).await.unwrap().object.unwrap().size, 1, "the broker pays, too");
    fixture.finish().await;
}

/// A browser that follows a link sends no header of its own.
async fn a_link_says_in_its_query_who_pays() {
    let s3 = S3Server::embedded(|options| options.requester_pays = true).await;
    let fixture = Fixture::with(s3, Settings { bucket: "requester_pays = true", ..Settings::default() }).await;
    let mut client = HttpClient::reqwest();
    let put = HttpRequest::promised(&fixture.put(upload("a")).await).with_body(b"x");
    client.send(&put).await.expect_success("the upload");
    let issued = fixture.caller.issue_download(download("a")).await.unwrap();
    for signed in [issued.get.unwrap(), issued.head.unwrap()] {
        assert!(signed.headers.is_empty(), "{:?}", signed.headers);
        let promised = HttpRequest::promised(&signed);
        client.send(&promised).await.expect_success(&signed.method);
        for other in ["", "x-amz-request-payer=owner&"] {
            let mut changed = promised.clone();
            changed.url = changed.url.replace("x-amz-request-payer=requester&", other);
            assert_ne!(changed.url, promised.url);
            client.send(&changed).await.expect_refusal(&format!("{} {other:?}", signed.method));
        }
    }
    let request = IssueDownloadUrlRequest { must_exist: true, ..download("a") };
    assert!(fixture.caller.issue_download(request).await.unwrap().object.is_some(), "the broker pays, too");
    fixture.finish().await;
}

async fn a_bucket_that_is_another_ones_by_now_gets_nothing() {
    let fixture = owned("210987654321").await;
    let put = HttpRequest::promised(&fixture.put(upload("a")).await).with_body(b"x");
    HttpClient::reqwest().send(&put).await.expect_refusal("the upload");
    let request = IssueDownloadUrlRequest { must_exist: true, ..download("a") };
    let refused = fixture.caller.issue_download(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    fixture.finish().await;
}
