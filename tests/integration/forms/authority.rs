//! Calls that the HTTP/2 library refuses by itself: they are counted, and the log says what most often causes them.

use serde_json::json;

use crate::support::Broker;
use crate::support::events::MALFORMED_HEADERS;
use crate::support::raw::{DOWNLOAD, END_HEADERS, HEADERS, RST_STREAM, RawClient, frame, header_block};
use crate::support::workloads::setup::{listener, start_with};

const RESETS: &str = "access_broker_http2_errors_total{frame=\"rst_stream\",code=\"protocol_error\"}";

/// What the warning names.
const REMEDY: &str = "set grpc.default_authority";

#[tokio::test]
async fn resets_that_the_library_sends_are_counted() {
    let broker = Broker::builder().silent_s3().start().await;
    let mut client = RawClient::greet(broker.address()).await;
    for stream in [1, 3, 5] {
        // A path with a space is malformed (RFC 9113 section 8.3.1).
        client.send(&frame(HEADERS, END_HEADERS, stream, &header_block("/x y", &[]))).await.unwrap();
        assert_eq!(client.wait_for(RST_STREAM).await.payload, 1_u32.to_be_bytes());
    }
    broker.wait_for_metric(RESETS, 3).await;
    // A connection ends in an error.
    client.send(&frame(HEADERS, END_HEADERS, 0, &[])).await.unwrap();
    broker.wait_for_metric("access_broker_http2_errors_total{frame=\"goaway\",code=\"protocol_error\"}", 1).await;
    broker.assert_serves().await;
    broker.finish().await;
}

#[tokio::test]
async fn the_first_such_call_of_many_is_a_warning_that_names_the_remedy() {
    let broker = start_with([listener("token", "")]).await;
    for authority in ["10.0.0.1:1%2C10.0.0.2:1", "%2Frun%2Fbroker.sock"] {
        let mut client = RawClient::greet(broker.address()).await;
        for stream in [1, 3] {
            let block = header_block(DOWNLOAD, &[]);
            let block = replaced(&block, b"\x06broker", authority.as_bytes());
            client.send(&frame(HEADERS, END_HEADERS, stream, &block)).await.unwrap();
            assert_eq!(client.wait_for(RST_STREAM).await.payload, 1_u32.to_be_bytes(), "{authority}");
        }
    }
    let told = broker.log.of(&MALFORMED_HEADERS);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["level"], &told[0]["peer"]), (&json!("WARN"), &json!("127.0.0.1")));
    assert!(told[0]["cause"].as_str().unwrap().contains(REMEDY), "{told:?}");
    broker.finish().await;
}

#[tokio::test]
async fn unsolicited_acknowledgements_of_pings_leave_no_lines() {
    let broker = start_with([listener("token", "")]).await;
    let lines_before = broker.log.text().lines().filter(|line| line.contains("ping")).count();
    let mut client = RawClient::greet(broker.address()).await;
    // Acknowledgements of pings that were never sent.
    let acknowledgement = frame(6, 1, 0, &[7; 8]);
    client.send(&acknowledgement.repeat(1_000)).await.unwrap();
    // The answer to this one comes after all of them were read.
    client.send(&frame(6, 0, 0, &[1; 8])).await.unwrap();
    assert_eq!(client.wait_for(6).await.payload, [1; 8]);
    assert_eq!(broker.log.text().lines().filter(|line| line.contains("ping")).count(), lines_before);
    broker.finish().await;
}

/// A header block in which a value, with its length in front of it, is another one.
fn replaced(block: &[u8], value: &[u8], by: &[u8]) -> Vec<u8> {
    let at = block.windows(value.len()).position(|found| found == value).unwrap();
    let length = u8::try_from(by.len()).unwrap();
    [&block[..at], &[length], by, &block[at + value.len()..]].concat()
}
