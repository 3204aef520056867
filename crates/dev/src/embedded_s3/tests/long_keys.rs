//! Keys that cannot be file names.

use super::peer::{BUCKET, Peer, an_hour};

/// A key of 1,024 bytes in one segment, one in many, one whose segments fit but whose derived names do not, and one of
/// characters that take three bytes.
fn long_keys() -> [String; 5] {
    let many = "0123456789abcde/".repeat(64);
    [
        "k".repeat(1_024),
        many.trim_end_matches('/').to_owned(),
        format!("tier 1/{}", "s".repeat(200)),
        format!("tier 1/{}/x", "s".repeat(256)),
        "猫".repeat(341),
    ]
}

#[tokio::test]
async fn long_keys_are_stored_apart_from_each_other() {
    let peer = Peer::start().await;
    for key in long_keys() {
        let put = peer.put(&key).content_type("text/plain").metadata("owner", "user-one").tagging("tier=1");
        let answer = peer.send(&put.presigned(an_hour()).await.unwrap(), key.clone()).await;
        assert_eq!(answer.status, 200, "{key}");
    }
    for key in long_keys() {
        let answer = peer.send(&peer.get(&key).presigned(an_hour()).await.unwrap(), "").await;
        assert_eq!((answer.status, answer.body.as_ref()), (200, key.as_bytes()), "{key}");
        assert_eq!(answer.header("content-type"), "text/plain");
        assert_eq!(answer.header("x-amz-meta-owner"), "user-one");
        assert_eq!(answer.header("x-amz-tagging-count"), "1");
    }
}

#[tokio::test]
async fn long_keys_can_be_overwritten_guarded_and_deleted() {
    let peer = Peer::start().await;
    for key in long_keys() {
        let create = peer.put(&key).if_none_match("*").presigned(an_hour()).await.unwrap();
        assert_eq!(peer.send(&create, "1").await.status, 200, "{key}");
        assert_eq!(peer.send(&create, "2").await.status, 412, "{key}");
        let put = peer.put(&key).presigned(an_hour()).await.unwrap();
        assert_eq!(peer.send(&put, "3").await.status, 200, "{key}");
        let delete = peer.sdk.delete_object().bucket(BUCKET).key(&key).presigned(an_hour()).await.unwrap();
        assert_eq!(peer.send(&delete, "").await.status, 204, "{key}");
        let head = peer.sdk.head_object().bucket(BUCKET).key(&key).presigned(an_hour()).await.unwrap();
        assert_eq!(peer.send(&head, "").await.status, 404, "{key}");
    }
    let left = std::fs::read_dir(peer.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_str().unwrap().contains("bWVkaWFfbG9uZ")).collect();
    assert_eq!(left, [""; 0], "nothing of the long ones");
}

#[tokio::test]
async fn a_key_too_long_for_s3_is_refused() {
    let peer = Peer::start().await;
    let put = peer.put(&"k".repeat(1_025)).presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&put, "x").await.status, 400);
}

#[tokio::test]
async fn the_extra_directories_are_not_buckets() {
    let peer = Peer::start().await;
    let key = "k".repeat(1_000);
    let put = peer.put(&key).tagging("a=b").presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&put, "x").await.status, 200);
    for folder in ["media_long", "media_attributes"] {
        let file = std::fs::read_dir(peer.folder.path().join(folder)).unwrap().next().unwrap().unwrap().file_name();
        let get = peer.get(file.to_str().unwrap()).presigned(an_hour()).await.unwrap();
        let line = peer.raw_status_line(&get.uri().replace("/media/", &format!("/{folder}/"))).await;
        assert!(line.starts_with("HTTP/1.1 400"), "{line}");
    }
    let buckets = peer.sdk.list_buckets().send().await.unwrap();
    let names: Vec<_> = buckets.buckets().iter().filter_map(aws_sdk_s3::types::Bucket::name).collect();
    assert_eq!(names, [BUCKET]);
    let listed = peer.sdk.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(listed.key_count(), Some(3));
}
