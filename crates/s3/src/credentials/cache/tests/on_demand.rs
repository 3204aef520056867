use super::super::renewal::Renewal;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A thousand renewals on demand at the same time, and their results.
async fn flood(cache: &Arc<CredentialsCache>) -> Vec<Renewal> {
    let callers: Vec<_> = (0..1_000)
        .map(|_| {
            let cache = Arc::clone(cache);
            tokio::spawn(async move { cache.renew_now().await })
        })
        .collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.unwrap());
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_share_one_attempt() {
    for (answer, expected) in
        [(Answer::GiveSlowly("B", 6 * HOUR, SECOND), Renewal::Renewed), (Answer::Hang, Renewal::Failed)]
    {
        let fixture = Fixture::new(&[Answer::GiveUntil("A", HOUR), answer]);
        fixture.cache.refresh().await.unwrap();
        sleep(MINUTE).await;
        assert_eq!(flood(&fixture.cache).await, vec![expected; 1_000]);
        assert_eq!(fixture.asked_at(), [0, 60]);
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_on_demand_are_ten_seconds_apart() {
    let fixture = Fixture::new(&[Answer::Fail, Answer::GiveUntil("A", HOUR)]);
    assert_eq!(fixture.cache.renew_now().await, Renewal::Failed, "the first is made at once");
    assert_eq!(flood(&fixture.cache).await, vec![Renewal::NotAsked; 1_000]);
    sleep(Duration::from_millis(9_999)).await;
    assert_eq!(fixture.cache.renew_now().await, Renewal::NotAsked);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(fixture.cache.renew_now().await, Renewal::Renewed);
    sleep(10 * SECOND).await;
    assert_eq!(fixture.cache.renew_now().await, Renewal::Unchanged);
    assert_eq!(fixture.asked_at(), [0, 10, 20]);
}

#[tokio::test(start_paused = true)]
async fn attempt_in_the_background_counts_and_is_shared() {
    let fixture = Fixture::new(&[Answer::GiveSlowly("A", 6 * HOUR, SECOND)]);
    let task = fixture.keep_fresh();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(fixture.cache.renew_now().await, Renewal::Renewed);
    sleep(5 * SECOND).await;
    assert_eq!(fixture.cache.renew_now().await, Renewal::NotAsked);
    assert_eq!(fixture.asked_at(), [0]);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_does_not_cancel_the_attempt_for_others() {
    let fixture = Fixture::new(&[Answer::GiveSlowly("A", 6 * HOUR, 2 * SECOND)]);
    let impatient = timeout(SECOND, fixture.cache.renew_now()).await;
    assert!(impatient.is_err());
    assert_eq!(fixture.cache.renew_now().await, Renewal::Renewed);
    assert_eq!(fixture.asked_at(), [0]);
}

#[tokio::test(start_paused = true)]
async fn success_on_demand_puts_off_the_next_renewal_in_the_background() {
    let fixture = Fixture::new(&[Answer::Give("A", Some(6 * HOUR))]);
    let task = fixture.keep_fresh();
    sleep(4 * HOUR).await;
    assert_eq!(fixture.cache.renew_now().await, Renewal::Renewed);
    sleep(4 * HOUR).await;
    assert_eq!(fixture.asked_at(), [0, 4 * 3_600]);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn clock_that_was_set_back_does_not_hold_up_renewals() {
    let fixture = Fixture::new(&[Answer::Give("A", Some(HOUR))]);
    *fixture.clock.set_forward.lock().unwrap() = HOUR;
    fixture.cache.refresh().await.unwrap();
    *fixture.clock.set_forward.lock().unwrap() = Duration::ZERO;
    assert_eq!(fixture.cache.renew_now().await, Renewal::Renewed);
}
