use std::sync::Mutex as StdMutex;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError as ProviderError;
use aws_credential_types::provider::future;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;

mod on_demand;
mod results;
mod source_changes;
mod steady_state;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// A wall clock that goes with tokio's paused time, and that can be set.
#[derive(Debug, Clone)]
struct FakeClock {
    started: Instant,
    set_forward: Arc<StdMutex<Duration>>,
}

impl FakeClock {
    fn new() -> Self {
        Self { started: Instant::now(), set_forward: Arc::default() }
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed() + *self.set_forward.lock().unwrap()
    }
}

impl Clock for FakeClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + self.elapsed()
    }
}

#[derive(Debug, Clone)]
enum Answer {
    /// New credentials with this id that expire after this time.
    Give(&'static str, Option<Duration>),
    /// The same after a time.
    GiveSlowly(&'static str, Duration, Duration),
    /// Credentials with this id that expire at this time of the test: the same ones for the same id and time.
    GiveUntil(&'static str, Duration),
    /// Temporary credentials without an expiry.
    GiveWithoutEnd,
    Fail,
    Hang,
}

/// Answers from a list, repeats the last answer, and records when it was asked.
#[derive(Debug)]
struct FakeProvider {
    clock: FakeClock,
    answers: StdMutex<Vec<Answer>>,
    asked_at: Arc<StdMutex<Vec<u64>>>,
}

impl FakeProvider {
    async fn answer(&self) -> Result<Credentials, ProviderError> {
        let secret = {
            let mut asked_at = self.asked_at.lock().unwrap();
            asked_at.push(self.clock.elapsed().as_secs());
            format!("secret {}", asked_at.len())
        };
        let answer = {
            let mut answers = self.answers.lock().unwrap();
            if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
        };
        match answer {
            Answer::Give(id, life) => {
                let expiry = life.map(|life| self.clock.now() + life);
                Ok(Credentials::new(id, secret, None, expiry, "test"))
            }
            Answer::GiveSlowly(id, life, delay) => {
                sleep(delay).await;
                Ok(Credentials::new(id, secret, None, Some(self.clock.now() + life), "test"))
            }
            Answer::GiveUntil(id, end) => {
                let expiry = self.clock.now() - self.clock.elapsed() + end;
                Ok(Credentials::new(id, "secret", None, Some(expiry), "test"))
            }
            Answer::GiveWithoutEnd => Ok(Credentials::new("B", "secret", Some("token".to_owned()), None, "test")),
            Answer::Fail => Err(ProviderError::provider_error("no route to host")),
            Answer::Hang => std::future::pending().await,
        }
    }
}

impl ProvideCredentials for FakeProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.answer())
    }
}

struct Fixture {
    cache: Arc<CredentialsCache>,
    clock: FakeClock,
    asked_at: Arc<StdMutex<Vec<u64>>>,
}

impl Fixture {
    /// With no jitter at renewals and half at retries.
    fn new(answers: &[Answer]) -> Self {
        Self::with_random(answers, 0.0)
    }

    fn with_random(answers: &[Answer], random: f64) -> Self {
        let (clock, asked_at) = (FakeClock::new(), Arc::default());
        let provider = FakeProvider {
            clock: clock.clone(),
            answers: StdMutex::new(answers.to_vec()),
            asked_at: Arc::clone(&asked_at),
        };
        let cache = CredentialsCache::new(provider, Arc::new(clock.clone()), HOUR).with_random(move || random);
        Self { cache: Arc::new(cache), clock, asked_at }
    }

    fn keep_fresh(&self) -> JoinHandle<()> {
        tokio::spawn(Arc::clone(&self.cache).keep_fresh())
    }

    fn asked_at(&self) -> Vec<u64> {
        self.asked_at.lock().unwrap().clone()
    }

