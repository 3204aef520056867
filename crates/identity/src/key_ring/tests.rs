use std::future::Future;
use std::io::{self, Write};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::Algorithm::{self, EdDsa, Rs256};
use crate::KeyIssuer;
use crate::test_issuer::{Answer, ED25519, FakeKeySource, ISSUER, P256, RSA, TestKey, key_document, with};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

struct Fixture {
    ring: Arc<KeyRing>,
    source: Arc<FakeKeySource>,
}

impl Fixture {
    fn new(answer: Answer) -> Self {
        let source = FakeKeySource::new(answer);
        let timing = KeyRingTiming { refresh_interval: 10 * MINUTE, max_key_age: 24 * HOUR };
        let rules = KeyRules { algorithms: vec![Rs256, EdDsa], key_use: KeyUse::Signature, issuer: None };
        let mut ring = KeyRing::new(ISSUER.into(), rules, Box::new(Arc::clone(&source)), timing);
        ring.random_fraction = || 0.5;
        Self { ring: Arc::new(ring), source }
    }

    fn keep_fresh(&self) -> JoinHandle<()> {
        let ring = Arc::clone(&self.ring);
        tokio::spawn(async move { ring.keep_fresh().await })
    }

    /// The number of fetches after this time.
    async fn fetches_after(&self, time: Duration) -> usize {
        time::sleep(time).await;
        self.source.fetches()
    }

    /// A call that needs this key.
    async fn search(&self, key_id: &str) -> SearchResult {
        let found = |set: &KeySet| set.candidates(Some(key_id), EdDsa).is_ok();
        self.ring.search(Instant::now(), Cause::UnknownKey, found).await
    }

    /// A call with an invalid signature.
    async fn forge(&self) -> SearchResult {
        self.ring.search(Instant::now(), Cause::BadSignature, |_| false).await
    }

    /// A ring that fetched one key a minute ago and is kept fresh.
    async fn ready() -> Self {
        let fixture = Self::new(Answer::Keys(keys(&["a"])));
        let _task = fixture.keep_fresh();
        assert_eq!(fixture.fetches_after(MINUTE).await, 1);
        fixture
    }

    fn has(&self, key_id: &str) -> bool {
        self.ring.current().is_some_and(|keys| keys.set.candidates(Some(key_id), EdDsa).is_ok())
    }
}

fn keys(key_ids: &[&str]) -> Vec<u8> {
    key_document(&key_ids.iter().map(|key_id| ED25519.jwk(key_id)).collect::<Vec<Value>>())
}

