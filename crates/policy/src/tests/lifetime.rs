//! Lives of URLs that shall stay the same.

use proptest::prelude::*;

use super::*;

const STABLE: &str = r#"
tier = [
    { name = "t", bucket = "media", prefix = "", download = { max_ttl = "2h", default_ttl = "15m", stable_window = "1h" } },
    { name = "new", bucket = "media", prefix = "new/", download = {} },
]
grant = [{ tiers = ["t", "new"], operations = "download", to = { authenticated = true } }]
"#;

/// 23:00:00, the start of an hour.
const WINDOW_START: u64 = 1_700_002_800;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn stable(
    policy: &Policy,
    key: &str,
    ttl: Option<u64>,
    require_full_ttl: bool,
    now: SystemTime,
) -> Result<Lifetime, RefusalReason> {
    let lifetime = LifetimeRequest { ttl: ttl.map(Duration::from_secs), require_full_ttl, stable: true };
    let request = AccessRequest { lifetime, ..access(key, RequestedDownload::default()) };
    let permit = policy.decide_download(&caller(&json!({})), request, now);
    permit.map(|permit| permit.lifetime()).map_err(|refusal| refusal.reason)
}

#[test]
fn equal_requests_within_a_window_get_the_same_life() {
    let policy = compile(STABLE).unwrap();
    let first = stable(&policy, "x", None, false, at(WINDOW_START)).unwrap();
    assert_eq!(first.starts_at, at(WINDOW_START));
    assert_eq!((first.ttl, first.limited_by), (Duration::from_mins(75), ExpiryLimit::TierDefaultTtl));
    let last_instant = at(WINDOW_START + 3_600) - Duration::from_millis(1);
    assert_eq!(stable(&policy, "x", None, false, last_instant).unwrap(), first);
    let next = stable(&policy, "x", None, false, at(WINDOW_START + 3_600)).unwrap();
    assert_eq!(next.starts_at, at(WINDOW_START + 3_600));
}

#[test]
fn the_tiers_limit_holds_from_the_start_of_the_window() {
    let policy = compile(STABLE).unwrap();
    let life = stable(&policy, "x", Some(7_000), false, at(WINDOW_START + 100)).unwrap();
    assert_eq!((life.ttl, life.limited_by), (Duration::from_hours(2), ExpiryLimit::TierMaxTtl));
    // Early in the window the rest covers the request, late it does not.
    assert!(stable(&policy, "x", Some(7_000), true, at(WINDOW_START + 200)).is_ok());
    assert_eq!(
        stable(&policy, "x", Some(7_000), true, at(WINDOW_START + 201)),
        Err(RefusalReason::FullTtlNotAllowed(Duration::from_secs(6_999)))
    );
}

/// URLs of different callers would expire at different times, and so differ.
#[test]
fn a_tier_whose_urls_end_with_the_token_has_no_stable_ones() {
    let text = STABLE.replace("stable_window = \"1h\" }", "stable_window = \"1h\", end_with_token = true }");
    let problems = compile(&text).unwrap_err().to_string();
    assert!(
        problems.starts_with(
            "policy.toml:3: tier[0].download.stable_window cannot be combined with end_with_token = true: "
        ),
        "{problems}"
    );
    assert!(compile(&text.replace("end_with_token = true", "end_with_token = false")).is_ok());
}

#[test]
fn a_tier_without_a_window_has_no_stable_urls() {
    let refused = stable(&compile(STABLE).unwrap(), "new/x", None, false, at(WINDOW_START)).unwrap_err();
    let RefusalReason::ObligationsNotMet(violations) = refused else { panic!("{refused:?}") };
    assert_eq!(violations.iter().map(|violation| violation.field).collect::<Vec<_>>(), ["stable"]);
}

#[test]
fn a_window_is_shorter_than_the_life() {
    for window in ["2h", "3h", "0s"] {
        let text = STABLE.replace("stable_window = \"1h\" }", &format!("stable_window = \"{window}\" }}"));
        let problems = compile(&text).unwrap_err().to_string();
        assert!(problems.contains("download.stable_window must be"), "{problems}");
    }
}

#[test]
fn the_default_ttl_may_be_the_largest() {
    let rules = "grant = [{ tiers = 't', operations = 'download', to = { authenticated = true } }]";
    let tier = "name = 't', bucket = 'media', prefix = '', download = { max_ttl = '20m', default_ttl = '20m' }";
    let policy = compile(&format!("tier = [{{ {tier} }}]\n{rules}")).unwrap();
    let life = read(&policy, &caller(&json!({})), "x").unwrap().lifetime();
    assert_eq!((life.ttl, life.limited_by), (Duration::from_mins(20), ExpiryLimit::TierDefaultTtl));
}

proptest! {
    #[test]
    fn a_stable_life_covers_the_wish_or_the_tiers_limit_and_never_more(
        into_window in 0..3_600_u64,
        milliseconds in 0..1_000_u64,
        ttl in 1..10_000_u64,
    ) {
        let policy = compile(STABLE).unwrap();
        let now = at(WINDOW_START + into_window) + Duration::from_millis(milliseconds);
        let life = stable(&policy, "x", Some(ttl), false, now).unwrap();
        prop_assert!(life.starts_at <= now && life.ends_at() > now);
        prop_assert!(life.ends_at() <= now + Duration::from_hours(2));
        let covers = life.ends_at() >= at(WINDOW_START + into_window + ttl);
        prop_assert!(covers || life.limited_by == ExpiryLimit::TierMaxTtl);
        prop_assert_eq!(covers, stable(&policy, "x", Some(ttl), true, now).is_ok());
    }
}
