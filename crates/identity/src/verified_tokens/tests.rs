use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::test_issuer::{
    Answer, ED25519, FakeKeySource, P256, RSA, TOKEN_CACHE_BYTES, authenticator, claims, key_document, now, settings,
    with,
};
use crate::{
    Algorithm, AuthenticationError, Authenticator, IssuerSettings, IssuerVerifier, KeyRing, Rejection, TokenCacheStatus,
};

fn settings_for_all() -> IssuerSettings {
    IssuerSettings { algorithms: Algorithm::ALL.to_vec(), ..settings() }
}

/// An authenticator, its keys and their source.
async fn fixture(keys: &[Value], cache_bytes: u64) -> (Authenticator, Arc<KeyRing>, Arc<FakeKeySource>) {
    let source = FakeKeySource::new(Answer::Keys(key_document(keys)));
    let verifier = IssuerVerifier::with_key_source(settings_for_all(), Box::new(Arc::clone(&source))).unwrap();
    let ring = Arc::clone(verifier.keys());
    ring.refresh().await.unwrap();
    let keys = Arc::clone(&ring);
    tokio::spawn(async move { keys.keep_fresh().await });
    (Authenticator::new(vec![Arc::new(verifier)], cache_bytes).unwrap(), ring, source)
}

fn counts(authenticator: &Authenticator) -> (u64, u64, usize) {
    let TokenCacheStatus { hits, misses, tokens, .. } = authenticator.token_cache_status();
    (hits, misses, tokens)
}

async fn rejection(authenticator: &Authenticator, token: &str) -> Option<AuthenticationError> {
    authenticator.authenticate(token, now()).await.err()
}

/// Claims that no other token of a test has.
fn claims_of(caller: usize) -> Value {
    with(&claims(), &json!({"sub": format!("caller-{caller}")}))
}

#[tokio::test]
async fn the_second_use_of_a_token_yields_the_same_caller_without_a_signature_check() {
    let (authenticator, ..) = fixture(&[RSA.jwk("k")], TOKEN_CACHE_BYTES).await;
    let token = RSA.token("k", &claims());
    let first = authenticator.authenticate(&token, now()).await.unwrap();
    assert_eq!(counts(&authenticator), (0, 1, 1));
    let second = authenticator.authenticate(&token, now()).await.unwrap();
    assert_eq!(counts(&authenticator), (1, 1, 1));
    assert!(Arc::ptr_eq(&first, &second));
}

#[tokio::test]
async fn a_token_that_differs_in_any_part_is_another_token() {
    let (authenticator, ..) = fixture(&[ED25519.jwk("k")], TOKEN_CACHE_BYTES).await;
    let token = ED25519.token("k", &claims());
    authenticator.authenticate(&token, now()).await.unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{message}.{}", "A".repeat(signature.len()));
    assert_eq!(rejection(&authenticator, &forged).await, Some(Rejection::SignatureInvalid.into()));
    assert_eq!(rejection(&authenticator, message).await, Some(Rejection::Malformed.into()));
    assert_eq!(counts(&authenticator), (0, 3, 1));
}

#[tokio::test]
async fn a_removed_key_stops_working_at_once_also_for_tokens_already_seen() {
    let (authenticator, ring, source) = fixture(&[RSA.jwk("old"), ED25519.jwk("new")], TOKEN_CACHE_BYTES).await;
    let (old, new) = (RSA.token("old", &claims()), ED25519.token("new", &claims()));
    for token in [&old, &new] {
        authenticator.authenticate(token, now()).await.unwrap();
    }
    source.answer_with(Answer::Keys(key_document(&[ED25519.jwk("new")])));
    ring.refresh().await.unwrap();
    assert_eq!(rejection(&authenticator, &old).await, Some(Rejection::UnknownKey.into()));
    assert_eq!(rejection(&authenticator, &new).await, None);
}

#[tokio::test]
async fn a_key_replaced_under_its_id_stops_working_at_once() {
    let (authenticator, ring, source) = fixture(&[P256.jwk("k")], TOKEN_CACHE_BYTES).await;
    let token = P256.token("k", &claims());
    authenticator.authenticate(&token, now()).await.unwrap();
    source.answer_with(Answer::Keys(key_document(&[ED25519.jwk("k")])));
    ring.refresh().await.unwrap();
    assert_eq!(rejection(&authenticator, &token).await, Some(Rejection::AlgorithmNotAllowed.into()));
}

#[tokio::test]
async fn a_refresh_that_brings_the_same_keys_in_another_order_forgets_nothing() {
    let (authenticator, ring, source) = fixture(&[RSA.jwk("a"), ED25519.jwk("b")], TOKEN_CACHE_BYTES).await;
    let token = RSA.token("a", &claims());
    authenticator.authenticate(&token, now()).await.unwrap();
    source.answer_with(Answer::Keys(key_document(&[ED25519.jwk("b"), RSA.jwk("a")])));
    ring.refresh().await.unwrap();
    authenticator.authenticate(&token, now()).await.unwrap();
    assert_eq!(counts(&authenticator), (1, 1, 1));
}

