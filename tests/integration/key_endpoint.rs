//! What callers see of an issuer whose key endpoint misbehaves: good tokens are never called bad, and no fault costs
//! the keys that are in use.

mod endpoint;
mod private_authority;

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use access_broker::server::RunningServer;
use access_broker_dev::EmbeddedIssuer;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::{
    Client, ISSUER, capture_logs, config_with_keys_at, error_info, eventually, issuer, secrets, start_options,
    start_server, token_with_key_id,
};
use endpoint::{Answer, KeyEndpoint};

/// The longest that a call with an unknown key takes: a second for the keys, and the rest for a busy machine. A call that
/// waited for the end of a fetch that gets no answer would take 5 seconds.
const LONGEST_CALL: Duration = Duration::from_secs(3);

/// Two holders of signing keys. Making keys takes long, so that all tests share them.
async fn signers() -> &'static [EmbeddedIssuer; 2] {
    static SIGNERS: OnceCell<[EmbeddedIssuer; 2]> = OnceCell::const_new();
    SIGNERS.get_or_init(|| async { [issuer().await, issuer().await] }).await
}

/// A token that is good where the signer's key is known.
fn token(signer: &EmbeddedIssuer, subject: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    signer.sign_claims(&json!({ "iss": ISSUER, "aud": "broker", "sub": subject, "exp": now + 600 })).unwrap()
}

/// The key sets of several signers in one.
fn merged(sets: &[&Value]) -> Value {
    let keys: Vec<&Value> = sets.iter().flat_map(|set| set["keys"].as_array().unwrap()).collect();
    json!({ "keys": keys })
}

/// A broker and the endpoint that its issuer's keys are at.
struct Fixture {
    endpoint: KeyEndpoint,
    server: RunningServer,
    _folder: TempDir,
}

impl Fixture {
    async fn start(answers: impl Into<VecDeque<Answer>>) -> Self {
        capture_logs();
        let folder = tempfile::tempdir().unwrap();
        let endpoint = KeyEndpoint::start(answers).await;
        let started = start_server(config_with_keys_at(&folder, &endpoint.url()), start_options());
        let server = time::timeout(LONGEST_CALL, started).await.expect("the start does not wait for keys").unwrap();
        Self { endpoint, server, _folder: folder }
    }

    async fn start_ready(jwks: &Value) -> Self {
        let fixture = Self::start([Answer::keys(jwks)]).await;
        fixture.ready().await;
        fixture
    }

    async fn ready(&self) {
        time::timeout(Duration::from_secs(10), self.server.ready()).await.expect("the keys arrive");
    }

    async fn call(&self, token: &str) -> Result<(), Status> {
        let client = Client::connect(self.server.grpc_addr().unwrap(), &[&format!("Bearer {token}")]).await;
        client.download("media", "x").await.map(drop)
    }

