use std::io::{self, Write};

use super::*;

fn count(cache: &CredentialsCache, result: RefreshResult) -> u64 {
    cache.status().refreshes.into_iter().find(|(counted, _)| *counted == result).unwrap().1
}

#[tokio::test(start_paused = true)]
async fn every_result_is_counted_once() {
    let expected = [
        (Answer::GiveUntil("A", 120 * MINUTE), RefreshResult::Renewed),
        (Answer::GiveUntil("A", 120 * MINUTE), RefreshResult::Unchanged),
        (Answer::GiveUntil("A", 120 * MINUTE), RefreshResult::Stale),
        (Answer::GiveUntil("A", 125 * MINUTE), RefreshResult::Extended),
        (Answer::Fail, RefreshResult::Failed),
        (Answer::GiveUntil("B", 180 * MINUTE), RefreshResult::Shortened),
    ];
    let answers = expected.clone().map(|(answer, _)| answer);
    let fixture = Fixture::new(&answers);
    for (_, result) in expected {
        assert_eq!(fixture.cache.refresh().await.unwrap_or(RefreshResult::Failed), result);
        assert_eq!(count(&fixture.cache, result), 1);
        sleep(35 * MINUTE).await;
    }
    assert!(fixture.cache.status().refreshes.iter().all(|(_, count)| *count == 1));
}

#[tokio::test(start_paused = true)]
async fn same_credentials_again_are_no_replacement() {
    let fixture = Fixture::new(&[Answer::GiveUntil("A", 6 * HOUR)]);
    fixture.cache.refresh().await.unwrap();
    let (held, loaded_at) = (fixture.cache.snapshot().unwrap(), fixture.clock.now());
    sleep(HOUR).await;
    assert_eq!(fixture.cache.refresh().await, Ok(RefreshResult::Unchanged));
    assert!(Arc::ptr_eq(&held, &fixture.cache.snapshot().unwrap()));
    assert_eq!(fixture.cache.status().loaded_at, Some(loaded_at));
    assert_eq!(fixture.cache.last_attempt(), Some(loaded_at + HOUR));
}

#[tokio::test(start_paused = true)]
async fn same_credentials_past_their_end_are_refused_and_stale() {
    let fixture = Fixture::new(&[Answer::GiveUntil("A", HOUR)]);
    fixture.cache.refresh().await.unwrap();
    sleep(HOUR).await;
    assert_eq!(fixture.cache.refresh().await, Err(CredentialsError::Expired));
    assert_eq!(count(&fixture.cache, RefreshResult::Stale), 1);
}

#[tokio::test(start_paused = true)]
async fn status_of_an_empty_cache_says_nothing_and_counts_nothing() {
    let fixture = Fixture::new(&[Answer::Fail]);
    let status = fixture.cache.status();
    assert_eq!((status.expiry, status.loaded_at, fixture.cache.last_attempt(), status.urls_cut), (None, None, None, 0));
    assert!(status.refreshes.iter().all(|(_, count)| *count == 0));
}

#[tokio::test(start_paused = true)]
async fn urls_of_a_window_keep_the_credentials_that_it_began_with() {
    let fixture = Fixture::new(&[Answer::GiveUntil("A", 2 * HOUR), Answer::GiveUntil("B", 6 * HOUR)]);
    fixture.cache.refresh().await.unwrap();
    sleep(50 * MINUTE).await;
    let start = fixture.clock.now();
    let in_force = |now| fixture.cache.snapshot_for_window(start, start + HOUR, now).unwrap();
    let first = in_force(start);
    sleep(10 * MINUTE).await;
    fixture.cache.refresh().await.unwrap();
    assert!(Arc::ptr_eq(&first, &in_force(fixture.clock.now())));
    assert!(!Arc::ptr_eq(&first, &fixture.cache.snapshot().unwrap()));
    assert!(!Arc::ptr_eq(&first, &in_force(fixture.clock.now() + HOUR)), "they end");
}

#[tokio::test(start_paused = true)]
async fn previous_credentials_are_dropped_when_they_have_ended() {
    let fixture = Fixture::new(&[Answer::GiveUntil("A", 2 * HOUR), Answer::GiveUntil("B", 12 * HOUR)]);
    fixture.cache.refresh().await.unwrap();
    let first = Arc::downgrade(&fixture.cache.snapshot().unwrap());
    let task = fixture.keep_fresh();
    sleep(HOUR).await;
    assert!(fixture.cache.status().expiry.unwrap() > fixture.clock.now() + 10 * HOUR);
    assert!(first.upgrade().is_some());
    sleep(HOUR).await;
    assert!(first.upgrade().is_none());
    task.abort();
}

/// Collects log lines.
#[derive(Clone, Default)]
struct Lines(Arc<StdMutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_does_wrong_is_logged_once_until_it_changes() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    let _until_the_end = tracing::subscriber::set_default(subscriber.with_writer(move || writer.clone()).finish());
    let stale = Answer::GiveUntil("ACCESSKEYID", HOUR);
    let answers = [stale.clone(), stale.clone(), stale, Answer::Give("OTHERKEYID", Some(HOUR / 2))];
    let fixture = Fixture::new(&answers);
    for _ in 0..5 {
        fixture.cache.refresh().await.unwrap();
    }
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let results: Vec<_> = log.lines().map(|line| line.split(r#"result=""#).nth(1).unwrap().split('"').next()).collect();
    assert_eq!(results, [Some("shortened"), Some("stale"), Some("shortened")], "{log}");
    assert!(log.lines().all(|line| line.contains(" WARN ")), "{log}");
    assert!(!log.contains("KEYID") && !log.contains("secret"), "{log}");
}
