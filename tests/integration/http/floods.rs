//! Floods of requests without an accepted proof: limits of unauthenticated streams hold, and callers are served.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{DOWNLOAD, DOWNLOAD_JSON, ask, authorization, get, post, request};
use crate::support::http1::Http1Client;
use crate::support::{Broker, PATIENCE};

const LIMIT: u32 = 8;

/// How long a connection accepts no bytes before it is full.
const STALLED: Duration = Duration::from_millis(300);

/// The kinds of streams without an authenticated caller.
const KINDS: [&str; 3] = ["pending", "answered", "other"];

/// A broker with room for few calls without an accepted proof.
async fn start(limit: u32) -> Broker {
    let change = move |config: &mut access_broker::config::Config| {
        config.limits.max_unproven_streams = limit;
        config.limits.max_unproven_streams_per_connection = limit.div_ceil(2);
        // Not what ends the flood.
        config.limits.delivery_timeout = PATIENCE;
    };
    Broker::builder().config(change).start().await
}

async fn assert_limits_hold(broker: &Broker, limit: u32) {
    let page = broker.metrics().await;
    for kind in KINDS {
        let sample = format!("access_broker_streams_open{{kind=\"{kind}\"}} ");
        let open: f64 = page.lines().find_map(|line| line.strip_prefix(&*sample)).unwrap().parse().unwrap();
        assert!(open <= f64::from(limit), "{open} {kind}");
    }
}

/// Makes calls by gRPC and by HTTP, on new connections and on this one.
async fn assert_serves(broker: &Broker, kept: &mut Http1Client) {
    let good = authorization(broker);
    assert_eq!(kept.ask(post("/v1/downloadUrl", &[&good], DOWNLOAD_JSON)).await.status, 200);
    assert_eq!(ask(broker, get(DOWNLOAD, &[&good])).await.status, 200);
    broker.assert_serves().await;
}

/// A connection of a caller.
async fn keep(broker: &Broker) -> Http1Client {
    let mut kept = Http1Client::connect(broker.address()).await;
    // Before its first bytes, a connection has the limit of a handshake.
    assert_eq!(kept.ask(get(DOWNLOAD, &[&authorization(broker)])).await.status, 200);
    kept
}

async fn assert_all_given_back(broker: Broker) {
    broker.wait_for_open(0).await;
    for kind in KINDS.into_iter().chain(["caller"]) {
        broker.wait_for_metric(&format!("access_broker_streams_open{{kind=\"{kind}\"}}"), 0).await;
    }
    assert_eq!(broker.counters().calls.panics.get(), 0);
    broker.finish().await;
}

/// Sends a request so many times on each of many connections, which read no answer, and checks callers and limits
/// meanwhile.
async fn flood(request: &str, times: usize, status_of_one: u16) {
    let broker = start(LIMIT).await;
    assert_eq!(ask(&broker, request).await.status, status_of_one);
    let mut kept = keep(&broker).await;
    let mut flooding = Vec::new();
    for _ in 0..4 * LIMIT {
        let mut client = Http1Client::connect(broker.address()).await;
        // The broker may accept no more.
        let _sent = client.send(request.repeat(times)).await;
        flooding.push(client);
        assert_limits_hold(&broker, LIMIT).await;
    }
    for _ in 0..10 {
        assert_serves(&broker, &mut kept).await;
    }
    drop(flooding);
    drop(kept);
    assert_all_given_back(broker).await;
}

#[tokio::test]
async fn of_rejected_tokens() {
    flood(&get(DOWNLOAD, &["authorization: Bearer other"]), 40, 401).await;
}

#[tokio::test]
async fn of_rejected_tokens_with_bodies() {
    flood(&post("/v1/downloadUrl", &["authorization: Bearer other"], DOWNLOAD_JSON), 40, 401).await;
}

#[tokio::test]
async fn of_unknown_paths() {
    flood(&get("/nothing", &[]), 40, 404).await;
}

#[tokio::test]
async fn of_requests_for_the_description() {
    flood(&get("/openapi.json", &[]), 40, 200).await;
}

#[tokio::test]
async fn of_rejected_tokens_whose_bodies_never_come() {
    let lines = ["authorization: Bearer other", "content-type: application/json", "content-length: 12"];
    flood(&request("POST", "/v1/downloadUrl", &lines, ""), 1, 401).await;
}

/// The connections are full of answers that are not read, and occupy all slots.
#[tokio::test]
async fn over_connections_that_accept_no_more() {
    let broker = start(2).await;
    let mut kept = keep(&broker).await;
    let requests = get(DOWNLOAD, &["authorization: Bearer other"]).repeat(64);
    let mut flooding = JoinSet::new();
    for _ in 0..3 {
        let (address, requests) = (broker.address(), requests.clone());
        flooding.spawn(async move {
            let mut client = Http1Client::connect_with_small_buffer(address).await.unwrap();
            client.send_until_full(requests.as_bytes(), STALLED).await;
            client
        });
    }
    assert_serves(&broker, &mut kept).await;
    let clients = flooding.join_all().await;
    assert_limits_hold(&broker, 2).await;
    for _ in 0..10 {
        assert_serves(&broker, &mut kept).await;
    }
    drop((clients, kept));
    assert_all_given_back(broker).await;
}

/// Each client reads its answers.
#[tokio::test]
async fn of_many_clients_at_a_time() {
    let broker = start(4).await;
    let mut kept = keep(&broker).await;
    let mut flooding = JoinSet::new();
    for _ in 0..20 {
        let address = broker.address();
        flooding.spawn(async move {
            let mut client = Http1Client::connect(address).await;
            let mut statuses = Vec::new();
            for _ in 0..50 {
                let _may_be_closed =
                    client.send(post("/v1/downloadUrl", &["authorization: Bearer other"], DOWNLOAD_JSON)).await;
                // A displaced call has no answer.
                let Some(answer) = client.answer().await else { break };
                statuses.push(answer.status);
            }
            statuses
        });
    }
    assert_serves(&broker, &mut kept).await;
    let statuses = flooding.join_all().await.concat();
    assert!(statuses.contains(&401));
    assert!(statuses.iter().all(|status| [401, 503].contains(status)), "{statuses:?}");
    assert_serves(&broker, &mut kept).await;
    drop(kept);
    assert_all_given_back(broker).await;
}

/// A client opens a connection for each request, as curl does.
#[tokio::test]
async fn over_many_connections() {
    let broker = start(LIMIT).await;
    let mut statuses = Vec::new();
    for _ in 0..200 {
        let answer = ask(&broker, get(DOWNLOAD, &["authorization: Bearer other"])).await;
        statuses.push(answer.status);
    }
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    assert_all_given_back(broker).await;
}
