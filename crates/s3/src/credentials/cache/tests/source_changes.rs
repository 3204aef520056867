//! Providers that report changes of their source.

use async_trait::async_trait;
use tokio::sync::Notify;

use super::*;

/// Changes on command, and records whether it was watched after a failure.
#[derive(Debug, Clone, Default)]
struct FakeChanges {
    notify: Arc<Notify>,
    watched_after_failure: Arc<StdMutex<Vec<bool>>>,
}

#[async_trait]
impl SourceChanges for FakeChanges {
    async fn changed(&self, after_failure: bool) {
        self.watched_after_failure.lock().unwrap().push(after_failure);
        self.notify.notified().await;
    }
}

fn fixture(answers: &[Answer]) -> (Fixture, FakeChanges) {
    let changes = FakeChanges::default();
    let mut fixture = Fixture::with_random(answers, 1.0);
    let cache = Arc::into_inner(fixture.cache).unwrap();
    fixture.cache = Arc::new(cache.with_changes(changes.clone()));
    (fixture, changes)
}

#[tokio::test(start_paused = true)]
async fn change_is_acted_on_at_once_after_success() {
    let (fixture, changes) = fixture(&[Answer::Give("A", None), Answer::Give("B", None)]);
    let task = fixture.keep_fresh();
    sleep(Duration::from_secs(100)).await;
    changes.notify.notify_one();
    sleep(Duration::from_secs(100)).await;
    assert_eq!(fixture.asked_at(), [0, 100]);
    assert_eq!(fixture.cache.snapshot().unwrap().credentials().access_key_id(), "B");
    assert!(changes.watched_after_failure.lock().unwrap().iter().all(|after_failure| !after_failure));
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn change_ends_the_wait_for_a_retry() {
    let mut answers = vec![Answer::Fail; 7];
    answers.push(Answer::Give("A", None));
    let (fixture, changes) = fixture(&answers);
    let task = fixture.keep_fresh();
    sleep(Duration::from_secs(70)).await;
    assert_eq!(fixture.asked_at(), [0, 1, 3, 7, 15, 31, 63]);
    changes.notify.notify_one();
    sleep(Duration::from_secs(4)).await;
    assert_eq!(fixture.asked_at()[7..], [73], "10 seconds after the last");
    assert_eq!(changes.watched_after_failure.lock().unwrap()[..8], [true, true, true, true, true, true, true, false]);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn change_that_breaks_the_source_is_retried_although_the_credentials_last() {
    let (fixture, changes) = fixture(&[Answer::Give("A", None), Answer::Fail, Answer::Fail, Answer::Give("B", None)]);
    let task = fixture.keep_fresh();
    sleep(Duration::from_secs(100)).await;
    changes.notify.notify_one();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(fixture.asked_at(), [0, 100, 101]);
    assert_eq!(fixture.cache.snapshot().unwrap().credentials().access_key_id(), "A");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(fixture.cache.snapshot().unwrap().credentials().access_key_id(), "B");
    task.abort();
}

/// A provider that changes its source at each question, which must not cause the next question.
#[derive(Debug)]
struct AlwaysChanged;

#[async_trait]
impl SourceChanges for AlwaysChanged {
    async fn changed(&self, _after_failure: bool) {
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn changes_without_end_ask_every_ten_seconds_at_most() {
    let mut fixture = Fixture::with_random(&[Answer::Give("A", None)], 1.0);
    let cache = Arc::into_inner(fixture.cache).unwrap();
    fixture.cache = Arc::new(cache.with_changes(AlwaysChanged));
    let task = fixture.keep_fresh();
    sleep(Duration::from_millis(40_500)).await;
    assert_eq!(fixture.asked_at(), [0, 10, 20, 30, 40]);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn changes_after_failures_leave_ten_seconds_between_two_questions() {
    let mut fixture = Fixture::with_random(&[Answer::Fail], 1.0);
    let cache = Arc::into_inner(fixture.cache).unwrap();
    fixture.cache = Arc::new(cache.with_changes(AlwaysChanged));
    let task = fixture.keep_fresh();
    sleep(Duration::from_millis(46_500)).await;
    // The delays of retries grow to a minute.
    assert_eq!(fixture.asked_at(), [0, 1, 3, 7, 15, 25, 35, 45]);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn errors_of_credentials_that_are_judged_name_their_source() {
    let judged = |token: Option<&str>, id: &str, life: Option<u64>| {
        let token = token.map(ToOwned::to_owned);
        let expiry = life.map(|life| SystemTime::UNIX_EPOCH + Duration::from_secs(life));
        let given = Credentials::new(id, "secret", token, expiry, "test");
        let provider = CredentialsOrigin::new("profile `work`").mark(given);
        let cache = CredentialsCache::new(provider, Arc::new(FakeClock::new()), HOUR);
        async move { cache.refresh().await.unwrap_err().to_string() }
    };
    for (error, expected) in [
        (judged(Some("t"), "A", None).await, "profile `work`: the credentials have a session token and no expiry"),
        (judged(None, "", None).await, "profile `work`: the credentials lack an access key id"),
        (judged(None, "A\n", None).await, "profile `work`: the access key id and the session token must be visible"),
        (judged(None, "A", Some(1)).await, "profile `work`: the credentials have expired"),
    ] {
        assert!(error.starts_with(expected), "{error}");
    }
}
