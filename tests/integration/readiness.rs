//! Which replicas serve: with parts missing at the start, lost later, required, and with an audit trail that is full.

use access_broker_dev::EmbeddedIssuer;
use tempfile::TempDir;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::support::{AUDIENCE, ISSUER, PATIENCE, Part, StartingBroker, configuring, eventually, issuer, token_of};

/// Its keys are nowhere: nothing listens there.
const DOWN: &str = "https://127.0.0.1:1/down";

/// A configuration with a second issuer whose keys cannot be fetched, and these lines more.
fn with_issuer_that_is_down(issuer: &EmbeddedIssuer, startup_wait: &str, of_issuer: &str) -> TempDir {
    let down = Part::default().set("issuer", DOWN).set("audiences", vec![AUDIENCE]).with(of_issuer);
    configuring(ISSUER, issuer.jwks()).setting("server", "startup_wait", startup_wait).issuer(down).write_folder()
}

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_costs_its_own_callers_alone() {
    let issuer = issuer().await;
    let broker = StartingBroker::start(with_issuer_that_is_down(&issuer, "1s", ""));
    let client = broker.client(&token_of(&issuer, ISSUER)).await;
    eventually("a partial service", PATIENCE, async || broker.health().await == ServingStatus::Serving).await;
    let levels = || broker.levels_of_missing(&format!("keys of issuer {DOWN}"));
    eventually("a warning of the partial service", PATIENCE, async || levels().contains(&"WARN".to_owned())).await;
    // An ordinary start has no warning.
    assert_eq!(levels()[0], "INFO");

    assert_eq!(broker.health().await, ServingStatus::Serving);
    assert_eq!(broker.get("/readyz").await, (200, format!("ready\nwithout keys of issuer {DOWN}\n")));
    let part =
        |name| format!("access_broker_part_available{{part=\"issuer_keys\",name=\"{name}\",required=\"false\"}}");
    assert_eq!(broker.metric(&part(ISSUER)).await.unwrap(), "1.0");
    assert_eq!(broker.metric(&part(DOWN)).await.unwrap(), "0.0");
    assert_eq!(broker.metric("access_broker_serving").await.unwrap(), "1.0");

    client.download("media", "x").await.unwrap();
    let refused = broker.client(&token_of(&issuer, DOWN)).await.download("media", "x").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    broker.stop();
}

#[tokio::test]
async fn a_start_waits_for_its_parts_and_without_a_required_one_longer() {
    let issuer = issuer().await;
    let waiting = StartingBroker::start(with_issuer_that_is_down(&issuer, "10m", ""));
    let required = StartingBroker::start(with_issuer_that_is_down(&issuer, "1s", "required = true"));
    eventually("the end of the wait", PATIENCE, async || required.get("/readyz").await.1.starts_with("not ready"))
        .await;
    let without = format!("without keys of issuer {DOWN}\n");
    for (broker, standing) in [(waiting, "starting"), (required, "not ready")] {
        assert_eq!(broker.get("/readyz").await, (503, format!("{standing}\n{without}")));
        assert_eq!(broker.health().await, ServingStatus::NotServing);
        assert_eq!(broker.metric("access_broker_serving").await.unwrap(), "0.0");
        broker.stop();
    }
}
