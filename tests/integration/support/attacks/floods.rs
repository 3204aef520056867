//! Floods of frames, and connections that stop in the middle.

use std::net::SocketAddr;

use crate::support::raw::{
    CONTINUATION, DATA, DOWNLOAD, END_HEADERS, ENHANCE_YOUR_CALM, Frame, HEADERS, PING, PREFACE, RST_STREAM, RawClient,
    SETTINGS, frame, header_block,
};

/// How often the cheap frames are sent.
const FLOOD: usize = 50_000;

/// Opens calls and resets each at once (CVE-2023-44487). The server must end it.
pub(crate) async fn rapid_reset(address: SocketAddr) {
    let mut client = RawClient::greet(address).await;
    let block = header_block(DOWNLOAD, &[]);
    let mut burst = Vec::new();
    for stream in (1..4_000).step_by(2) {
        burst.extend(frame(HEADERS, END_HEADERS, stream, &block));
        burst.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    // The server may close before it has taken all.
    let _sent = client.send(&burst).await;
    assert_calmed(client).await;
}

/// A header block without an end (CVE-2024-27316). The server must end it.
pub(crate) async fn continuation_flood(address: SocketAddr) {
    let mut client = RawClient::greet(address).await;
    client.send(&frame(HEADERS, 0, 1, &header_block(DOWNLOAD, &[]))).await.unwrap();
    let field = header_block("/x", &[("x-filler", &"y".repeat(1_000))]);
    for _ in 0..2_000 {
        if client.send(&frame(CONTINUATION, 0, 1, &field)).await.is_err() {
            break;
        }
    }
    client.frames_to_the_end().await;
}

/// Frames that each want an answer, from a client that reads none. Whether the server ends it or no longer reads either
/// is the server's choice.
async fn flood(address: SocketAddr, wanting_an_answer: &[u8]) {
    let mut client = RawClient::greet(address).await;
    for _ in 0..FLOOD / 1_000 {
        if client.send(&wanting_an_answer.repeat(1_000)).await.is_err() {
            break;
        }
    }
}

pub(crate) async fn settings_flood(address: SocketAddr) {
    flood(address, &frame(SETTINGS, 0, 0, &[])).await;
}

pub(crate) async fn ping_flood(address: SocketAddr) {
    flood(address, &frame(PING, 0, 0, &[7; 8])).await;
}

/// DATA frames without data.
pub(crate) async fn empty_data_flood(address: SocketAddr) {
    let mut client = RawClient::greet(address).await;
    client.send(&frame(HEADERS, END_HEADERS, 1, &header_block(DOWNLOAD, &[]))).await.unwrap();
    let empty = frame(DATA, 0, 1, &[]).repeat(1_000);
    for _ in 0..FLOOD / 1_000 {
        if client.send(&empty).await.is_err() {
            break;
        }
    }
}

/// Clients that stop in the middle of their preface.
pub(crate) async fn half_prefaces(address: SocketAddr) {
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = RawClient::connect(address).await;
        client.send(&PREFACE[..10]).await.unwrap();
        clients.push(client);
    }
}

/// What is neither HTTP/2 nor HTTP/1.
pub(crate) async fn nonsense(address: SocketAddr) {
    let mut client = RawClient::connect(address).await;
    let _sent = client.send(b"SSH-2.0-client\r\n").await;
    client.frames_to_the_end().await;
}

async fn assert_calmed(mut client: RawClient) {
    let frames = client.frames_to_the_end().await;
    let codes: Vec<u32> = frames.iter().filter_map(Frame::goaway_code).collect();
    // A reset of the connection may overtake the frame that says why.
    assert!(codes.is_empty() || codes.contains(&ENHANCE_YOUR_CALM), "{codes:?}");
}
