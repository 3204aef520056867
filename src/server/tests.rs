use std::path::Path;

use super::*;
use access_broker_base::document::Overrides;
use access_broker_identity::PlainHttp;

async fn server() -> RunningServer {
    let folder = tempfile::tempdir().unwrap();
    let policy = r#"
        tier = [{ name = "all", bucket = "media", prefix = "", download = {} }]
        grant = [{ tiers = ["all"], operations = ["download"], to = { authenticated = true } }]
    "#;
    std::fs::write(folder.path().join("policy.toml"), policy).unwrap();
    let config = parse(folder.path());
    let environment = Arc::new(|name: &str| Some(format!("value-of-{name}")));
    let policy = config.load_policy().unwrap();
    RunningServer::start(config, policy, StartOptions { environment, ..StartOptions::system() }).await.unwrap()
}

fn parse(folder: &Path) -> Config {
    let text = r#"
        [server]
        grpc_addr = "127.0.0.1:0"
        admin_addr = "127.0.0.1:0"
        drain_delay = "0s"
        shutdown_grace = "2s"
        [policy]
        file = "policy.toml"
        [[issuer]]
        issuer = "https://issuer.example"
        audiences = ["broker"]
        jwks_url = "https://127.0.0.1:1/keys"
        [[bucket]]
        name = "media"
        s3_bucket = "media"
        region = "eu-west-1"
        credentials = "test"
        [[credentials]]
        name = "test"
        access_key_id_env = "ID"
        secret_access_key_env = "KEY"
    "#;
    Config::parse("test.toml", text, folder, Overrides::new(), PlainHttp::Refused).unwrap()
}

/// The time limit for detecting a failure.
const PATIENCE: Duration = Duration::from_secs(10);

async fn failure_after(change: impl FnOnce(&mut RunningServer)) -> String {
    let mut server = server().await;
    assert!(time::timeout(Duration::from_millis(100), server.failed()).await.is_err(), "all is well");
    change(&mut server);
    let failure = time::timeout(PATIENCE, server.failed()).await.expect("the failure is seen");
    time::timeout(PATIENCE, server.stop()).await.expect("a server that failed can be stopped");
    format!("{failure:#}")
}

#[tokio::test]
async fn a_listener_that_panics_is_a_failure() {
    let failure = failure_after(|server| {
        server.listeners.spawn(async { panic!("a fault") });
    });
    assert_eq!(failure.await, "a listener failed: it panicked");
}

#[tokio::test]
async fn a_listener_that_ends_is_a_failure() {
    assert_eq!(
        failure_after(|server| server.stop_listeners.cancel()).await,
        "a listener failed: it ended unexpectedly"
    );
}

#[tokio::test]
async fn admin_http_that_ends_is_a_failure() {
    assert_eq!(failure_after(|server| server.stop_admin.cancel()).await, "admin HTTP failed: it ended unexpectedly");
}

#[tokio::test]
async fn a_background_task_that_panics_is_a_failure_and_one_that_ends_is_not() {
    let failure = failure_after(|server| {
        server.background.spawn(async {});
        server.background.spawn(async { panic!("a fault") });
    });
    assert_eq!(failure.await, "a background task failed: it panicked");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_close_is_left_behind_after_its_limit() {
    let begun = time::Instant::now();
    close("hanging", std::future::pending()).await;
    assert_eq!(begun.elapsed(), CLOSE_LIMIT);
    close("prompt", async {}).await;
    assert_eq!(begun.elapsed(), CLOSE_LIMIT);
}
