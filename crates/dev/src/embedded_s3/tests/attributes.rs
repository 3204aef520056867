//! Tags, storage classes and encryption.

use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};

use super::super::{Engine, STANDARD};
use super::peer::{Answer, BUCKET, Peer, an_hour};

async fn upload(peer: &Peer, put: PutObjectFluentBuilder) -> Answer {
    peer.send(&put.presigned(an_hour()).await.unwrap(), "x").await
}

async fn tags_of(peer: &Peer, key: &str) -> Vec<(String, String)> {
    let tags = peer.sdk.get_object_tagging().bucket(BUCKET).key(key).send().await.unwrap();
    tags.tag_set().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
}

/// The answers of HEAD and GET.
async fn get_and_head(peer: &Peer, key: &str) -> [Answer; 2] {
    let head = peer.sdk.head_object().bucket(BUCKET).key(key).presigned(an_hour()).await.unwrap();
    [peer.send(&head, "").await, peer.send(&peer.get(key).presigned(an_hour()).await.unwrap(), "").await]
}

#[tokio::test]
async fn tags_are_stored_and_replaced_with_the_object() {
    let peer = Peer::start().await;
    assert_eq!(upload(&peer, peer.put("tagged").tagging("tier=tier%201&owner=user+one&empty=")).await.status, 200);
    let expected = [("tier", "tier 1"), ("owner", "user one"), ("empty", "")];
    assert_eq!(tags_of(&peer, "tagged").await, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(get_and_head(&peer, "tagged").await[1].header("x-amz-tagging-count"), "3");

    assert_eq!(upload(&peer, peer.put("tagged").tagging("a=b&a=c")).await.code(), "InvalidTag");
    assert_eq!(tags_of(&peer, "tagged").await.len(), 3, "a refused upload changes nothing");
    assert_eq!(upload(&peer, peer.put("tagged")).await.status, 200);
    assert_eq!(tags_of(&peer, "tagged").await, []);
    assert_eq!(get_and_head(&peer, "tagged").await[1].header("x-amz-tagging-count"), "");
}

#[tokio::test]
async fn tags_beyond_the_limits_are_refused() {
    let peer = Peer::start().await;
    let eleven = (0..11).map(|index| format!("k{index}=v")).collect::<Vec<_>>().join("&");
    for tagging in [eleven, format!("{}=v", "k".repeat(129)), format!("k={}", "v".repeat(257)), "=v".to_owned()] {
        let answer = upload(&peer, peer.put("wrong").tagging(&tagging)).await;
        assert_eq!((answer.status, answer.code()), (400, "InvalidTag"), "{tagging}");
    }
    let missing = peer.sdk.get_object_tagging().bucket(BUCKET).key("wrong").send().await;
    assert_eq!(missing.unwrap_err().raw_response().unwrap().status().as_u16(), 404);
}

#[tokio::test]
async fn a_deleted_object_takes_its_attributes_along() {
    let peer = Peer::start().await;
    let put = peer.put("gone").tagging("a=b").metadata("owner", "user-one").storage_class(StorageClass::StandardIa);
    assert_eq!(upload(&peer, put).await.status, 200);
    let delete = peer.sdk.delete_object().bucket(BUCKET).key("gone").presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&delete, "").await.status, 204);
    std::fs::write(peer.folder.path().join(BUCKET).join("gone"), "by hand").unwrap();
    assert_eq!(tags_of(&peer, "gone").await, []);
    for answer in get_and_head(&peer, "gone").await {
        assert_eq!((answer.header("x-amz-storage-class"), answer.header("x-amz-meta-owner")), ("", ""));
    }
}

#[tokio::test]
async fn storage_classes_are_told_but_for_the_standard() {
    let peer = Peer::start().await;
    let standard = peer.put("STANDARD").storage_class(StorageClass::Standard);
    assert_eq!(upload(&peer, standard).await.status, 200);
    assert!(get_and_head(&peer, "STANDARD").await.iter().all(|answer| answer.header("x-amz-storage-class").is_empty()));
    for class in ["STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY"] {
        assert_eq!(upload(&peer, peer.put(class).storage_class(class.into())).await.status, 200, "{class}");
        assert!(get_and_head(&peer, class).await.iter().all(|answer| answer.header("x-amz-storage-class") == class));
    }
    for class in ["GLACIER", "DEEP_ARCHIVE", "standard", "COLD"] {
        let answer = upload(&peer, peer.put(class).storage_class(class.into())).await;
        assert_eq!((answer.status, answer.code()), (400, "InvalidStorageClass"), "{class}");
    }
}

#[tokio::test]
async fn encryption_is_told_as_it_was_asked_for() {
    const ALGORITHM: &str = "x-amz-server-side-encryption";
    const KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id";
    const BUCKET_KEY: &str = "x-amz-server-side-encryption-bucket-key-enabled";
    let peer = Peer::start().await;
    let plain = upload(&peer, peer.put("AES256").server_side_encryption(ServerSideEncryption::Aes256)).await;
    assert_eq!((plain.status, plain.header(ALGORITHM)), (200, "AES256"));
    for algorithm in ["aws:kms", "aws:kms:dsse"] {
        let put = peer.put(algorithm).server_side_encryption(algorithm.into()).ssekms_key_id("a-key");
        let put = put.ssekms_encryption_context(STANDARD.encode("{\"a\":\"b\"}")).bucket_key_enabled(true);
        let mut answers = vec![upload(&peer, put).await];
        answers.extend(get_and_head(&peer, algorithm).await);
        for answer in answers {
            assert_eq!(answer.status, 200);
            let headers = [ALGORITHM, KEY_ID, BUCKET_KEY].map(|name| answer.header(name));
            assert_eq!(headers, [algorithm, "a-key", "true"]);
        }
    }
    for answer in get_and_head(&peer, "AES256").await {
        assert_eq!((answer.header(ALGORITHM), answer.header(KEY_ID)), ("AES256", ""));
    }
    for put in [
        peer.put("wrong").server_side_encryption(ServerSideEncryption::Aes256).ssekms_key_id("a-key"),
        peer.put("wrong").ssekms_key_id("a-key"),
        peer.put("wrong").server_side_encryption("AES128".into()),
        peer.put("wrong").server_side_encryption(ServerSideEncryption::AwsKms).ssekms_encryption_context("no base64"),
    ] {
        assert_eq!(upload(&peer, put).await.status, 400);
    }
}
