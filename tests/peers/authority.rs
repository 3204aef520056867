//! A client library that sends a malformed authority, and what its operator is told.

use serde_json::{Value, json};

use crate::envoy::grpcio::Grpcio;
use crate::registry::{Registry, register};
use crate::support::Broker;
use crate::support::{PATIENCE, eventually};

pub(crate) fn register(registry: &mut Registry<'_>) {
    register!(registry, [Grpcio], grpcio_with_several_addresses_needs_a_default_authority);
}

const RESETS: &str = "access_broker_http2_errors_total{frame=\"rst_stream\",code=\"protocol_error\"}";

/// What the warning names.
const REMEDY: &str = "set grpc.default_authority";

async fn calls(target: &str, default_authority: Option<&str>, token: &str) -> Value {
    let mut task = json!({ "do": "be_good_callers", "target": target, "callers": [[token, token]] });
    if let Some(authority) = default_authority {
        task["default_authority"] = authority.into();
    }
    let mut grpcio = Grpcio::start(task).await;
    let seen = grpcio.says().await;
    assert_eq!(grpcio.end_of_task().await, 0);
    seen
}

/// The number behind a sample's name.
async fn count(broker: &Broker, sample: &str) -> u32 {
    let page = broker.metrics().await;
    let line = page.lines().find_map(|line| line.strip_prefix(sample)).unwrap_or_else(|| panic!("no {sample}"));
    line.trim().parse().unwrap()
}

async fn grpcio_with_several_addresses_needs_a_default_authority() {
    let [first, second] = [Broker::builder().silent_s3().start().await, Broker::builder().silent_s3().start().await];
    let authorization = first.authorization();
    let token = authorization.trim_start_matches("Bearer ");
    let target = format!("ipv4:{},{}", first.address(), second.address());

    let refused = calls(&target, None, token).await;
    assert_eq!(refused["failures"].as_array().unwrap().len(), 2, "{refused}");
    let resets = count(&first, RESETS).await + count(&second, RESETS).await;
    assert!(resets >= 2, "{resets}");
    eventually("the warning", PATIENCE, async || {
        [&first, &second].iter().any(|broker| broker.log.text().contains(REMEDY))
    })
    .await;

    // The second broker has another issuer, so only the first is asked.
    let mended = calls(&format!("ipv4:{0},{0}", first.address()), Some("broker.internal"), token).await;
    assert_eq!((&mended["failures"], mended["seconds"].as_array().unwrap().len()), (&json!([]), 2), "{mended}");
    assert_eq!(count(&first, RESETS).await + count(&second, RESETS).await, resets);
    first.finish().await;
    second.finish().await;
}
