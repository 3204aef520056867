use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::test_issuer::{
    AUDIENCE, Answer, ED25519, FakeKeySource, ISSUER, OTHER_RSA, P256, P384, RSA, SUBJECT, TOKEN_CACHE_BYTES, TestKey,
    authenticator, base64url, claims, key_document, now, settings, with,
};
use crate::{Algorithm, IssuerSettings};

mod oracle;
mod profiles;

fn all_algorithms() -> IssuerSettings {
    IssuerSettings { algorithms: Algorithm::ALL.to_vec(), ..settings() }
}

/// The outcome of one token, where the issuer has these keys.
async fn outcome(keys: &[Value], token: &str) -> Result<Arc<Caller>, AuthenticationError> {
    authenticator(all_algorithms(), keys).await.0.authenticate(token, now()).await
}

async fn rejection(keys: &[Value], token: &str) -> Option<Rejection> {
    match outcome(keys, token).await {
        Ok(_) => None,
        Err(AuthenticationError::Rejected(rejection)) => Some(rejection),
        Err(error) => panic!("{error}"),
    }
}

fn unsigned(header: &Value) -> String {
    format!("{}.{}", base64url(header.to_string()), base64url(claims().to_string()))
}

#[tokio::test]
async fn a_token_of_every_algorithm_is_accepted() {
    let keys: [(&TestKey, Algorithm); 9] = [
        (&RSA, Algorithm::Rs256),
        (&RSA, Algorithm::Rs384),
        (&RSA, Algorithm::Rs512),
        (&RSA, Algorithm::Ps256),
        (&RSA, Algorithm::Ps384),
        (&RSA, Algorithm::Ps512),
        (&P256, Algorithm::Es256),
        (&P384, Algorithm::Es384),
        (&ED25519, Algorithm::EdDsa),
    ];
    for (key, algorithm) in keys {
        let token = key.token_for("k", algorithm, &claims());
        let caller = outcome(&[key.jwk_for("k", algorithm)], &token).await.unwrap();
        let token = caller.token().unwrap();
        assert_eq!((&*token.issuer, token.subject.as_str()), (ISSUER, SUBJECT));
    }
}

#[tokio::test]
async fn a_token_is_verified_with_exactly_the_algorithm_of_its_key() {
    for used in [Algorithm::Rs384, Algorithm::Ps256] {
        let token = RSA.token_for("k", used, &claims());
        assert_eq!(rejection(&[RSA.jwk("k")], &token).await, Some(Rejection::AlgorithmNotAllowed));
    }
    let token = P256.token("k", &claims());
    assert_eq!(rejection(&[RSA.jwk("k")], &token).await, Some(Rejection::AlgorithmNotAllowed));
}

#[tokio::test]
async fn an_algorithm_that_the_issuer_does_not_use_is_refused() {
    let (authenticator, source) = authenticator(settings(), &[RSA.jwk("k")]).await;
    let token = P256.token("k", &claims());
    let error = authenticator.authenticate(&token, now()).await.unwrap_err();
    assert_eq!(error, Rejection::AlgorithmNotAllowed.into());
    assert_eq!(source.fetches(), 1);
}

#[tokio::test]
async fn unsigned_tokens_are_refused() {
    for name in ["none", "None", "NONE", "nOnE"] {
        let message = unsigned(&json!({"alg": name, "kid": "k"}));
        assert_eq!(rejection(&[RSA.jwk("k")], &format!("{message}.")).await, Some(Rejection::Malformed));
        let signature = base64url("signature");
        let token = format!("{message}.{signature}");
        assert_eq!(rejection(&[RSA.jwk("k")], &token).await, Some(Rejection::AlgorithmNotAllowed));
    }
    let stripped = format!("{}.", unsigned(&json!({"alg": "RS256", "kid": "k"})));
    assert_eq!(rejection(&[RSA.jwk("k")], &stripped).await, Some(Rejection::Malformed));
}

#[tokio::test]
async fn the_public_key_does_not_work_as_a_shared_secret() {
    let jwk = RSA.jwk("k");
    for secret in [jwk.to_string(), jwk["n"].as_str().unwrap().to_owned(), String::new()] {
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        header.kid = Some("k".to_owned());
        let token = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
        assert_eq!(rejection(std::slice::from_ref(&jwk), &token).await, Some(Rejection::AlgorithmNotAllowed));
    }
}