#[tokio::test]
async fn the_times_of_a_token_are_checked_at_every_use() {
    let (authenticator, ..) = fixture(&[RSA.jwk("k")], TOKEN_CACHE_BYTES).await;
    let token = RSA.token("k", &with(&claims(), &json!({"nbf": 1_800_000_000_u64})));
    authenticator.authenticate(&token, now()).await.unwrap();
    let at = async |instant| authenticator.authenticate(&token, instant).await.err();
    assert_eq!(at(now() + Duration::from_secs(659)).await, None);
    assert_eq!(at(now() + Duration::from_mins(11)).await, Some(Rejection::TokenExpired.into()));
    authenticator.authenticate(&token, now()).await.unwrap();
    // A clock that was set back.
    assert_eq!(at(now() - Duration::from_hours(1)).await, Some(Rejection::NotYetValid.into()));
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_too_old_are_no_proof_of_a_token_seen_before() {
    let (authenticator, _, source) = fixture(&[RSA.jwk("k")], TOKEN_CACHE_BYTES).await;
    let token = RSA.token("k", &claims());
    authenticator.authenticate(&token, now()).await.unwrap();
    source.answer_with(Answer::Failure);
    tokio::time::sleep(settings().max_key_age).await;
    assert_eq!(rejection(&authenticator, &token).await, None);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let error = rejection(&authenticator, &token).await;
    assert!(matches!(error, Some(AuthenticationError::KeysUnavailable { .. })), "{error:?}");
}

#[tokio::test]
async fn forged_tokens_are_not_kept_and_displace_no_others() {
    let (authenticator, ..) = fixture(&[ED25519.jwk("k")], 64 * 1_024).await;
    let known: Vec<String> = (0..20).map(|caller| ED25519.token("k", &claims_of(caller))).collect();
    for token in known.iter().chain(&known) {
        authenticator.authenticate(token, now()).await.unwrap();
    }
    let before = authenticator.token_cache_status();
    assert_eq!((before.hits, before.misses, before.tokens), (20, 20, 20));
    for forged in 0..5_000 {
        let (message, signature) = known[forged % 20].rsplit_once('.').unwrap();
        let forged = format!("{message}.{:0>width$}", forged, width = signature.len());
        assert!(rejection(&authenticator, &forged).await.is_some());
    }
    let after = authenticator.token_cache_status();
    assert_eq!((after.tokens, after.bytes), (before.tokens, before.bytes));
    for token in &known {
        authenticator.authenticate(token, now()).await.unwrap();
    }
    assert_eq!(counts(&authenticator), (40, 5_020, 20));
}

#[tokio::test]
async fn the_memory_is_bounded_in_bytes_whatever_the_size_of_the_tokens() {
    const LIMIT: u64 = 256 * 1_024;
    let (authenticator, ..) = fixture(&[ED25519.jwk("k")], LIMIT).await;
    for caller in 0..1_000 {
        let padding = "x".repeat(caller % 5_000);
        let token = ED25519.token("k", &with(&claims_of(caller), &json!({"padding": padding})));
        authenticator.authenticate(&token, now()).await.unwrap();
        assert!(authenticator.token_cache_status().bytes <= LIMIT);
    }
    let status = authenticator.token_cache_status();
    assert!(status.tokens > 10 && status.bytes > LIMIT / 2, "{status:?}");
}

#[tokio::test]
async fn many_short_scopes_count_for_more_than_their_letters() {
    let (authenticator, ..) = fixture(&[ED25519.jwk("k")], TOKEN_CACHE_BYTES).await;
    let token = ED25519.token("k", &with(&claims(), &json!({"scope": "a ".repeat(1_000)})));
    authenticator.authenticate(&token, now()).await.unwrap();
    // A pointer with a length, and the smallest allocation.
    assert!(authenticator.token_cache_status().bytes > 1_000 * (16 + 16));
}

#[tokio::test]
async fn a_cache_of_no_size_remembers_nothing() {
    let (authenticator, ..) = fixture(&[RSA.jwk("k")], 0).await;
    let token = RSA.token("k", &claims());
    for _ in 0..2 {
        authenticator.authenticate(&token, now()).await.unwrap();
    }
    assert_eq!(counts(&authenticator), (0, 2, 0));
}

#[tokio::test]
async fn what_is_shown_of_the_cache_has_no_token_in_it() {
    let (authenticator, _) = authenticator(settings(), &[RSA.jwk("k")]).await;
    let token = RSA.token("k", &with(&claims(), &json!({"sub": "private-subject"})));
    authenticator.authenticate(&token, now()).await.unwrap();
    let text = format!("{authenticator:?}");
    assert!(token.split('.').chain(["private-subject"]).all(|secret| !text.contains(secret)), "{text}");
}
