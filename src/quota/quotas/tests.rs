use governor::clock::FakeRelativeClock;

use super::*;

fn limit(text: &str) -> RateLimit {
    RateLimit::parse(text).unwrap()
}

fn quotas(caller: Option<&str>, report_only: bool) -> (Quotas<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    let settings = QuotaSettings { caller: caller.map(limit), report_only, remembered_callers: 1_000 };
    (Quotas::with_clock(settings, clock.clone()), clock)
}

fn tier() -> Arc<str> {
    "tier-1".into()
}

fn scopes(quotas: &Quotas<FakeRelativeClock>) -> [u64; 3] {
    quotas.status().exceeded.map(|(_, count)| count)
}

#[test]
fn a_caller_has_its_burst_and_then_its_rate() {
    let (quotas, clock) = quotas(Some("2/s"), false);
    let admit = |caller| quotas.admit(caller, &tier(), None);
    assert_eq!((admit("ada"), admit("ada")), (Ok(()), Ok(())));
    let retry_after = Duration::from_millis(500);
    assert_eq!(admit("ada"), Err(QuotaExceeded { scope: QuotaScope::Caller, retry_after }));
    assert_eq!(admit("bob"), Ok(()), "each caller has its own");
    clock.advance(retry_after);
    assert_eq!(admit("ada"), Ok(()));
    assert!(admit("ada").is_err());
    assert_eq!(scopes(&quotas), [2, 0, 0]);
}

#[test]
fn a_tier_limits_each_caller_and_all_of_them() {
    let (quotas, _) = quotas(None, false);
    let quota = TierQuota { caller: Some(limit("2/m")), total: Some(limit("3/m")) };
    let scope = |caller| quotas.admit(caller, &tier(), Some(&quota)).map_err(|exceeded| exceeded.scope);
    assert_eq!((scope("ada"), scope("ada"), scope("ada")), (Ok(()), Ok(()), Err(QuotaScope::CallerInTier)));
    assert_eq!((scope("bob"), scope("bob")), (Ok(()), Err(QuotaScope::Tier)));
    assert_eq!(quotas.admit("bob", &"tier-2".into(), Some(&quota)), Ok(()), "each tier has its own");
}

#[test]
fn report_only_counts_and_lets_pass() {
    let (quotas, _) = quotas(Some("1/h"), true);
    for _ in 0..5 {
        assert_eq!(quotas.admit("ada", &tier(), None), Ok(()));
    }
    assert_eq!(scopes(&quotas), [4, 0, 0]);
    assert!(quotas.status().report_only);
}

#[test]
fn a_changed_limit_holds_from_the_next_call_on() {
    let (quotas, _) = quotas(None, false);
    let with = |text| TierQuota { caller: Some(limit(text)), total: None };
    assert!(quotas.admit("ada", &tier(), Some(&with("1/h"))).is_ok());
    assert!(quotas.admit("ada", &tier(), Some(&with("1/h"))).is_err());
    assert!(quotas.admit("ada", &tier(), Some(&with("2/h"))).is_ok());
}

#[test]
fn memory_is_bounded_whatever_the_number_of_callers() {
    let (quotas, _) = quotas(Some("1/h"), false);
    let quota = TierQuota { caller: Some(limit("1/h")), total: None };
    for caller in 0..100_000 {
        quotas.admit(&format!("caller-{caller}"), &tier(), Some(&quota)).unwrap();
    }
    assert!(quotas.callers.len() <= 1_000 && quotas.callers_in_tiers.len() <= 1_000);
}

#[test]
fn without_limits_nothing_is_counted() {
    let (quotas, _) = quotas(None, false);
    for _ in 0..10_000 {
        quotas.admit("ada", &tier(), None).unwrap();
    }
    assert_eq!(quotas.callers.len(), 0);
}