#[tokio::test]
async fn another_key_under_the_same_id_is_refused() {
    let token = OTHER_RSA.token("k", &claims());
    assert_eq!(rejection(&[RSA.jwk("k")], &token).await, Some(Rejection::SignatureInvalid));
}

#[tokio::test]
async fn keys_inside_the_token_are_not_looked_at() {
    let header = json!({
        "alg": "RS256",
        "kid": "k",
        "jwk": OTHER_RSA.jwk("k"),
        "jku": "https://evil.example/keys",
        "x5u": "https://evil.example/certificate",
        "x5c": ["AAAA"],
    });
    let token = OTHER_RSA.sign(&header.to_string(), &claims().to_string());
    assert_eq!(rejection(&[RSA.jwk("k")], &token).await, Some(Rejection::SignatureInvalid));
}

#[tokio::test]
async fn keys_that_share_an_id_verify_nothing() {
    let keys = [RSA.jwk("k"), OTHER_RSA.jwk("k"), ED25519.jwk("other")];
    for key in [&RSA, &OTHER_RSA] {
        assert_eq!(rejection(&keys, &key.token("k", &claims())).await, Some(Rejection::UnknownKey));
    }
}

#[tokio::test]
async fn a_shared_secret_in_the_key_set_verifies_nothing() {
    let secret = [7; 32];
    let symmetric = json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": base64url(secret)});
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header.kid = Some("s".to_owned());
    let token = jsonwebtoken::encode(&header, &claims(), &jsonwebtoken::EncodingKey::from_secret(&secret)).unwrap();
    assert_eq!(rejection(&[symmetric, RSA.jwk("k")], &token).await, Some(Rejection::AlgorithmNotAllowed));
}

#[tokio::test]
async fn a_signature_of_another_length_is_refused() {
    for key in [&RSA, &P256, &ED25519] {
        let token = key.token("k", &claims());
        let (message, signature) = token.rsplit_once('.').unwrap();
        let keys = [key.jwk("k")];
        for changed in
            [&signature[..signature.len() - 4], &format!("{signature}AAAA"), "AAAA", &"A".repeat(signature.len())]
        {
            let result = rejection(&keys, &format!("{message}.{changed}")).await;
            assert!(matches!(result, Some(Rejection::SignatureInvalid | Rejection::Malformed)), "{result:?}");
        }
        assert_eq!(rejection(&keys, &format!("{token}=")).await, Some(Rejection::Malformed));
    }
}

#[tokio::test]
async fn a_token_with_any_one_character_changed_is_refused() {
    let (authenticator, _) = authenticator(all_algorithms(), &[ED25519.jwk("k")]).await;
    let token = ED25519.token("k", &claims());
    assert!(authenticator.authenticate(&token, now()).await.is_ok());
    for index in 0..token.len() {
        for replacement in ["A", "B", "_", ".", "=", ""] {
            if &token[index..=index] != replacement {
                let changed = format!("{}{replacement}{}", &token[..index], &token[index + 1..]);
                assert!(authenticator.authenticate(&changed, now()).await.is_err(), "{index} {replacement}");
            }
        }
    }
}

