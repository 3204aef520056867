use std::future::Future;

use serde_json::Value;
use tokio::task::JoinHandle;

use super::*;
use crate::identity::Algorithm::{self, EdDsa, Rs256};
use crate::identity::test_issuer::{Answer, ED25519, FakeKeySource, ISSUER, RSA, key_document};

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
        let rules = KeyRules { algorithms: vec![Rs256, EdDsa], key_use: KeyUse::Signature };
        let mut ring = KeyRing::new(ISSUER.into(), rules, Box::new(Arc::clone(&source)), timing);
        ring.random_fraction = || 0.5;
        Self { ring: Arc::new(ring), source }
    }

    fn keep_fresh(&self) -> JoinHandle<()> {
        let ring = Arc::clone(&self.ring);
        tokio::spawn(async move { ring.keep_fresh().await })
    }

    /// The fetches made until so long from now.
    async fn fetches_after(&self, time: Duration) -> usize {
        time::sleep(time).await;
        self.source.fetches()
    }

    fn has(&self, key_id: &str) -> bool {
        self.ring.current().is_some_and(|keys| keys.set.find(Some(key_id), EdDsa).is_ok())
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
    for document in [b"".to_vec(), b"<html>".to_vec(), keys(&[]), keys(&["b", "b"]), vec![b' '; 10_000_000]] {
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
    let fixture = Fixture::new(Answer::Keys(keys(&["a"])));
    let _task = fixture.keep_fresh();
    assert_eq!(fixture.fetches_after(MINUTE).await, 1);
    fixture.source.answer_with(Answer::KeysAfter(keys(&["a", "b"]), Duration::from_millis(300)));
    let mut calls = Vec::new();
    for call in 0..100 {
        let ring = Arc::clone(&fixture.ring);
        calls.push(tokio::spawn(async move {
            time::sleep(Duration::from_millis(call)).await;
            ring.look_for_new_keys().await
        }));
    }
    let (freshness, waited) = elapsed(async {
        let mut all = Vec::new();
        for call in calls {
            all.push(call.await.unwrap());
        }
        all
    })
    .await;
    assert_eq!(freshness, [Freshness::Latest; 100]);
    assert_eq!(waited.as_millis(), 300);
    assert_eq!(fixture.source.fetches(), 2);
    assert!(fixture.has("b"));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_during_a_scheduled_fetch_waits_for_that_one() {
    let fixture = Fixture::new(Answer::KeysAfter(keys(&["a"]), Duration::from_millis(500)));
    let _task = fixture.keep_fresh();
    time::sleep(Duration::from_millis(200)).await;
    let (freshness, waited) = elapsed(fixture.ring.look_for_new_keys()).await;
    assert_eq!((freshness, waited.as_millis()), (Freshness::Latest, 300));
    assert_eq!(fixture.source.fetches(), 1);
    // That fetch was not caused by the call, so that no cool-down began.
    fixture.ring.look_for_new_keys().await;
    assert_eq!(fixture.source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_cause_one_fetch_per_cool_down() {
    let fixture = Fixture::new(Answer::Keys(keys(&["a"])));
    let _task = fixture.keep_fresh();
    assert_eq!(fixture.fetches_after(MINUTE).await, 1);
    for _ in 0..290 {
        let (freshness, waited) = elapsed(fixture.ring.look_for_new_keys()).await;
        assert_eq!((freshness, waited), (Freshness::Latest, Duration::ZERO));
        time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(fixture.source.fetches(), 2);
    time::sleep(UNKNOWN_KEY_COOLDOWN).await;
    fixture.ring.look_for_new_keys().await;
    assert_eq!(fixture.source.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_cool_down_counts_failed_fetches() {
    let fixture = Fixture::new(Answer::Keys(keys(&["a"])));
    let _task = fixture.keep_fresh();
    assert_eq!(fixture.fetches_after(MINUTE).await, 1);
    fixture.source.answer_with(Answer::Failure);
    for _ in 0..1_000 {
        assert_eq!(fixture.ring.look_for_new_keys().await, Freshness::Uncertain);
    }
    assert_eq!(fixture.source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_a_second_at_most() {
    let fixture = Fixture::new(Answer::Keys(keys(&["a"])));
    let _task = fixture.keep_fresh();
    assert_eq!(fixture.fetches_after(MINUTE).await, 1);
    fixture.source.answer_with(Answer::Nothing);
    let (freshness, waited) = elapsed(fixture.ring.look_for_new_keys()).await;
    assert_eq!((freshness, waited), (Freshness::Uncertain, UNKNOWN_KEY_WAIT));
    // Later calls share what is left of the same fetch.
    fixture.ring.look_for_new_keys().await;
    assert_eq!(fixture.source.fetches(), 2);
    assert!(fixture.has("a"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_does_not_stop_the_fetch_it_caused() {
    let fixture = Fixture::new(Answer::Keys(keys(&["a"])));
    let _task = fixture.keep_fresh();
    assert_eq!(fixture.fetches_after(MINUTE).await, 1);
    fixture.source.answer_with(Answer::KeysAfter(keys(&["a", "b"]), Duration::from_millis(500)));
    let call = time::timeout(Duration::from_millis(100), fixture.ring.look_for_new_keys()).await;
    assert!(call.is_err());
    time::sleep(Duration::from_millis(500)).await;
    assert!(fixture.has("b"));
    assert_eq!(fixture.source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_is_dropped_leaves_nobody_waiting() {
    let fixture = Fixture::new(Answer::Nothing);
    let fetch = time::timeout(Duration::from_millis(100), fixture.ring.refresh()).await;
    assert!(fetch.is_err());
    assert!(!fixture.ring.fetching.borrow().under_way);
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