    fn usable_for(&self) -> Duration {
        self.cache.snapshot().map_or(Duration::ZERO, |held| held.usable_for(self.clock.now()))
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_there_before_the_first_load() {
    let fixture = Fixture::new(&[Answer::Give("A", None)]);
    assert!(fixture.cache.snapshot().is_none());
    fixture.cache.refresh().await.unwrap();
    assert!(fixture.cache.snapshot().is_some());
}

#[tokio::test(start_paused = true)]
async fn credentials_are_renewed_while_they_cover_the_longest_url() {
    let fixture = Fixture::new(&[Answer::Give("A", Some(6 * HOUR))]);
    let task = fixture.keep_fresh();
    sleep(11 * HOUR).await;
    // Five minutes and the margin before they stop covering an hour.
    let life = 5 * 3_600 - 330;
    assert_eq!(fixture.asked_at(), [0, life, 2 * life]);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn credentials_without_an_end_are_read_again() {
    let fixture = Fixture::new(&[Answer::Give("A", None)]);
    let task = fixture.keep_fresh();
    sleep(31 * MINUTE).await;
    assert_eq!(fixture.asked_at(), [0, 900, 1_800]);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn jitter_makes_renewal_earlier() {
    let fixture = Fixture::with_random(&[Answer::Give("A", None)], 1.0);
    let task = fixture.keep_fresh();
    sleep(15 * MINUTE).await;
    assert_eq!(fixture.asked_at(), [0, 810]);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried_with_growing_pauses_and_the_old_credentials_stay() {
    let fixture = Fixture::with_random(&[Answer::Give("A", Some(20 * MINUTE)), Answer::Fail], 1.0);
    fixture.cache.refresh().await.unwrap();
    let held = fixture.cache.snapshot().unwrap();
    let task = fixture.keep_fresh();
    sleep(19 * MINUTE).await;
    let due = 540;
    assert_eq!(fixture.asked_at()[..9], [0, due, due + 1, due + 3, due + 7, due + 15, due + 31, due + 63, due + 123]);
    assert!(Arc::ptr_eq(&held, &fixture.cache.snapshot().unwrap()));
    assert_eq!(fixture.usable_for(), Duration::from_secs(30));
    sleep(MINUTE).await;
    assert_eq!(fixture.usable_for(), Duration::ZERO, "they end when they end");
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_request_has_the_provider_asked_at_once_and_a_failure_keeps_what_is_held() {
    let answers = [Answer::Give("A", None), Answer::Fail, Answer::Fail, Answer::Give("B", None)];
    let fixture = Fixture::with_random(&answers, 1.0);
    let task = fixture.keep_fresh();
    sleep(MINUTE).await;
    let held = fixture.cache.snapshot().unwrap();
    fixture.cache.renew_soon();
    fixture.cache.renew_soon();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(fixture.asked_at(), [0, 60], "several requests count once");
    assert!(Arc::ptr_eq(&held, &fixture.cache.snapshot().unwrap()));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(fixture.asked_at(), [0, 60, 61]);
    fixture.cache.renew_soon();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(fixture.asked_at().len(), 4, "a pause after a failure ends, too");
    assert!(!Arc::ptr_eq(&held, &fixture.cache.snapshot().unwrap()));
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn success_after_failures_takes_the_new_credentials() {
    let answers = [Answer::Fail, Answer::Fail, Answer::Give("A", Some(6 * HOUR))];
    let fixture = Fixture::with_random(&answers, 0.0);
    let task = fixture.keep_fresh();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(fixture.asked_at(), [0, 1, 2]);
    assert!(fixture.usable_for() > 5 * HOUR);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn hanging_provider_is_given_up_and_the_old_credentials_stay() {
    let fixture = Fixture::new(&[Answer::Give("A", Some(HOUR)), Answer::Hang]);
    fixture.cache.refresh().await.unwrap();
    let started = Instant::now();
    assert_eq!(fixture.cache.refresh().await, Err(CredentialsError::TimedOut(Duration::from_secs(10))));
    assert_eq!(started.elapsed(), Duration::from_secs(10));
    assert!(fixture.usable_for() > 58 * MINUTE);
}

#[tokio::test(start_paused = true)]
async fn useless_credentials_never_replace_good_ones() {
    for (useless, expected) in [
        (Answer::Give("B", Some(Duration::ZERO)), CredentialsError::Expired),
        (Answer::Give("B", Some(Duration::from_secs(30))), CredentialsError::Expired),
        (Answer::Give("", None), CredentialsError::Incomplete),
        (Answer::Give("B\r\n", None), CredentialsError::Malformed),
        (Answer::GiveWithoutEnd, CredentialsError::UnknownExpiry),
    ] {
        let fixture = Fixture::new(&[Answer::Give("A", Some(HOUR)), useless]);
        fixture.cache.refresh().await.unwrap();
        let held = fixture.cache.snapshot().unwrap();
        assert_eq!(fixture.cache.refresh().await, Err(expected));
        assert!(Arc::ptr_eq(&held, &fixture.cache.snapshot().unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn provider_that_does_not_renew_is_asked_more_often_toward_the_end_but_not_in_a_loop() {
    let fixture = Fixture::new(&[Answer::GiveUntil("A", 2 * HOUR)]);
    let task = fixture.keep_fresh();
    sleep(119 * MINUTE).await;
    let held = fixture.cache.snapshot().unwrap();
    let asked_at = fixture.asked_at();
    assert_eq!(asked_at[..4], [0, 3_270, 3_420, 3_495]);
    let pauses: Vec<u64> = asked_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[3..].iter().all(|pause| (10..=60).contains(pause)), "{pauses:?}");
    assert!(pauses[pauses.len() / 2..].contains(&60), "{pauses:?}");
    sleep(HOUR).await;
    assert_eq!(fixture.usable_for(), Duration::ZERO);
    assert!(Arc::ptr_eq(&held, &fixture.cache.snapshot().unwrap()));
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn longer_life_of_urls_is_acted_on_at_once() {
    let fixture = Fixture::new(&[Answer::Give("A", Some(6 * HOUR))]);
    let task = fixture.keep_fresh();
    sleep(3 * HOUR + Duration::from_millis(500)).await;
    assert_eq!(fixture.asked_at(), [0]);
    fixture.cache.set_longest_url_life(2 * HOUR);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(fixture.asked_at(), [0], "they cover two hours");
    fixture.cache.set_longest_url_life(3 * HOUR);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(fixture.asked_at(), [0, 3 * 3_600 + 1]);
    fixture.cache.set_longest_url_life(12 * HOUR);
    sleep(HOUR).await;
    assert_eq!(fixture.asked_at()[2..], [3 * 3_600 + 2], "once, though no credentials last as long");
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn clock_that_was_set_forward_is_noticed_within_a_minute() {
    let fixture = Fixture::new(&[Answer::Give("A", Some(6 * HOUR))]);
    let task = fixture.keep_fresh();
    sleep(MINUTE).await;
    *fixture.clock.set_forward.lock().unwrap() = 8 * HOUR;
    assert_eq!(fixture.usable_for(), Duration::ZERO);
    sleep(MINUTE).await;
    assert_eq!(fixture.asked_at().len(), 2);
    assert!(fixture.usable_for() > 5 * HOUR);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn loads_at_the_same_time_follow_one_another() {
    let fixture = Fixture::new(&[Answer::Hang, Answer::Give("B", None)]);
    let (first, second) = tokio::join!(fixture.cache.refresh(), fixture.cache.refresh());
    assert!(first.is_err() && second.is_ok());
    assert_eq!(fixture.asked_at(), [0, 10]);
}

#[test]
fn random_fraction_stays_within_its_bounds_and_varies() {
    let numbers: Vec<f64> = (0..64).map(|_| random_fraction()).collect();
    assert!(numbers.iter().all(|number| (0.0..=1.0).contains(number)));
    assert!(numbers.iter().any(|number| number.to_bits() != numbers[0].to_bits()));
}

#[tokio::test(start_paused = true)]
async fn debug_shows_no_part_of_the_credentials() {
    let fixture = Fixture::new(&[Answer::Give("ACCESSKEYID", None)]);
    fixture.cache.refresh().await.unwrap();
    let text = format!("{:?}", fixture.cache);
    assert!(!text.contains("ACCESSKEYID") && !text.contains("secret"), "{text}");
}
