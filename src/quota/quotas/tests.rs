use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::*;

fn limit(text: &str) -> RateLimit {
    RateLimit::parse(text).unwrap()
}

fn quotas(caller: Option<&str>, report_only: bool) -> Quotas {
    Quotas::new(QuotaSettings { caller: caller.map(limit), report_only, remembered_callers: 1_000 })
}

/// The default time of calls in tests.
const NOW: Duration = Duration::from_secs(1);

fn tier() -> Arc<str> {
    "tier-1".into()
}

impl Quotas {
    fn local(&self) -> &LocalStore {
        match &self.store {
            Store::Local(store) => store,
            Store::Shared(_) => panic!("the store is not in this process"),
        }
    }

    /// As `admit`, at a time since the start.
    fn admit_at(
        &self,
        since_start: Duration,
        caller_id: &str,
        tier: &Arc<str>,
        tier_quota: Option<&TierQuota>,
    ) -> Result<(), QuotaExceeded> {
        self.judge(self.local().count_at(since_start, &self.call(caller_id, tier, tier_quota)))
    }
}

fn scopes(quotas: &Quotas) -> [u64; 3] {
    quotas.status().exceeded.map(|(_, count)| count)
}

#[test]
fn a_caller_has_its_burst_and_then_its_rate() {
    let quotas = quotas(Some("2/s"), false);
    let admit_at = |now, caller| quotas.admit_at(now, caller, &tier(), None);
    let admit = |caller| admit_at(NOW, caller);
    assert_eq!((admit("ada"), admit("ada")), (Ok(()), Ok(())));
    let retry_after = Duration::from_millis(500);
    assert_eq!(admit("ada"), Err(QuotaExceeded { scope: QuotaScope::Caller, retry_after }));
    assert_eq!(admit("bob"), Ok(()), "each caller has its own");
    assert!(admit_at(NOW + retry_after.saturating_sub(Duration::from_nanos(1)), "ada").is_err());
    assert_eq!(admit_at(NOW + retry_after, "ada"), Ok(()));
    assert!(admit_at(NOW + retry_after, "ada").is_err());
    assert_eq!(scopes(&quotas), [3, 0, 0]);
}

#[test]
fn a_tier_limits_each_caller_and_all_of_them() {
    let quotas = quotas(None, false);
    let quota = TierQuota { caller: Some(limit("2/m")), total: Some(limit("3/m")) };
    let scope = |caller| quotas.admit_at(NOW, caller, &tier(), Some(&quota)).map_err(|exceeded| exceeded.scope);
    assert_eq!((scope("ada"), scope("ada"), scope("ada")), (Ok(()), Ok(()), Err(QuotaScope::CallerInTier)));
    assert_eq!((scope("bob"), scope("bob")), (Ok(()), Err(QuotaScope::Tier)));
    assert_eq!(quotas.admit_at(NOW, "bob", &"tier-2".into(), Some(&quota)), Ok(()), "each tier has its own");
}

#[test]
fn report_only_counts_and_lets_pass() {
    let quotas = quotas(Some("1/h"), true);
    for _ in 0..5 {
        assert_eq!(quotas.admit_at(NOW, "ada", &tier(), None), Ok(()));
    }
    assert_eq!(scopes(&quotas), [4, 0, 0]);
    assert!(quotas.status().report_only);
}

#[test]
fn a_changed_limit_holds_from_the_next_call_on() {
    let quotas = quotas(None, false);
    let with = |text| TierQuota { caller: Some(limit(text)), total: None };
    assert!(quotas.admit_at(NOW, "ada", &tier(), Some(&with("1/h"))).is_ok());
    assert!(quotas.admit_at(NOW, "ada", &tier(), Some(&with("1/h"))).is_err());
    assert!(quotas.admit_at(NOW, "ada", &tier(), Some(&with("2/h"))).is_ok());
}

#[test]
fn memory_is_bounded_whatever_the_number_of_callers() {
    let quotas = quotas(Some("1/h"), false);
    let quota = TierQuota { caller: Some(limit("1/h")), total: None };
    for caller in 0..100_000 {
        quotas.admit_at(NOW, &format!("caller-{caller}"), &tier(), Some(&quota)).unwrap();
    }
    assert!(quotas.local().remembered().into_iter().all(|callers| callers <= 1_000));
}

#[tokio::test]
async fn without_limits_nothing_is_counted() {
    let quotas = quotas(None, false);
    for _ in 0..10_000 {
        quotas.admit("ada", &tier(), None).await.unwrap();
    }
    assert_eq!(quotas.local().remembered(), [0, 0]);
}