    /// The answer of `/readyz`.
    async fn readiness(&self) -> (u16, String) {
        let answer = crate::support::http_get(format!("http://{}/readyz", self.server.admin_addr())).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The caller is told to come back later, and when.
    async fn assert_keys_unavailable(&self, case: &str, token: &str) {
        let started = Instant::now();
        let refused = self.call(token).await.expect_err(case);
        assert!(started.elapsed() < LONGEST_CALL, "{case}: {:?}", started.elapsed());
        assert_eq!(refused.code(), Code::Unavailable, "{case}");
        assert_eq!(error_info(&refused).reason, "ISSUER_KEYS_UNAVAILABLE", "{case}");
        let wait = refused.get_details_retry_info().expect(case).retry_delay.expect(case);
        assert!((Duration::from_secs(1)..=Duration::from_mins(1)).contains(&wait), "{case}: {wait:?}");
    }

    async fn assert_unauthenticated(&self, case: &str, token: &str) {
        let refused = self.call(token).await.expect_err(case);
        assert_eq!(refused.code(), Code::Unauthenticated, "{case}");
        assert_eq!(error_info(&refused).reason, "CALLER_NOT_AUTHENTICATED", "{case}");
        assert!(refused.get_details_retry_info().is_none(), "{case}");
    }

    /// Callers with keys that are known notice nothing, whether or not their token was seen before.
    async fn assert_serves(&self, case: &str, signer: &EmbeddedIssuer) {
        for subject in ["somebody", &format!("new-at-{:?}", Instant::now())] {
            self.call(&token(signer, subject)).await.unwrap_or_else(|status| panic!("{case}: {status:?}"));
        }
        assert_eq!(self.readiness().await, (200, "ready\n".to_owned()), "{case}");
    }

    /// Waits until a good token is accepted. Until then, the answer is to come back later.
    async fn accepted_at_last(&self, case: &str, token: &str) {
        eventually(&format!("{case}: acceptance of the token"), Duration::from_secs(10), async || {
            let answer = self.call(token).await;
            if let Err(refused) = &answer {
                assert_eq!(refused.code(), Code::Unavailable, "{case}: {refused:?}");
            }
            answer
        })
        .await;
    }

    /// How many fetches have given a usable set.
    async fn good_fetches(&self) -> u64 {
        let metrics = crate::support::http_get(format!("http://{}/metrics", self.server.admin_addr())).await.unwrap();
        let metrics = metrics.text().await.unwrap();
        let line = metrics.lines().find(|line| {
            line.starts_with("access_broker_issuer_key_refreshes_total{") && line.contains(r#"result="good""#)
        });
        line.and_then(|line| line.rsplit_once(' ')).unwrap().1.parse().unwrap()
    }

    /// Waits until so many fetches have succeeded.
    async fn fetched(&self, case: &str, fetches: u64) {
        let what = format!("{case}: {fetches} good fetches");
        eventually(&what, Duration::from_secs(10), async || self.good_fetches().await >= fetches).await;
    }

    async fn stop(self) {
        time::timeout(Duration::from_secs(5), self.server.stop()).await.expect("no fetch holds up the end");
        secrets::assert_log_has_no_secrets();
    }
}

/// Answers that are over at once and give no keys.
fn quick_faults(elsewhere: &str, jwks: &Value, others: &Value) -> Vec<(&'static str, Answer)> {
    let good = jwks.to_string();
    let mut namesake = others.clone();
    namesake["keys"][0]["kid"] = jwks["keys"][0]["kid"].clone();
    let mut numbered = jwks.clone();
    numbered["keys"][0]["kid"] = json!(7);
    let json = |body: String| Answer::ok("application/json", body);
    vec![
        ("an error, though with keys in it", Answer::status("500 Internal Server Error", "x: y", &good)),
        ("a redirect, though with keys in it", Answer::status("302 Found", &format!("location: {elsewhere}"), &good)),
        ("no content", Answer::status("204 No Content", "x: y", "")),
        ("10 MB", json(format!("{}{good}", " ".repeat(10_000_000)))),
        ("cut half-way", Answer::cut_half_way(jwks)),
        ("a page", Answer::ok("text/html", "<!doctype html><title>Sign in</title>")),
        ("an empty body", json(String::new())),
        ("an array", json(jwks["keys"].to_string())),
        ("keys that are no array", json(json!({ "keys": jwks["keys"][0] }).to_string())),
        ("an empty set", json(json!({ "keys": [] }).to_string())),
        ("a key id that is a number", json(numbered.to_string())),
        ("two keys of the same id", json(merged(&[jwks, &namesake]).to_string())),
        ("compressed, which was not asked for", Answer::status("200 OK", "content-encoding: gzip", &good)),
        ("nesting without end", json(format!("{{\"keys\":{}", "[".repeat(200_000)))),
        ("deep nesting", json(format!("{{\"keys\":[{}{}]}}", "[".repeat(100_000), "]".repeat(100_000)))),
        ("not HTTP", Answer::Bytes(b"\x15\x03\x01\x00\x02\x02\x50".to_vec())),
        ("headers without end", Answer::status("200 OK", &format!("x: {}", "y".repeat(2_000_000)), &good)),
        ("the end of the connection", Answer::Bytes(Vec::new())),
    ]
}

/// Plays a scene with every one of the quick faults, all at once. Each gets an endpoint that must not be asked.
async fn with_every_quick_fault<F>(scene: impl Fn(&'static str, Answer) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let [signer, other] = signers().await;
    let elsewhere = KeyEndpoint::start([Answer::keys(signer.jwks())]).await;
    let mut scenes = JoinSet::new();
    for (case, fault) in quick_faults(&elsewhere.url(), signer.jwks(), other.jwks()) {
        scenes.spawn(scene(case, fault));
    }
    scenes.join_all().await;
    assert_eq!(elsewhere.requests(), 0, "the redirect was followed");
}

#[tokio::test]
async fn an_endpoint_that_fails_at_the_start_makes_callers_wait_and_then_serves_them() {
    with_every_quick_fault(async |case, fault| {
        let [signer, _] = signers().await;
        let fixture = Fixture::start([fault]).await;
        fixture.assert_keys_unavailable(case, &token(signer, "somebody")).await;
        fixture.endpoint.requested(2).await;
        fixture.assert_keys_unavailable(case, &token(signer, "somebody")).await;
        fixture.assert_keys_unavailable(case, &token_with_key_id("unknown")).await;
        assert_eq!(fixture.readiness().await, (503, format!("starting\nwithout keys of issuer {ISSUER}\n")), "{case}");

        fixture.endpoint.answer(Answer::keys(signer.jwks()));
        fixture.ready().await;
        fixture.assert_serves(case, signer).await;
        fixture.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_that_fails_later_costs_no_key() {
    with_every_quick_fault(async |case, fault| {
        let [signer, _] = signers().await;
        let fixture = Fixture::start_ready(signer.jwks()).await;
        fixture.assert_serves(case, signer).await;
        fixture.endpoint.answer(fault);
        fixture.assert_keys_unavailable(case, &token_with_key_id("unknown")).await;
        fixture.assert_serves(case, signer).await;
        // The second request is the call's, the third the first retry.
        fixture.endpoint.requested(3).await;
        fixture.assert_serves(case, signer).await;
        fixture.assert_keys_unavailable(case, &token_with_key_id("another")).await;

        fixture.endpoint.answer(Answer::keys(signer.jwks()));
        fixture.fetched(case, 2).await;
        fixture.assert_serves(case, signer).await;
        fixture.stop().await;
    })
    .await;
}

#[tokio::test]
async fn one_bad_key_does_not_cost_the_others() {
    let [signer, other] = signers().await;
    let mut numbered = other.jwks().clone();
    numbered["keys"][0]["kid"] = json!(7);
    let junk = json!({ "keys": ["not a key", { "kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB" }, null] });
    let fixture = Fixture::start_ready(&merged(&[&junk, &numbered, signer.jwks()])).await;
    fixture.assert_serves("a good key among bad ones", signer).await;
    fixture.assert_unauthenticated("a bad key", &token(other, "somebody")).await;
    fixture.stop().await;
}

#[tokio::test]
async fn endpoints_that_are_slow_or_silent_at_the_start_hold_nobody_up_and_are_not_given_up() {
    tokio::join!(keys_take_four_seconds(), no_answer_until_asked_again());
}

async fn keys_take_four_seconds() {
    let [signer, _] = signers().await;
    let fixture = Fixture::start([Answer::keys_after(Duration::from_secs(4), signer.jwks())]).await;
    fixture.endpoint.requested(1).await;
    let started = Instant::now();
    fixture.assert_keys_unavailable("slow", &token(signer, "somebody")).await;
    assert!(started.elapsed() < Duration::from_secs(1), "without any keys there is nothing to wait for");
    assert_eq!(fixture.readiness().await.0, 503);
    fixture.ready().await;
    fixture.assert_serves("slow", signer).await;
    assert_eq!(fixture.endpoint.requests(), 1);
    fixture.stop().await;
}

async fn no_answer_until_asked_again() {
    let [signer, _] = signers().await;
    let fixture = Fixture::start([Answer::Silence, Answer::keys(signer.jwks())]).await;
    fixture.endpoint.requested(1).await;
    fixture.assert_keys_unavailable("silent", &token(signer, "somebody")).await;
    assert_eq!(fixture.readiness().await.0, 503);
    // After 5 seconds for the answer and one before the next attempt.
    fixture.ready().await;
    fixture.assert_serves("silent", signer).await;
    fixture.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_falls_silent_delays_unknown_keys_by_a_second_and_others_not_at_all() {
    let [signer, _] = signers().await;
    let fixture = Fixture::start_ready(signer.jwks()).await;
    fixture.endpoint.answer(Answer::Silence);
    let started = Instant::now();
    fixture.assert_keys_unavailable("silent", &token_with_key_id("unknown")).await;
    assert!(started.elapsed() >= Duration::from_millis(900), "the issuer gets its second");
    let started = Instant::now();
    fixture.assert_serves("silent", signer).await;
    assert!(started.elapsed() < Duration::from_secs(2), "neither of two calls waits: {:?}", started.elapsed());
    assert_eq!(fixture.endpoint.requests(), 2);
    fixture.stop().await;
}

#[tokio::test]
async fn a_key_that_comes_too_late_for_one_call_is_there_for_the_next() {
    let [old, new] = signers().await;
    let fixture = Fixture::start_ready(old.jwks()).await;
    let both = merged(&[old.jwks(), new.jwks()]);
    fixture.endpoint.answer(Answer::keys_after(Duration::from_secs(2), &both));
    fixture.assert_keys_unavailable("late", &token(new, "somebody")).await;
    fixture.accepted_at_last("late", &token(new, "somebody")).await;
    fixture.assert_serves("late", old).await;
    assert_eq!(fixture.endpoint.requests(), 2);
    fixture.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_flaps_serves_known_keys_all_along() {
    let [old, new] = signers().await;
    let fault = || Answer::status("500 Internal Server Error", "x: y", "");
    let both = merged(&[old.jwks(), new.jwks()]);
    let answers = [fault(), Answer::keys(old.jwks()), fault(), fault(), Answer::keys(&both)];
    let fixture = Fixture::start(answers).await;
    fixture.ready().await;
    fixture.assert_serves("up", old).await;
    fixture.assert_keys_unavailable("down", &token(new, "somebody")).await;
    for requests in 3..=5 {
        fixture.endpoint.requested(requests).await;
        fixture.assert_serves("flapping", old).await;
    }
    fixture.accepted_at_last("up again", &token(new, "somebody")).await;
    assert_eq!(fixture.endpoint.requests(), 5);
    fixture.stop().await;
}

#[tokio::test]
async fn an_outage_after_a_good_start_costs_no_key_and_ends_by_itself() {
    let [old, new] = signers().await;
    let mut fixture = Fixture::start_ready(old.jwks()).await;
    fixture.endpoint.go_down().await;
    fixture.assert_keys_unavailable("down", &token_with_key_id("unknown")).await;
    fixture.assert_keys_unavailable("down", &token(new, "somebody")).await;
    fixture.assert_serves("down", old).await;

    fixture.endpoint.answer(Answer::keys(&merged(&[old.jwks(), new.jwks()])));
    fixture.endpoint.come_up().await;
    fixture.fetched("up", 2).await;
    fixture.assert_serves("up", new).await;
    fixture.assert_serves("up", old).await;
    fixture.stop().await;
}

/// The results of 50 calls at the same time, each with another key that nobody knows, and how long all of them took.
async fn fifty_unknown_keys(fixture: &Fixture) -> (Vec<Status>, Duration) {
    let mut calls = JoinSet::new();
    for number in 0..50 {
        let authorization = format!("Bearer {}", token_with_key_id(&format!("unknown-{number}")));
        let client = Client::connect(fixture.server.grpc_addr().unwrap(), &[&authorization]).await;
        calls.spawn(async move { client.download("media", "x").await.unwrap_err() });
    }
    let started = Instant::now();
    (calls.join_all().await, started.elapsed())
}

#[tokio::test]
async fn fifty_unknown_keys_at_once_cause_two_fetches_at_most() {
    let [signer, _] = signers().await;
    let fixture = Fixture::start_ready(signer.jwks()).await;
    fixture.endpoint.answer(Answer::keys_after(Duration::from_millis(300), signer.jwks()));
    // Those that came after the first fetch had begun share a second one, and there is none for those that came later.
    let (refused, took) = fifty_unknown_keys(&fixture).await;
    let absent = refused.iter().filter(|status| status.code() == Code::Unauthenticated).count();
    assert!(absent > 0, "{refused:?}");
    assert!(took < LONGEST_CALL, "{took:?}");
    fifty_unknown_keys(&fixture).await;
    fixture.assert_keys_unavailable("in the cool-down", &token_with_key_id("unknown")).await;
    assert_eq!(fixture.endpoint.requests(), 3);
    fixture.assert_serves("in the cool-down", signer).await;
    fixture.stop().await;
}

#[tokio::test]
async fn fifty_unknown_keys_at_once_wait_a_second_together() {
    let [signer, _] = signers().await;
    let fixture = Fixture::start_ready(signer.jwks()).await;
    fixture.endpoint.answer(Answer::Silence);
    let (refused, took) = fifty_unknown_keys(&fixture).await;
    assert!(refused.iter().all(|status| status.code() == Code::Unavailable), "{refused:?}");
    assert!(took < LONGEST_CALL, "{took:?}");
    assert_eq!(fixture.endpoint.requests(), 2);
    fixture.stop().await;
}

#[tokio::test]
async fn what_is_refused_without_an_unknown_key_causes_two_fetches_at_most() {
    let [signer, other] = signers().await;
    let fixture = Fixture::start_ready(signer.jwks()).await;
    let good = token(signer, "somebody");
    let (message, signature) = good.rsplit_once('.').unwrap();
    let forged = token(other, "somebody");
    let (_, other_signature) = forged.rsplit_once('.').unwrap();
    let reversed: String = signature.chars().rev().collect();
    let cases = [
        ("no signature", format!("{message}.")),
        ("garbage", "garbage".to_owned()),
        ("a key id longer than any", token_with_key_id(&"k".repeat(300))),
    ];
    for (case, token) in &cases {
        fixture.assert_unauthenticated(case, token).await;
    }
    assert_eq!(fixture.endpoint.requests(), 1);
    let forgeries = [
        ("another key's signature", format!("{message}.{other_signature}")),
        ("half a signature", format!("{message}.{}", &signature[..signature.len() / 2])),
        ("a reversed signature", format!("{message}.{reversed}")),
    ];
    // A key may have been replaced under its name: the issuer is asked, but not for every forgery.
    for (case, token) in &forgeries {
        for _ in 0..3 {
            fixture.assert_unauthenticated(case, token).await;
        }
    }
    assert_eq!(fixture.endpoint.requests(), 3);
    fixture.endpoint.answer(Answer::status("500 Internal Server Error", "x: y", ""));
    fixture.assert_unauthenticated("forged in an outage", &forgeries[0].1).await;
    // Forgeries use up nothing of what unknown keys may cause.
    fixture.endpoint.answer(Answer::keys(&merged(&[signer.jwks(), other.jwks()])));
    fixture.call(&forged).await.unwrap();
    fixture.assert_serves("after forgeries", signer).await;
    fixture.stop().await;
}

#[tokio::test]
async fn a_new_key_works_from_the_first_call_with_it() {
    let [old, new] = signers().await;
    let fixture = Fixture::start_ready(old.jwks()).await;
    fixture.endpoint.answer(Answer::keys(&merged(&[old.jwks(), new.jwks()])));
    fixture.call(&token(new, "somebody")).await.unwrap();
    assert_eq!(fixture.endpoint.requests(), 2);
    fixture.assert_serves("both keys", old).await;
    fixture.stop().await;
}

#[tokio::test]
async fn a_key_that_is_taken_back_ends_tokens_that_were_used_before() {
    let [kept, removed] = signers().await;
    let fixture = Fixture::start_ready(&merged(&[kept.jwks(), removed.jwks()])).await;
    let used = token(removed, "somebody");
    fixture.call(&used).await.unwrap();
    fixture.call(&used).await.unwrap();
    fixture.endpoint.answer(Answer::keys(kept.jwks()));
    // Nothing has told the broker so far; a call with an unknown key makes it look.
    fixture.call(&used).await.unwrap();
    fixture.assert_unauthenticated("unknown", &token_with_key_id("unknown")).await;
    fixture.assert_unauthenticated("used before", &used).await;
    // It was shown twice that the key is gone. Until it may be asked again, it might have been published anew.
    fixture.assert_keys_unavailable("never used", &token(removed, "somebody else")).await;
    fixture.assert_serves("the other key", kept).await;
    assert_eq!(fixture.endpoint.requests(), 3, "the cool-down holds for the removed key too");
    fixture.stop().await;
}

#[tokio::test]
async fn a_key_that_is_replaced_under_its_name_works_from_the_first_call_with_it() {
    let [old, new] = signers().await;
    let named = |jwks: &Value, key_id: &Value| {
        let mut jwks = jwks.clone();
        jwks["keys"][0]["kid"] = key_id.clone();
        jwks
    };
    // The name of the new signer's key, as its tokens have it, is that of the old one's as well.
    let key_id = &new.jwks()["keys"][0]["kid"];
    let fixture = Fixture::start_ready(&named(old.jwks(), key_id)).await;
    fixture.endpoint.answer(Answer::keys(new.jwks()));
    fixture.assert_serves("replaced", new).await;
    assert_eq!(fixture.endpoint.requests(), 2);
    fixture.stop().await;
}

#[tokio::test]
async fn the_operator_can_have_keys_fetched_at_once() {
    let [old, new] = signers().await;
    let fixture = Fixture::start_ready(old.jwks()).await;
    let used = token(old, "somebody");
    fixture.call(&used).await.unwrap();
    fixture.endpoint.answer(Answer::keys(new.jwks()));
    fixture.server.reloader().reload();
    fixture.fetched("reloaded", 2).await;
    fixture.assert_unauthenticated("the key that was taken back", &used).await;
    fixture.assert_serves("the new key", new).await;
    fixture.stop().await;
}

#[tokio::test]
async fn a_file_beside_a_url_has_the_keys_until_the_first_good_fetch() {
    let [in_file, fetched] = signers().await;
    let folder = tempfile::tempdir().unwrap();
    let start = async |content: &str| {
        std::fs::write(folder.path().join("keys.json"), content).unwrap();
        let endpoint = KeyEndpoint::start([Answer::status("500 Internal Server Error", "x: y", "")]).await;
        let mut config = config_with_keys_at(&folder, &endpoint.url());
        config.issuers[0].start_key_file = Some(folder.path().join("keys.json"));
        let server = start_server(config, start_options()).await.unwrap();
        Fixture { endpoint, server, _folder: tempfile::tempdir().unwrap() }
    };
    capture_logs();
    let fixture = start(&in_file.jwks().to_string()).await;
    fixture.ready().await;
    fixture.assert_serves("from the file", in_file).await;
    fixture.assert_keys_unavailable("not in the file", &token(fetched, "somebody")).await;
    fixture.endpoint.answer(Answer::keys(fetched.jwks()));
    fixture.accepted_at_last("fetched", &token(fetched, "somebody")).await;
    let gone = fixture.call(&token(in_file, "somebody new")).await.unwrap_err();
    assert!([Code::Unauthenticated, Code::Unavailable].contains(&gone.code()), "{gone:?}");
    fixture.stop().await;

    let fixture = start("{").await;
    fixture.assert_keys_unavailable("a broken file", &token(in_file, "somebody")).await;
    fixture.endpoint.answer(Answer::keys(fetched.jwks()));
    fixture.ready().await;
    fixture.assert_serves("fetched", fetched).await;
    fixture.stop().await;
}
