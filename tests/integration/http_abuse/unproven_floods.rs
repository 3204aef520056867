//! Floods of requests without an accepted proof: limits of unauthenticated streams hold, and callers are served.

use std::time::Duration;

use tokio::time;

use super::{DOWNLOAD, DOWNLOAD_JSON, authorization, get, post};
use crate::support::Broker;
use crate::support::raw_http1::Http1Client;

const LIMIT: u32 = 8;

/// Sends these requests on many connections, which never read an answer, and checks callers and limits meanwhile.
async fn flood(request: &str, status_of_one: u16) {
    const CONNECTIONS: usize = 64;
    let broker = Broker::builder()
        .config(|config| {
            config.limits.max_unproven_streams = LIMIT;
            config.limits.delivery_timeout = Duration::from_secs(2);
        })
        .start()
        .await;
    let answer = Http1Client::connect(broker.address()).await.ask(request).await;
    assert_eq!(answer.status, status_of_one);
    let good = authorization(&broker);
    let mut kept = Http1Client::connect(broker.address()).await;
    // Before its first bytes, a connection has the limit of a handshake.
    assert_eq!(kept.ask(post("/v1/downloadUrl", &[&good], DOWNLOAD_JSON)).await.status, 200);
    let mut flooding = Vec::new();
    let burst = request.repeat(200);
    for _ in 0..CONNECTIONS {
        let mut client = Http1Client::connect(broker.address()).await;
        // The broker may accept no more.
        let _sent = client.send(&burst).await;
        flooding.push(client);
        let page = broker.metrics().await;
        for kind in ["pending", "answered", "other"] {
            let sample = format!("access_broker_streams_open{{kind=\"{kind}\"}} ");
            let open: f64 = page.lines().find_map(|line| line.strip_prefix(&*sample)).unwrap().parse().unwrap();
            assert!(open <= f64::from(LIMIT), "{open} {kind}");
        }
    }
    for _ in 0..20 {
        assert_eq!(kept.ask(post("/v1/downloadUrl", &[&good], DOWNLOAD_JSON)).await.status, 200);
        let answer = Http1Client::connect(broker.address()).await.ask(get(DOWNLOAD, &[&good])).await;
        assert_eq!(answer.status, 200);
        broker.client().await.download("media", "x").await.unwrap();
        time::sleep(Duration::from_millis(10)).await;
    }
    drop(flooding);
    drop(kept);
    broker.wait_for_open(0).await;
    for kind in ["pending", "answered", "other", "caller"] {
        broker.wait_for_metric(&format!("access_broker_streams_open{{kind=\"{kind}\"}}"), 0).await;
    }
    assert_eq!(broker.counters().calls.panics.get(), 0);
    broker.finish().await;
}

#[tokio::test]
async fn of_rejected_tokens() {
    flood(&get(DOWNLOAD, &["authorization: Bearer other"]), 401).await;
}

#[tokio::test]
async fn of_rejected_tokens_with_bodies() {
    flood(&post("/v1/downloadUrl", &["authorization: Bearer other"], DOWNLOAD_JSON), 401).await;
}

#[tokio::test]
async fn of_unknown_paths() {
    flood(&get("/nothing", &[]), 404).await;
}

#[tokio::test]
async fn of_requests_for_the_description() {
    flood(&get("/openapi.json", &[]), 200).await;
}

/// A client opens a connection for each request, as curl does.
#[tokio::test]
async fn over_many_connections() {
    let broker = Broker::builder().config(|config| config.limits.max_unproven_streams = LIMIT).start().await;
    let mut statuses = Vec::new();
    for _ in 0..200 {
        let request = get(DOWNLOAD, &["authorization: Bearer other"]);
        statuses.push(Http1Client::connect(broker.address()).await.ask(request).await.status);
    }
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    broker.wait_for_open(0).await;
    broker.finish().await;
}
