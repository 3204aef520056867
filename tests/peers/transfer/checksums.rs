//! A promised checksum holds the content to it.

use access_broker::contract::proto::checksum::Value;
use access_broker::contract::proto::{Checksum, IssueUploadUrlRequest};
use access_broker_dev::checksums::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use access_broker_policy::ChecksumAlgorithm;

use super::clients::{HttpClient, HttpRequest};
use super::fixture::{Fixture, upload};
use super::servers::Peer;
use crate::registry::{Registry, register};

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.add_blocking(
        concat!(module_path!(), "::the_checksums_are_those_of_the_catalogue"),
        &[],
        the_checksums_are_those_of_the_catalogue,
    );
    register!(registry, [], a_content_that_is_not_the_promised_one_is_refused_by_the_embedded_server);
    register!(registry, [Rclone], a_content_that_is_not_the_promised_one_is_refused_by_rclone);
    register!(registry, [SeaweedFs], a_content_that_is_not_the_promised_one_is_refused_by_seaweedfs);
    register!(registry, [Rgw], a_content_that_is_not_the_promised_one_is_refused_by_ceph);
}

const CONTENT: &[u8] = b"123456789";

/// As long, and something else.
const OTHER_CONTENT: &[u8] = b"123456780";

/// A checksum for a message.
pub(super) fn checksum(algorithm: ChecksumAlgorithm, content: &[u8]) -> Checksum {
    let value = match algorithm {
        ChecksumAlgorithm::Crc32 => Value::Crc32(Crc32::checksum(content).to_vec()),
        ChecksumAlgorithm::Crc32c => Value::Crc32c(Crc32c::checksum(content).to_vec()),
        ChecksumAlgorithm::Crc64Nvme => Value::Crc64nvme(Crc64Nvme::checksum(content).to_vec()),
        ChecksumAlgorithm::Md5 => Value::Md5(Md5::checksum(content).to_vec()),
        ChecksumAlgorithm::Sha1 => Value::Sha1(Sha1::checksum(content).to_vec()),
        ChecksumAlgorithm::Sha256 => Value::Sha256(Sha256::checksum(content).to_vec()),
    };
    Checksum { value: Some(value) }
}

pub(super) fn sha256(content: &[u8]) -> Checksum {
    checksum(ChecksumAlgorithm::Sha256, content)
}

fn the_checksums_are_those_of_the_catalogue() {
    // The check values of CRC-32/ISO-HDLC, CRC-32/ISCSI and CRC-64/NVME for "123456789".
    for (algorithm, expected) in [
        (ChecksumAlgorithm::Crc32, Value::Crc32(vec![0xCB, 0xF4, 0x39, 0x26])),
        (ChecksumAlgorithm::Crc32c, Value::Crc32c(vec![0xE3, 0x06, 0x92, 0x83])),
        (ChecksumAlgorithm::Crc64Nvme, Value::Crc64nvme(vec![0xAE, 0x8B, 0x14, 0x86, 0x0A, 0x79, 0x98, 0x88])),
    ] {
        assert_eq!(checksum(algorithm, CONTENT).value, Some(expected));
    }
}

/// By those checksums that the server checks.
async fn a_wrong_content_is_refused(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let mut client = HttpClient::reqwest();
    for algorithm in peer.checks() {
        let key = algorithm.name();
        let promise = IssueUploadUrlRequest { checksum: Some(checksum(*algorithm, CONTENT)), ..upload(key) };
        let put = HttpRequest::promised(&fixture.put(promise).await);
        let what = format!("{key} on {peer:?}");
        client.send(&put.clone().with_body(OTHER_CONTENT)).await.expect_refusal(&what);
        assert!(fixture.stored(key).await.is_none(), "{what}: stored all the same");
        client.send(&put.clone().with_body(CONTENT)).await.expect_success(&what);
        client.send(&put.with_body(OTHER_CONTENT)).await.expect_refusal(&what);
        assert_eq!(fixture.stored(key).await.unwrap().body, CONTENT, "{what}");
    }
    fixture.finish().await;
}

async fn a_content_that_is_not_the_promised_one_is_refused_by_the_embedded_server() {
    a_wrong_content_is_refused(Peer::Embedded).await;
}

async fn a_content_that_is_not_the_promised_one_is_refused_by_rclone() {
    a_wrong_content_is_refused(Peer::Rclone).await;
}

async fn a_content_that_is_not_the_promised_one_is_refused_by_seaweedfs() {
    a_wrong_content_is_refused(Peer::SeaweedFs).await;
}

async fn a_content_that_is_not_the_promised_one_is_refused_by_ceph() {
    a_wrong_content_is_refused(Peer::Rgw).await;
}
