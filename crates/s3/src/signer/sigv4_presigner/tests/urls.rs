//! Stable URLs, URLs that name their caller, and their endpoints.

use super::*;

/// A permit for a URL that stays the same from `starts_at` on.
fn stable_permit(starts_at: SystemTime, ttl: u64) -> Permit<PermittedDownload> {
    let (ttl, limited_by) = (Duration::from_secs(ttl), ExpiryLimit::TierMaxTtl);
    let lifetime = Lifetime { starts_at, ttl, limited_by, required_until: None, stable: true };
    Permit::for_tests(media(), key(), lifetime, PermittedDownload::default())
}

#[tokio::test]
async fn a_stable_url_is_the_same_for_all_callers_throughout_its_window() {
    let presigner =
        presigner_with("us-east-1", loaded_cache(documentation_credentials()).await, RequiredHeaders::default(), true);
    let start = instant(1_700_000_000);
    let sign = |after: u64, caller: &str| {
        let attribution = Attribution { decision_id: format!("decision-{after}"), caller_id: caller.to_owned() };
        let now = start + Duration::from_secs(after);
        at_once(presigner.sign_download(&stable_permit(start, 4_500), &attribution, now)).unwrap()
    };
    let first = sign(0, "one");
    assert_eq!(first, sign(3_599, "another"));
    assert_eq!(first.expiry.at, start + Duration::from_mins(75));
    assert!(first.get.url.as_str().contains("X-Amz-Date=20231114T221320Z&X-Amz-Expires=4500&"));
    assert!(!first.get.url.as_str().contains("access-broker"));
}

#[tokio::test]
async fn a_url_names_its_caller_and_decision_where_the_bucket_wants_that() {
    let cache = loaded_cache(documentation_credentials()).await;
    let now = instant(1_700_000_000);
    let permit = permit(&key(), now, 900, false, PermittedDownload::default());
    let named = presigner_with("us-east-1", Arc::clone(&cache), RequiredHeaders::default(), true);
    let signed = download(&named, &permit, now).unwrap();
    for url in [signed.get.url.as_str(), signed.head.url.as_str()] {
        assert!(url.contains("x-access-broker-caller=f00d-caller&x-access-broker-decision=0199-decision&"), "{url}");
    }
    let silent = presigner_with("us-east-1", cache, RequiredHeaders::default(), false);
    assert!(!download(&silent, &permit, now).unwrap().get.url.as_str().contains("access-broker"));
}

#[tokio::test]
async fn a_permit_for_an_endpoint_that_is_not_there_is_refused() {
    let credentials = loaded_cache(documentation_credentials()).await;
    let signer = signer(HashMap::new(), credentials);
    let presigner = SigV4Presigner::new(HashMap::from([(media(), signer)]));
    let now = instant(1_700_000_000);
    let permit = permit(&key(), now, 900, false, PermittedDownload::default());
    assert_eq!(download(&presigner, &permit, now), Err(PresignError::UnknownEndpoint));
}