async fn elapsed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let output = future.await;
    (output, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_new_ring_is_not_ready_until_keys_arrive() {
    let fixture = Fixture::new(Answer::Failure);
    assert!(!fixture.ring.is_ready());
    assert!(matches!(fixture.ring.refresh().await, Err(KeyRefreshError::Fetch(_))));
    assert!(!fixture.ring.is_ready());
    fixture.source.answer_with(Answer::Keys(keys(&["a"])));
    fixture.ring.refresh().await.unwrap();
    assert!(fixture.ring.is_ready() && fixture.has("a"));
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_at_once_and_then_at_every_interval() {
    let fixture = Fixture::new(Answer::Keys(keys(&["a"])));
    let _task = fixture.keep_fresh();
    assert_eq!(fixture.fetches_after(Duration::from_millis(1)).await, 1);
    assert_eq!(fixture.fetches_after(Duration::from_secs(599)).await, 1);
    assert_eq!(fixture.fetches_after(Duration::from_secs(1)).await, 2);
    assert_eq!(fixture.fetches_after(HOUR).await, 8);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_before_the_loop_is_not_repeated_by_it() {
    let fixture = Fixture::new(Answer::Keys(keys(&["a"])));
    fixture.ring.refresh().await.unwrap();
    let _task = fixture.keep_fresh();
    assert_eq!(fixture.fetches_after(9 * MINUTE).await, 1);
    assert_eq!(fixture.fetches_after(2 * MINUTE).await, 2);
}

#[tokio::test(start_paused = true)]
async fn the_source_sets_the_interval_within_limits() {
    for (max_age, fetches_in_an_hour) in [(0, 60), (120, 30), (30 * 24 * 60 * 60, 1)] {
        let fixture = Fixture::new(Answer::KeysFor(keys(&["a"]), Duration::from_secs(max_age)));
        let task = fixture.keep_fresh();
        assert_eq!(fixture.fetches_after(Duration::from_secs(3_599)).await, fetches_in_an_hour, "{max_age}");
        task.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_fetch_is_retried_with_back_off_and_recovers() {
    let fixture = Fixture::new(Answer::Failure);
    let _task = fixture.keep_fresh();
    // At 0, 1, 3, 7, 15, 31, 63 and 123 seconds.
    assert_eq!(fixture.fetches_after(Duration::from_millis(500)).await, 1);
    assert_eq!(fixture.fetches_after(Duration::from_secs(32)).await, 6);
    assert_eq!(fixture.fetches_after(Duration::from_secs(91)).await, 8);
    assert_eq!(fixture.fetches_after(HOUR).await, 68);
    fixture.source.answer_with(Answer::Keys(keys(&["a"])));
    assert_eq!(fixture.fetches_after(MINUTE).await, 69);
    assert!(fixture.has("a"));
    assert_eq!(fixture.fetches_after(9 * MINUTE).await, 69);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_never_answers_is_given_up() {
    let fixture = Fixture::new(Answer::Nothing);
    let (result, waited) = elapsed(fixture.ring.refresh()).await;
    assert!(matches!(result, Err(KeyRefreshError::TimedOut)));
    assert_eq!(waited, FETCH_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_bad_document_never_replaces_good_keys() {
    let fixture = Fixture::new(Answer::Keys(keys(&["a"])));
    fixture.ring.refresh().await.unwrap();
    for document in [
        b"".to_vec(),
        b"<html>".to_vec(),
        keys(&[]),
        key_document(&[ED25519.jwk("b"), TestKey::ed25519().jwk("b")]),
        vec![b' '; 10_000_000],
    ] {
        fixture.source.answer_with(Answer::Keys(document));
        assert!(matches!(fixture.ring.refresh().await, Err(KeyRefreshError::Import(_))));
        assert!(fixture.has("a"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_no_longer_published_is_dropped() {
    let fixture = Fixture::new(Answer::Keys(keys(&["a", "b"])));
    fixture.ring.refresh().await.unwrap();
    fixture.source.answer_with(Answer::Keys(keys(&["b"])));
    fixture.ring.refresh().await.unwrap();
    assert!(!fixture.has("a") && fixture.has("b"));
}

#[tokio::test(start_paused = true)]
async fn keys_outlive_an_outage_of_their_source_for_a_day() {
    let fixture = Fixture::new(Answer::Keys(keys(&["a"])));
    fixture.ring.refresh().await.unwrap();
    fixture.source.answer_with(Answer::Failure);
    let _task = fixture.keep_fresh();
    time::sleep(24 * HOUR).await;
    assert!(fixture.has("a"));
    time::sleep(Duration::from_millis(1)).await;
    assert!(!fixture.has("a") && !fixture.ring.is_ready());
    assert!((1..=60).contains(&fixture.ring.retry_after().as_secs()));
    fixture.source.answer_with(Answer::Keys(keys(&["a"])));
    time::sleep(MINUTE).await;
    assert!(fixture.has("a"));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_looked_for_once_by_all_calls_together() {
    let fixture = Fixture::ready().await;
    fixture.source.answer_with(Answer::KeysAfter(keys(&["a", "b"]), Duration::from_millis(300)));
    let mut calls = Vec::new();
    for call in 0..100 {
        let ring = Arc::clone(&fixture.ring);
        calls.push(tokio::spawn(async move {
            time::sleep(Duration::from_millis(call)).await;
            let found = |set: &KeySet| set.candidates(Some("b"), EdDsa).is_ok();
            ring.search(Instant::now(), Cause::UnknownKey, found).await
        }));
    }
    let (searches, waited) = elapsed(async {
        let mut all = Vec::new();
        for call in calls {
            all.push(call.await.unwrap());
        }
        all
    })
    .await;
    assert_eq!(searches, [SearchResult::Found; 100]);
    assert_eq!(waited.as_millis(), 300);
    assert_eq!(fixture.source.fetches(), 2);
    assert!(fixture.has("b"));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_called_absent_only_by_a_fetch_that_began_after_the_call() {
    let fixture = Fixture::ready().await;
    fixture.source.answer_with(Answer::KeysAfter(keys(&["a"]), Duration::from_millis(300)));
    let first = fixture.search("b");
    let second = async {
        time::sleep(Duration::from_millis(100)).await;
        elapsed(fixture.search("b")).await
    };
    // The second call began during the fetch of the first: the key may have been published in between.
    let (first, (second, waited)) = tokio::join!(first, second);
    assert_eq!((first, second, waited.as_millis()), (SearchResult::NotPublished, SearchResult::NotPublished, 500));
    assert_eq!(fixture.source.fetches(), 3);
    // Both fetches of the burst are used up. The first was 600 ms ago.
    let retry_after = Duration::from_millis(29_400);
    assert_eq!(fixture.search("b").await, SearchResult::Unknown { retry_after });
    assert_eq!(fixture.source.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_during_a_scheduled_fetch_waits_for_that_one() {
    let fixture = Fixture::new(Answer::KeysAfter(keys(&["a"]), Duration::from_millis(500)));
    let _task = fixture.keep_fresh();
    time::sleep(Duration::from_millis(200)).await;
    let (search, waited) = elapsed(fixture.search("a")).await;
    assert_eq!((search, waited.as_millis()), (SearchResult::Found, 300));
    assert_eq!(fixture.source.fetches(), 1);
    // The call did not cause that fetch, so it did not use the budget of calls.
    time::sleep(Duration::from_millis(1)).await;
    assert_eq!(
        (fixture.search("b").await, fixture.search("b").await),
        (SearchResult::NotPublished, SearchResult::NotPublished)
    );
    time::sleep(Duration::from_millis(1)).await;
    assert!(matches!(fixture.search("b").await, SearchResult::Unknown { .. }));
    assert_eq!(fixture.source.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_cause_two_fetches_and_then_one_each_thirty_seconds() {
    let fixture = Fixture::ready().await;
    let mut answers = Vec::new();
    for _ in 0..290 {
        time::sleep(Duration::from_millis(100)).await;
        let (search, waited) = elapsed(fixture.search("b")).await;
        assert_eq!(waited, Duration::ZERO);
        answers.push(search);
    }
    assert_eq!(answers[..2], [SearchResult::NotPublished; 2]);
    assert!(answers[2..].iter().all(|answer| matches!(answer, SearchResult::Unknown { .. })));
    let SearchResult::Unknown { retry_after } = answers[289] else { panic!("{answers:?}") };
    assert!((Duration::from_secs(1)..Duration::from_secs(2)).contains(&retry_after), "{retry_after:?}");
    assert_eq!(fixture.source.fetches(), 3);
    time::sleep(Duration::from_secs(2)).await;
    assert_eq!(fixture.search("b").await, SearchResult::NotPublished);
    assert_eq!(fixture.source.fetches(), 4);
}

#[tokio::test(start_paused = true)]
async fn one_invented_key_each_thirty_seconds_does_not_hold_up_a_new_key() {
    let fixture = Fixture::ready().await;
    for _ in 0..10 {
        assert_eq!(fixture.search("invented").await, SearchResult::NotPublished);
        time::sleep(Duration::from_secs(30)).await;
    }
    fixture.search("invented").await;
    fixture.source.answer_with(Answer::Keys(keys(&["a", "b"])));
    time::sleep(Duration::from_millis(1)).await;
    assert_eq!(fixture.search("b").await, SearchResult::Found);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_invented_keys_delays_a_new_key_and_never_calls_it_absent() {
    let fixture = Fixture::ready().await;
    for _ in 0..10 {
        fixture.search("invented").await;
        time::sleep(Duration::from_millis(1)).await;
    }
    fixture.source.answer_with(Answer::Keys(keys(&["a", "b"])));
    let mut waited = 0;
    loop {
        fixture.search("invented").await;
        match fixture.search("b").await {
            SearchResult::Found => break,
            SearchResult::Unknown { retry_after } => assert!(retry_after <= Duration::from_secs(30)),
            SearchResult::NotPublished => panic!("it is published"),
        }
        waited += 1;
        time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!((waited, fixture.source.fetches()), (30, 4));
}

#[tokio::test(start_paused = true)]
async fn failed_fetches_count_as_well() {
    let fixture = Fixture::ready().await;
    fixture.source.answer_with(Answer::Failure);
    for _ in 0..1_000 {
        assert!(matches!(fixture.search("b").await, SearchResult::Unknown { .. }));
    }
    assert_eq!(fixture.source.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_a_second_at_most() {
    let fixture = Fixture::ready().await;
    fixture.source.answer_with(Answer::Nothing);
    for search in [fixture.search("b").await, fixture.forge().await] {
        assert!(matches!(search, SearchResult::Unknown { .. }));
    }
    let (search, waited) = elapsed(fixture.search("b")).await;
    assert!(matches!(search, SearchResult::Unknown { .. }));
    assert_eq!(waited, LONGEST_WAIT);
    // Calls share the same fetch.
    assert_eq!(fixture.source.fetches(), 2);
    assert!(fixture.has("a"));
}

#[tokio::test(start_paused = true)]
async fn bad_signatures_and_unknown_keys_have_a_budget_each() {
    let fixture = Fixture::ready().await;
    for _ in 0..100 {
        time::sleep(Duration::from_millis(1)).await;
        let (_, waited) = elapsed(fixture.forge()).await;
        assert_eq!(waited, Duration::ZERO);
    }
    assert_eq!(fixture.source.fetches(), 3);
    assert_eq!(fixture.search("b").await, SearchResult::NotPublished);
    for _ in 0..100 {
        time::sleep(Duration::from_millis(1)).await;
        fixture.search("b").await;
    }
    assert_eq!(fixture.source.fetches(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_does_not_stop_the_fetch_it_caused() {
    let fixture = Fixture::ready().await;
    fixture.source.answer_with(Answer::KeysAfter(keys(&["a", "b"]), Duration::from_millis(500)));
    let call = time::timeout(Duration::from_millis(100), fixture.search("b")).await;
    assert!(call.is_err());
    time::sleep(Duration::from_millis(500)).await;
    assert!(fixture.has("b"));
    assert_eq!(fixture.source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_operator_can_have_the_keys_fetched_at_any_time() {
    let fixture = Fixture::ready().await;
    for fetches in 2..10 {
        fixture.ring.refresh_soon();
        fixture.ring.refresh_soon();
        assert_eq!(fixture.fetches_after(Duration::from_millis(1)).await, fetches);
    }
    // A fetch in flight may have begun too early.
    fixture.source.answer_with(Answer::KeysAfter(keys(&["a"]), Duration::from_secs(1)));
    fixture.ring.refresh_soon();
    time::sleep(Duration::from_millis(500)).await;
    fixture.source.answer_with(Answer::Keys(keys(&["b"])));
    fixture.ring.refresh_soon();
    assert_eq!(fixture.fetches_after(Duration::from_secs(1)).await, 11);
    assert!(fixture.has("b") && !fixture.has("a"));
}

fn with_initial_keys(start: Answer, answer: Answer) -> (Fixture, Arc<FakeKeySource>) {
    let mut fixture = Fixture::new(answer);
    let start = FakeKeySource::new(start);
    let ring = Arc::into_inner(fixture.ring).unwrap();
    fixture.ring = Arc::new(ring.with_initial_keys(Box::new(Arc::clone(&start))));
    (fixture, start)
}

#[tokio::test(start_paused = true)]
async fn a_ring_starts_with_the_keys_of_its_file_and_keeps_them_through_an_outage() {
    let (fixture, start) = with_initial_keys(Answer::Keys(keys(&["file"])), Answer::Failure);
    let _task = fixture.keep_fresh();
    time::sleep(Duration::from_millis(1)).await;
    assert!(fixture.has("file") && fixture.ring.is_ready());
    let status = fixture.ring.status();
    assert_eq!((status.keys, status.age, status.usable, status.good_refreshes), (1, None, true, 0));
    // The file does not prove that the issuer has no other key.
    assert!(matches!(fixture.search("b").await, SearchResult::Unknown { .. }));
    // It may be replaced before the first fetch, and its age counts from the first read of its keys.
    let generation = fixture.ring.current_generation();
    time::sleep(23 * HOUR).await;
    assert_eq!(fixture.ring.current_generation(), generation);
    time::sleep(HOUR).await;
    assert!(!fixture.ring.is_ready());
    start.answer_with(Answer::Keys(keys(&["file", "newer"])));
    time::sleep(2 * MINUTE).await;
    assert!(fixture.has("newer"));
}

#[tokio::test(start_paused = true)]
async fn keys_that_were_fetched_are_never_replaced_by_those_of_the_file() {
    let (fixture, start) = with_initial_keys(Answer::Keys(keys(&["file"])), Answer::Failure);
    let _task = fixture.keep_fresh();
    time::sleep(Duration::from_millis(1)).await;
    assert!(fixture.has("file"));
    fixture.source.answer_with(Answer::Keys(keys(&["a"])));
    time::sleep(MINUTE).await;
    assert!(fixture.has("a") && !fixture.has("file"));
    assert!(fixture.ring.status().age.is_some());
    let read = start.fetches();
    fixture.source.answer_with(Answer::Failure);
    time::sleep(HOUR).await;
    assert!(fixture.has("a") && !fixture.has("file"));
    assert_eq!(start.fetches(), read);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_used_stops_nothing() {
    for start in [Answer::Failure, Answer::Keys(b"{".to_vec()), Answer::Keys(keys(&[])), Answer::Nothing] {
        let (fixture, _) = with_initial_keys(start, Answer::Keys(keys(&["a"])));
        fixture.ring.refresh().await.unwrap();
        assert!(fixture.has("a"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_fetch_ends_all_waits() {
    let fixture = Fixture::new(Answer::Nothing);
    let fetch = time::timeout(Duration::from_millis(100), fixture.ring.refresh()).await;
    assert!(fetch.is_err());
    assert!(fixture.ring.fetching.borrow().is_idle());
    fixture.source.answer_with(Answer::Keys(keys(&["a"])));
    fixture.ring.refresh().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn refreshes_do_not_overlap() {
    let fixture = Fixture::new(Answer::KeysAfter(keys(&["a"]), Duration::from_secs(1)));
    let (_, waited) = elapsed(async { tokio::join!(fixture.ring.refresh(), fixture.ring.refresh()) }).await;
    assert_eq!(waited, Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn keys_of_algorithms_that_are_not_allowed_are_left_out() {
    let mixed = key_document(&[RSA.jwk_for("a", Algorithm::Ps256), ED25519.jwk("b")]);
    let fixture = Fixture::new(Answer::Keys(mixed));
    fixture.ring.refresh().await.unwrap();
    assert_eq!(fixture.ring.current().unwrap().set.len(), 1);
    assert!(fixture.has("b"));
}

#[derive(Clone, Default)]
struct CapturedLog(Arc<std::sync::Mutex<Vec<u8>>>);

impl Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log of a ring for one fetch of these keys, by name and `use`.
async fn log_of_fetch(key_use: KeyUse, keys: &[(&str, &str)]) -> String {
    let keys: Vec<Value> =
        keys.iter().map(|(name, stated)| with(&ED25519.jwk(name), &json!({ "use": stated }))).collect();
    log_of_keys(KeyRules { algorithms: vec![EdDsa], key_use, issuer: None }, &keys).await
}

async fn log_of_keys(rules: KeyRules, keys: &[Value]) -> String {
    let timing = KeyRingTiming { refresh_interval: 10 * MINUTE, max_key_age: 24 * HOUR };
    let source = FakeKeySource::new(Answer::Keys(key_document(keys)));
    let ring = KeyRing::new(ISSUER.into(), rules, Box::new(source), timing);
    let log = CapturedLog::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    // This runtime has one thread, so the ring logs to this subscriber.
    let _guard = tracing::subscriber::set_default(subscriber);
    ring.refresh().await.unwrap();
    String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_left_out_are_a_warning_but_for_the_certificates_of_a_bundle() {
    let too_long = "k".repeat(257);
    for (key_use, keys, left_out) in [
        (KeyUse::Signature, [("a", "sig"), ("b", "sig")], None),
        (KeyUse::Signature, [("a", "sig"), ("b", "enc")], Some("key 1 (\"b\") is not for verifying signatures")),
        (KeyUse::JwtSvid, [("a", "jwt-svid"), ("b", "x509-svid")], None),
        (KeyUse::JwtSvid, [("a", "jwt-svid"), (too_long.as_str(), "jwt-svid")], Some("key 1 has a kid over 256 bytes")),
    ] {
        let log = log_of_fetch(key_use, &keys).await;
        assert!(log.contains("refreshed keys"), "{log}");
        assert_eq!(
            (log.contains("WARN"), log.contains("some were refused")),
            (left_out.is_some(), left_out.is_some()),
            "{log}"
        );
        let expected = left_out.map_or_else(String::new, |text| format!("skipped={text:?}"));
        assert!(log.contains(&expected), "{log}");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_of_other_tenants_are_no_warning() {
    let of_tenant = KeyIssuer { issuer: ISSUER.to_owned(), tenant: "t-1".to_owned() };
    let rules = KeyRules { algorithms: vec![EdDsa], key_use: KeyUse::Signature, issuer: Some(of_tenant) };
    let other = with(&P256.jwk("b"), &json!({"issuer": "https://other.example"}));
    let log = log_of_keys(rules, &[ED25519.jwk("a"), other]).await;
    assert!(log.contains("INFO") && log.contains("refreshed keys") && log.contains("keys=1"), "{log}");
    assert!(!log.contains("WARN"), "{log}");
}