#[tokio::test]
async fn time_goes_on_by_itself() {
    let quotas = quotas(Some("1000/s"), false);
    let tier = tier();
    let admit = || quotas.admit("ada", &tier, None);
    let mut exceeded = None;
    for _ in 0..1_000_000 {
        exceeded = admit().await.err();
        if exceeded.is_some() {
            break;
        }
    }
    let Some(QuotaError::Exceeded(exceeded)) = exceeded else { panic!("a thousand at once are used up: {exceeded:?}") };
    std::thread::sleep(exceeded.retry_after);
    assert_eq!(admit().await, Ok(()));
}

#[test]
fn calls_of_many_threads_are_counted_one_by_one() {
    let quotas = quotas(Some("1000/h"), false);
    let quotas = &quotas;
    let admitted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..1_000).filter(|_| quotas.admit_at(NOW, "ada", &tier(), None).is_ok()).count()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(admitted, 1_000);
}

/// Caller ids: 32 hexadecimal digits, without an order.
#[test]
fn a_hundred_thousand_callers_take_less_than_16_mib() {
    let settings = QuotaSettings { caller: Some(limit("1000/s")), report_only: false, remembered_callers: 100_000 };
    let quotas = Quotas::new(settings);
    for caller in 0..200_000_u128 {
        let id = format!("{:032x}", caller.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
        quotas.admit_at(NOW, &id, &tier(), None).unwrap();
    }
    assert!(quotas.local().remembered()[0] > 95_000, "{:?}", quotas.local().remembered());
    assert!(quotas.local().caller_bytes() < 16 << 20, "{}", quotas.local().caller_bytes());
}

/// A store that answers when it is released, with a given answer.
#[derive(Debug)]
struct SlowStore {
    let_answer: Semaphore,
    answer: Result<UsedUp, QuotaStoreError>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl QuotaStore for SlowStore {
    async fn count(&self, call: &CountedCall<'_>) -> Result<UsedUp, QuotaStoreError> {
        let CountedCall { caller_id, tier, caller, caller_in_tier, all_in_tier, stops_at_used_up } = call;
        let limits = [caller, caller_in_tier, all_in_tier].map(Option::is_some);
        self.asked.lock().unwrap().push(format!("{caller_id} {tier} {limits:?} {stops_at_used_up}"));
        let _let = self.let_answer.acquire().await.unwrap();
        self.answer.clone()
    }
}

fn shared(answer: Result<UsedUp, QuotaStoreError>, report_only: bool) -> (Arc<SlowStore>, Quotas) {
    let store = Arc::new(SlowStore { let_answer: Semaphore::new(0), answer, asked: Mutex::default() });
    let settings = QuotaSettings { caller: Some(limit("2/s")), report_only, remembered_callers: 1 };
    (Arc::clone(&store), Quotas::with_store(settings, store))
}

#[tokio::test]
async fn an_external_store_is_awaited_and_counts() {
    let retry_after = Duration::from_millis(500);
    let both = UsedUp { caller: Some(retry_after), all_in_tier: Some(Duration::from_secs(9)), ..UsedUp::default() };
    for (report_only, expected, counts) in [
        (false, Err(QuotaExceeded { scope: QuotaScope::Caller, retry_after }.into()), [1, 0, 0]),
        (true, Ok(()), [1, 0, 1]),
    ] {
        let (store, quotas) = shared(Ok(both), report_only);
        let quota = TierQuota { caller: None, total: Some(limit("9/s")) };
        let tier = tier();
        let mut admission = std::pin::pin!(quotas.admit("ada", &tier, Some(&quota)));
        let early = tokio::time::timeout(Duration::from_millis(10), &mut admission).await;
        assert!(early.is_err(), "nothing is admitted before the store has answered");
        store.let_answer.add_permits(1);
        assert_eq!(admission.await, expected);
        assert_eq!(scopes(&quotas), counts);
        assert_eq!(*store.asked.lock().unwrap(), [format!("ada tier-1 [true, false, true] {}", !report_only)]);
    }
}

#[tokio::test]
async fn an_unavailable_store_refuses_every_call_and_says_why() {
    for report_only in [false, true] {
        let (store, quotas) = shared(Err(QuotaStoreError("connection refused".to_owned())), report_only);
        store.let_answer.add_permits(1);
        let QuotaError::Unavailable(error) = quotas.admit("ada", &tier(), None).await.unwrap_err() else { panic!() };
        assert_eq!(error.code(), "quota_store_unavailable");
        assert_eq!(error.to_string(), "the quota store is unavailable: connection refused");
        assert_eq!(scopes(&quotas), [0, 0, 0], "no quota counts as used up");
    }
}
