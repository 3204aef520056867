//! Multipart uploads.

use aws_sdk_s3::types::{ChecksumMode, CompletedMultipartUpload, CompletedPart, StorageClass};

use super::peer::{BUCKET, Peer, an_hour, base64_sha256};

#[tokio::test]
async fn an_object_in_parts_has_the_attributes_of_its_beginning() {
    let peer = Peer::start().await;
    for key in ["in parts".to_owned(), "k".repeat(1_024)] {
        let whole = peer.put(&key).checksum_sha256(base64_sha256(b"whole")).tagging("old=1");
        assert_eq!(peer.send(&whole.presigned(an_hour()).await.unwrap(), "whole").await.status, 200);

        let create = peer.sdk.create_multipart_upload().bucket(BUCKET).key(&key).content_type("text/plain");
        let create = create.tagging("new=1").storage_class(StorageClass::GlacierIr).metadata("owner", "user-one");
        let begun = create.send().await.unwrap();
        assert_eq!((begun.bucket(), begun.key()), (Some(BUCKET), Some(key.as_str())));
        let upload_id = begun.upload_id().unwrap();
        let part = peer.sdk.upload_part().bucket(BUCKET).key(&key).upload_id(upload_id).part_number(1);
        let answer = peer.send(&part.presigned(an_hour()).await.unwrap(), "the only part").await;
        assert_eq!(answer.status, 200);
        let parts = peer.sdk.list_parts().bucket(BUCKET).key(&key).upload_id(upload_id).send().await.unwrap();
        assert_eq!((parts.key(), parts.parts().len()), (Some(key.as_str()), 1));

        let part = CompletedPart::builder().part_number(1).e_tag(answer.header("etag")).build();
        let parts = CompletedMultipartUpload::builder().parts(part).build();
        let complete = peer.sdk.complete_multipart_upload().bucket(BUCKET).key(&key).upload_id(upload_id);
        let complete = complete.multipart_upload(parts);
        let refused = complete.clone().if_none_match("*").send().await.unwrap_err();
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), 412);
        let completed = complete.send().await.unwrap();
        assert_eq!(completed.key(), Some(key.as_str()));

        let head = peer.sdk.head_object().bucket(BUCKET).key(&key).checksum_mode(ChecksumMode::Enabled);
        let head = head.send().await.unwrap();
        assert_eq!(head.e_tag(), completed.e_tag());
        assert_eq!(head.content_length(), Some(13));
        assert_eq!(head.content_type(), Some("text/plain"));
        assert_eq!(head.storage_class(), Some(&StorageClass::GlacierIr));
        assert_eq!(head.metadata().unwrap()["owner"], "user-one");
        assert_eq!(head.checksum_sha256(), None, "that was the checksum of the object before");
        let tags = peer.sdk.get_object_tagging().bucket(BUCKET).key(&key).send().await.unwrap();
        assert_eq!(tags.tag_set().iter().map(aws_sdk_s3::types::Tag::key).collect::<Vec<_>>(), ["new"]);
    }
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let peer = Peer::start().await;
    let create = peer.sdk.create_multipart_upload().bucket(BUCKET).key("aborted").tagging("a=b");
    let begun = create.send().await.unwrap();
    let attributes = peer.folder.path().join("media_attributes");
    assert_eq!(std::fs::read_dir(&attributes).unwrap().count(), 1);
    let abort = peer.sdk.abort_multipart_upload().bucket(BUCKET).key("aborted").upload_id(begun.upload_id().unwrap());
    abort.send().await.unwrap();
    assert_eq!(std::fs::read_dir(&attributes).unwrap().count(), 0);
    assert_eq!(peer.send(&peer.get("aborted").presigned(an_hour()).await.unwrap(), "").await.status, 404);
}