#[tokio::test]
async fn the_claims_of_a_signed_token_are_checked() {
    let keys = [RSA.jwk("k")];
    for (changes, expected) in [
        (json!({"exp": 1}), Rejection::TokenExpired),
        (json!({"exp": null}), Rejection::ExpiryMissing),
        (json!({"nbf": 4_000_000_000_u64}), Rejection::NotYetValid),
        (json!({"aud": "other"}), Rejection::AudienceMismatch),
        (json!({"iss": [ISSUER]}), Rejection::IssuerMalformed),
        (json!({"iss": "https://other.example"}), Rejection::UnknownIssuer),
        (json!({"sub": null}), Rejection::SubjectMalformed),
    ] {
        let token = RSA.token("k", &with(&claims(), &changes));
        assert_eq!(rejection(&keys, &token).await, Some(expected), "{changes}");
    }
    let duplicate = claims().to_string().replacen('{', r#"{"sub":"admin","#, 1);
    let token = RSA.sign(r#"{"alg":"RS256","kid":"k"}"#, &duplicate);
    assert_eq!(rejection(&keys, &token).await, Some(Rejection::ClaimsMalformed));
}

#[tokio::test]
async fn an_issuer_that_is_no_string_is_refused_before_a_key_is_looked_up() {
    for issuer in ["null", "1", "true", r#"["https://issuer.example"]"#, "{}"] {
        let token = RSA.sign(r#"{"alg":"RS256"}"#, &format!(r#"{{"iss":{issuer}}}"#));
        assert_eq!(rejection(&[RSA.jwk("k")], &token).await, Some(Rejection::IssuerMalformed), "{issuer}");
    }
    assert_eq!(
        rejection(&[RSA.jwk("k")], &RSA.sign(r#"{"alg":"RS256"}"#, "{}")).await,
        Some(Rejection::IssuerMalformed)
    );
}

#[tokio::test]
async fn the_signature_is_checked_before_the_claims() {
    let token = OTHER_RSA.token("k", &with(&claims(), &json!({"exp": 1, "aud": "other"})));
    assert_eq!(rejection(&[RSA.jwk("k")], &token).await, Some(Rejection::SignatureInvalid));
}

#[tokio::test]
async fn each_issuer_has_its_own_keys_and_audiences() {
    const OTHER_ISSUER: &str = "https://other.example";
    let verifier = |settings, key: &TestKey| {
        let source = FakeKeySource::new(Answer::Keys(key_document(&[key.jwk("k")])));
        Arc::new(IssuerVerifier::with_key_source(settings, Box::new(source)).unwrap())
    };
    let first = verifier(settings(), &RSA);
    let other = verifier(IssuerSettings::oidc(OTHER_ISSUER, vec!["other-api".to_owned()]), &OTHER_RSA);
    let authenticator = Authenticator::new(vec![Arc::clone(&first), Arc::clone(&other)], TOKEN_CACHE_BYTES).unwrap();
    let usable =
        || authenticator.key_status().into_iter().map(|(issuer, keys)| (issuer, keys.usable)).collect::<Vec<_>>();
    assert_eq!(usable(), [(ISSUER.into(), false), (OTHER_ISSUER.into(), false)]);
    first.keys().refresh().await.unwrap();
    assert_eq!(usable(), [(ISSUER.into(), true), (OTHER_ISSUER.into(), false)]);
    other.keys().refresh().await.unwrap();
    assert_eq!(usable(), [(ISSUER.into(), true), (OTHER_ISSUER.into(), true)]);

    let others_claims = with(&claims(), &json!({"iss": OTHER_ISSUER, "aud": "other-api"}));
    let caller = authenticator.authenticate(&OTHER_RSA.token("k", &others_claims), now()).await.unwrap();
    assert_eq!(&*caller.token().unwrap().issuer, OTHER_ISSUER);
    for (token, expected) in [
        (OTHER_RSA.token("k", &claims()), Rejection::SignatureInvalid),
        (RSA.token("k", &others_claims), Rejection::SignatureInvalid),
        (OTHER_RSA.token("k", &with(&others_claims, &json!({"aud": AUDIENCE}))), Rejection::AudienceMismatch),
        (RSA.token("k", &with(&claims(), &json!({"iss": "https://issuer.example/"}))), Rejection::UnknownIssuer),
    ] {
        assert_eq!(authenticator.authenticate(&token, now()).await.unwrap_err(), expected.into());
    }
}

#[tokio::test(start_paused = true)]
async fn the_state_of_the_keys_is_told_for_each_issuer() {
    let (authenticator, source) = authenticator(settings(), &[RSA.jwk("k")]).await;
    let ring = Arc::clone(authenticator.issuers[ISSUER].keys());
    source.answer_with(Answer::Failure);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(ring.refresh().await.is_err());
    let [(issuer, status)] = authenticator.key_status().try_into().unwrap();
    assert_eq!(&*issuer, ISSUER);
    let age = Some(Duration::from_secs(5));
    let expected = KeyRingStatus {
        keys: 1,
        age,
        usable: true,
        good_refreshes: 1,
        failed_refreshes: 1,
        failures_in_a_row: 1,
        file_in_force: None,
    };
    assert_eq!(status, expected);
}

#[tokio::test]
async fn a_token_is_as_large_as_the_limit_permits() {
    let groups: Vec<String> = (0..800).map(|index| format!("department-{index:03}-editor-of-everything")).collect();
    let token = RSA.token("k", &with(&claims(), &json!({ "groups": groups })));
    assert!((32 * 1_024..MAX_TOKEN_BYTES).contains(&token.len()), "{}", token.len());
    let limited = async |bytes| {
        let (authenticator, _) = authenticator(settings(), &[RSA.jwk("k")]).await;
        let authenticator = authenticator.with_max_token_bytes(bytes);
        let recognised = authenticator.recognise(&token, now(), None).err();
        assert_eq!(recognised, authenticator.authenticate(&token, now()).await.err());
        recognised
    };
    assert_eq!(limited(token.len()).await, None);
    assert_eq!(limited(token.len() - 1).await, Some(Rejection::TokenTooLarge.into()));
    // No limit is above the highest.
    let (authenticator, _) = authenticator(settings(), &[RSA.jwk("k")]).await;
    let authenticator = authenticator.with_max_token_bytes(usize::MAX);
    let longest = "a".repeat(MAX_TOKEN_BYTES);
    let error = authenticator.authenticate(&longest, now()).await.unwrap_err();
    assert_eq!(error, Rejection::Malformed.into());
    let error = authenticator.authenticate(&format!("{longest}a"), now()).await.unwrap_err();
    assert_eq!(error, Rejection::TokenTooLarge.into());
}

#[tokio::test]
async fn a_key_of_another_tenant_verifies_no_token() {
    let of_tenant = IssuerSettings { tenant: Some("t-1".to_owned()), ..settings() };
    let jwk = |key: &TestKey, id: &str, issuer: &str| with(&key.jwk(id), &json!({ "issuer": issuer }));
    let keys = [jwk(&RSA, "own", ISSUER), jwk(&OTHER_RSA, "other", "https://other.example")];
    let (authenticator, _) = authenticator(of_tenant, &keys).await;
    let claims = with(&claims(), &json!({"tid": "t-1"}));
    assert!(authenticator.authenticate(&RSA.token("own", &claims), now()).await.is_ok());
    let error = authenticator.authenticate(&OTHER_RSA.token("other", &claims), now()).await.unwrap_err();
    assert_eq!(error, Rejection::UnknownKey.into());
    let other = with(&claims, &json!({"tid": "t-2"}));
    let error = authenticator.authenticate(&RSA.token("own", &other), now()).await.unwrap_err();
    assert_eq!(error, Rejection::TenantMismatch.into());
}

#[tokio::test]
async fn without_issuers_every_token_is_refused() {
    let authenticator = Authenticator::new(vec![], TOKEN_CACHE_BYTES).unwrap();
    let error = authenticator.authenticate(&RSA.token("k", &claims()), now()).await.unwrap_err();
    assert_eq!(error, Rejection::UnknownIssuer.into());
}

#[tokio::test]
async fn two_issuers_of_the_same_name_are_an_error() {
    let verifier = || {
        let source = FakeKeySource::new(Answer::Failure);
        Arc::new(IssuerVerifier::with_key_source(settings(), Box::new(source)).unwrap())
    };
    let error = Authenticator::new(vec![verifier(), verifier()], TOKEN_CACHE_BYTES).unwrap_err();
    assert_eq!(error, AuthenticatorError::DuplicateIssuer(ISSUER.into()));
}

#[tokio::test(start_paused = true)]
async fn without_keys_nothing_can_be_told() {
    let source = FakeKeySource::new(Answer::Failure);
    let verifier = IssuerVerifier::with_key_source(settings(), Box::new(source)).unwrap();
    let authenticator = Authenticator::new(vec![Arc::new(verifier)], TOKEN_CACHE_BYTES).unwrap();
    let error = authenticator.authenticate(&RSA.token("k", &claims()), now()).await.unwrap_err();
    let retry_after = Duration::from_secs(1);
    assert_eq!(error, AuthenticationError::KeysUnavailable { issuer: ISSUER.into(), retry_after });
}

/// Checks a token as of now, a millisecond after the last event.
async fn later(authenticator: &Authenticator, token: &str) -> Result<Arc<Caller>, AuthenticationError> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    authenticator.authenticate(token, now()).await
}

#[tokio::test(start_paused = true)]
async fn a_new_key_of_the_issuer_is_found_at_its_first_use() {
    let (authenticator, source) = authenticator(settings(), &[RSA.jwk("old")]).await;
    source.answer_with(Answer::Keys(key_document(&[OTHER_RSA.jwk("new")])));
    assert!(later(&authenticator, &OTHER_RSA.token("new", &claims())).await.is_ok());
    assert_eq!(source.fetches(), 2);
    let error = later(&authenticator, &RSA.token("old", &claims())).await.unwrap_err();
    assert_eq!(error, Rejection::UnknownKey.into());
    assert_eq!(source.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_unavailable_while_no_fetch_may_be_made() {
    let (authenticator, source) = authenticator(settings(), &[RSA.jwk("k")]).await;
    for _ in 0..2 {
        let error = later(&authenticator, &RSA.token("invented", &claims())).await.unwrap_err();
        assert_eq!(error, Rejection::UnknownKey.into());
    }
    source.answer_with(Answer::Keys(key_document(&[RSA.jwk("k"), OTHER_RSA.jwk("new")])));
    let token = OTHER_RSA.token("new", &claims());
    match later(&authenticator, &token).await.unwrap_err() {
        AuthenticationError::KeysUnavailable { retry_after, .. } => {
            assert!((Duration::from_secs(29)..=Duration::from_secs(30)).contains(&retry_after), "{retry_after:?}");
            tokio::time::sleep(retry_after).await;
        }
        error @ AuthenticationError::Rejected(_) => panic!("{error}"),
    }
    assert!(authenticator.authenticate(&token, now()).await.is_ok());
    assert_eq!(source.fetches(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_during_an_outage_is_no_proof_of_a_bad_token() {
    let (authenticator, source) = authenticator(settings(), &[RSA.jwk("k")]).await;
    source.answer_with(Answer::Failure);
    let error = later(&authenticator, &OTHER_RSA.token("new", &claims())).await.unwrap_err();
    assert!(matches!(error, AuthenticationError::KeysUnavailable { .. }));
    // A fetch that fails is not made again at once.
    assert_eq!(source.fetches(), 2);
    assert!(authenticator.authenticate(&RSA.token("k", &claims()), now()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn bad_signatures_of_a_known_key_cause_few_fetches_and_never_make_keys_unavailable() {
    let (authenticator, source) = authenticator(settings(), &[RSA.jwk("k")]).await;
    let token = OTHER_RSA.token("k", &claims());
    for answer in [Answer::Keys(key_document(&[RSA.jwk("k")])), Answer::Failure, Answer::Nothing] {
        source.answer_with(answer);
        for _ in 0..100 {
            assert_eq!(later(&authenticator, &token).await.unwrap_err(), Rejection::SignatureInvalid.into());
        }
    }
    assert_eq!(source.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_replaced_under_its_name_is_noticed_at_its_first_use() {
    let (authenticator, source) = authenticator(all_algorithms(), &[RSA.jwk("k")]).await;
    let old = RSA.token("k", &claims());
    assert!(later(&authenticator, &old).await.is_ok());
    source.answer_with(Answer::Keys(key_document(&[OTHER_RSA.jwk("k")])));
    assert!(later(&authenticator, &OTHER_RSA.token("k", &claims())).await.is_ok());
    assert_eq!(later(&authenticator, &old).await.unwrap_err(), Rejection::SignatureInvalid.into());
    assert_eq!(source.fetches(), 3);
    // So is one that is replaced by a key for another algorithm.
    tokio::time::sleep(Duration::from_mins(1)).await;
    source.answer_with(Answer::Keys(key_document(&[P256.jwk("k")])));
    assert!(later(&authenticator, &P256.token("k", &claims())).await.is_ok());
    assert_eq!(source.fetches(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_key_without_name_is_replaced_alike() {
    let (authenticator, source) = authenticator(settings(), &[RSA.bare_jwk()]).await;
    source.answer_with(Answer::Keys(key_document(&[OTHER_RSA.bare_jwk()])));
    let token = OTHER_RSA.sign(r#"{"alg":"RS256"}"#, &claims().to_string());
    assert!(later(&authenticator, &token).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_second_check_has_a_turn_of_its_own_and_none_is_held_while_keys_are_awaited() {
    let (authenticator, source) = authenticator(settings(), &[RSA.jwk("k")]).await;
    let delayed = Answer::KeysAfter(key_document(&[OTHER_RSA.jwk("k")]), Duration::from_millis(500));
    source.answer_with(delayed);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let token = OTHER_RSA.token("k", &claims());
    let Recognised::New(token) = authenticator.recognise(&token, now(), None).unwrap() else { panic!("it is new") };
    let turns = Arc::new(tokio::sync::Semaphore::new(1));
    let turns_taken = std::sync::atomic::AtomicUsize::new(0);
    let turn = || async {
        turns_taken.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Arc::clone(&turns).acquire_owned().await.unwrap()
    };
    let between = async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        turns.available_permits()
    };
    let (verified, free) = tokio::join!(authenticator.verify(token, now(), turn), between);
    assert!(verified.is_ok());
    assert_eq!((free, turns_taken.into_inner()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_token_without_key_id_is_tried_with_a_few_keys() {
    let token = RSA.sign(r#"{"alg":"RS256"}"#, &claims().to_string());
    assert_eq!(rejection(&[RSA.jwk("a"), P256.jwk("b")], &token).await, None);
    assert_eq!(rejection(&[OTHER_RSA.jwk("a"), RSA.jwk("b")], &token).await, None);
    assert_eq!(rejection(&[OTHER_RSA.jwk("a"), P256.jwk("b")], &token).await, Some(Rejection::SignatureInvalid));
    assert_eq!(rejection(&[P256.jwk("b")], &token).await, Some(Rejection::UnknownKey));
    let keys: Vec<TestKey> = (0..5).map(|_| TestKey::ed25519()).collect();
    let jwks: Vec<Value> = keys.iter().map(TestKey::bare_jwk).collect();
    let token = keys[3].sign(r#"{"alg":"EdDSA"}"#, &claims().to_string());
    assert_eq!(rejection(&jwks[..4], &token).await, None);
    let (authenticator, source) = authenticator(all_algorithms(), &jwks).await;
    assert_eq!(later(&authenticator, &token).await.unwrap_err(), Rejection::AmbiguousKey.into());
    // No fetch makes it less ambiguous.
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_with_a_key_id_does_not_fit_a_key_without() {
    assert_eq!(rejection(&[RSA.bare_jwk()], &RSA.token("k", &claims())).await, Some(Rejection::UnknownKey));
}

#[tokio::test]
async fn both_names_of_ed25519_are_one_algorithm() {
    for of_key in ["EdDSA", "Ed25519"] {
        let jwk = with(&ED25519.jwk("k"), &json!({"alg": of_key}));
        for of_token in ["EdDSA", "Ed25519"] {
            let header = json!({"alg": of_token, "kid": "k"});
            let token = ED25519.sign(&header.to_string(), &claims().to_string());
            assert_eq!(rejection(std::slice::from_ref(&jwk), &token).await, None, "{of_key} {of_token}");
        }
    }
}

#[tokio::test]
async fn errors_and_debug_show_nothing_of_the_token() {
    let token = OTHER_RSA.token("k", &with(&claims(), &json!({"sub": "private-subject"})));
    let (authenticator, _) = authenticator(settings(), &[RSA.jwk("k")]).await;
    let error = authenticator.authenticate(&token, now()).await.unwrap_err();
    let text = format!("{error} {error:?} {authenticator:?}");
    for secret in ["private-subject", &base64url("private-subject")].into_iter().chain(token.split('.')) {
        assert!(!text.contains(secret));
    }
}

proptest! {
    #[test]
    fn no_text_is_accepted_or_panics(text in ".*") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let accepted = runtime.block_on(async {
            let (authenticator, _) = authenticator(settings(), &[RSA.jwk("k")]).await;
            authenticator.authenticate(&text, now()).await.is_ok()
        });
        prop_assert!(!accepted);
    }
}
