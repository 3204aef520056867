use serde_json::json;

use super::*;
use crate::identity::test_issuer::{ED25519, OTHER_RSA, P256, P384, RSA, base64url, key_document, with};

fn rules(algorithms: &[Algorithm]) -> KeyRules {
    KeyRules { algorithms: algorithms.to_vec(), key_use: KeyUse::Signature }
}

fn import(keys: &[Value]) -> Result<(KeySet, Vec<SkippedKey>), KeySetError> {
    KeySet::import(&key_document(keys), &rules(&Algorithm::ALL))
}

/// Why one key is left out, with a good key beside it.
fn skip_reason(jwk: &Value, allowed: &[Algorithm]) -> Option<SkipReason> {
    let document = key_document(&[jwk.clone(), ED25519.jwk("good")]);
    let allowed = [allowed, &[Algorithm::EdDsa]].concat();
    let (keys, skipped) = KeySet::import(&document, &rules(&allowed)).unwrap();
    assert_eq!(keys.len() + skipped.len(), 2);
    assert!(keys.find(Some("good"), Algorithm::EdDsa).is_ok());
    skipped.first().map(|skipped| {
        assert_eq!(skipped.index, 0);
        skipped.reason
    })
}

fn algorithm_of(jwk: &Value, allowed: &[Algorithm]) -> Result<Algorithm, KeySetError> {
    let (keys, _) = KeySet::import(&key_document(std::slice::from_ref(jwk)), &rules(allowed))?;
    Ok(keys.keys[0].algorithm())
}

#[test]
fn every_supported_kind_of_key_is_imported() {
    let (keys, skipped) = import(&[
        RSA.jwk("r"),
        OTHER_RSA.jwk_for("p", Algorithm::Ps384),
        P256.jwk("e"),
        P384.jwk("f"),
        ED25519.jwk("d"),
    ])
    .unwrap();
    assert_eq!(skipped, []);
    let algorithms: Vec<_> = keys.keys.iter().map(|key| (key.key_id().unwrap(), key.algorithm().name())).collect();
    assert_eq!(algorithms, [("r", "RS256"), ("p", "PS384"), ("e", "ES256"), ("f", "ES384"), ("d", "EdDSA")]);
}

#[test]
fn a_missing_algorithm_is_inferred() {
    use Algorithm::{EdDsa, Es256, Es384, Ps256, Rs256, Rs512};
    assert_eq!(algorithm_of(&P256.bare_jwk(), &Algorithm::ALL), Ok(Es256));
    assert_eq!(algorithm_of(&P384.bare_jwk(), &Algorithm::ALL), Ok(Es384));
    assert_eq!(algorithm_of(&ED25519.bare_jwk(), &Algorithm::ALL), Ok(EdDsa));
    let rsa = RSA.bare_jwk();
    assert_eq!(algorithm_of(&rsa, &[Rs256]), Ok(Rs256));
    assert_eq!(algorithm_of(&rsa, &[Ps256, Es256]), Ok(Ps256));
    assert_eq!(algorithm_of(&rsa, &[Rs512, Ps256, Rs256]), Ok(Rs256));
    assert_eq!(skip_reason(&rsa, &[Rs512, Ps256]), Some(SkipReason::AlgorithmNotAllowed));
    assert_eq!(skip_reason(&rsa, &[Es256]), Some(SkipReason::AlgorithmNotAllowed));
}

#[test]
fn a_key_for_an_algorithm_that_is_not_allowed_is_left_out() {
    assert_eq!(skip_reason(&RSA.jwk("k"), &[Algorithm::Rs512]), Some(SkipReason::AlgorithmNotAllowed));
    assert_eq!(skip_reason(&P256.jwk("k"), &[Algorithm::Es384]), Some(SkipReason::AlgorithmNotAllowed));
    assert_eq!(skip_reason(&P256.bare_jwk(), &[Algorithm::Rs256]), Some(SkipReason::AlgorithmNotAllowed));
}

#[test]
fn an_algorithm_that_does_not_fit_the_key_is_refused() {
    let cases = [
        (P384.jwk_for("k", Algorithm::Es256), SkipReason::AlgorithmMismatch),
        (P256.jwk_for("k", Algorithm::Es384), SkipReason::AlgorithmMismatch),
        (P256.jwk_for("k", Algorithm::Rs256), SkipReason::AlgorithmMismatch),
        (RSA.jwk_for("k", Algorithm::Es256), SkipReason::AlgorithmMismatch),
        (ED25519.jwk_for("k", Algorithm::Rs256), SkipReason::AlgorithmMismatch),
        (with(&RSA.jwk("k"), &json!({"alg": "HS256"})), SkipReason::UnsupportedAlgorithm),
        (with(&RSA.jwk("k"), &json!({"alg": "none"})), SkipReason::UnsupportedAlgorithm),
        (with(&RSA.jwk("k"), &json!({"alg": "RSA-OAEP"})), SkipReason::UnsupportedAlgorithm),
        (with(&P256.jwk("k"), &json!({"crv": "P-384"})), SkipReason::InvalidKey),
    ];
    for (jwk, reason) in cases {
        assert_eq!(skip_reason(&jwk, &Algorithm::ALL), Some(reason), "{jwk}");
    }
}

#[test]
fn symmetric_private_and_unknown_keys_are_refused() {
    let secret = json!({"kty": "oct", "k": base64url([7; 32]), "kid": "k", "alg": "HS256"});
    assert_eq!(skip_reason(&secret, &Algorithm::ALL), Some(SkipReason::Symmetric));
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let jwk = with(&RSA.jwk("k"), &json!({member: "AQAB"}));
        assert_eq!(skip_reason(&jwk, &Algorithm::ALL), Some(SkipReason::PrivateMembers), "{member}");
    }
    let cases = [
        (json!({"kty": "EC"}), SkipReason::MalformedMember),
        (json!({"kty": "rsa"}), SkipReason::UnsupportedKeyType),
        (json!({"kty": "AKP"}), SkipReason::UnsupportedKeyType),
        (json!({"kty": 1}), SkipReason::MalformedMember),
        (json!({}), SkipReason::MalformedMember),
        (with(&P256.jwk("k"), &json!({"crv": "secp256k1"})), SkipReason::UnsupportedCurve),
        (with(&P256.jwk("k"), &json!({"crv": "P-521"})), SkipReason::UnsupportedCurve),
        (with(&ED25519.jwk("k"), &json!({"crv": "Ed448"})), SkipReason::UnsupportedCurve),
        (with(&ED25519.jwk("k"), &json!({"crv": "X25519"})), SkipReason::UnsupportedCurve),
        (json!(5), SkipReason::NotAnObject),
        (json!(null), SkipReason::NotAnObject),
        (json!([]), SkipReason::NotAnObject),
    ];
    for (jwk, reason) in cases {
        assert_eq!(skip_reason(&jwk, &Algorithm::ALL), Some(reason), "{jwk}");
    }
}

#[test]
fn keys_for_another_purpose_are_refused() {
    let reason = |changes: Value| skip_reason(&with(&RSA.jwk("k"), &changes), &Algorithm::ALL);
    assert_eq!(reason(json!({"use": null})), None);
    assert_eq!(reason(json!({"key_ops": ["verify"]})), None);
    for purpose in ["enc", "SIG", "", "jwt-svid", "x509-svid"] {
        assert_eq!(reason(json!({"use": purpose})), Some(SkipReason::NotForVerifying));
    }
    for operations in [json!([]), json!(["sign"]), json!(["encrypt", "wrapKey"]), json!([["verify"]])] {
        assert_eq!(reason(json!({"key_ops": operations})), Some(SkipReason::NotForVerifying));
    }
    assert_eq!(reason(json!({"key_ops": "verify"})), Some(SkipReason::MalformedMember));
    assert_eq!(reason(json!({"use": ["sig"]})), Some(SkipReason::MalformedMember));
}

#[test]
fn a_bundle_of_a_trust_domain_has_keys_for_jwt_svids_beside_others() {
    let for_use = |key_id: &str, key_use: &str| with(&P256.jwk(key_id), &json!({"use": key_use}));
    let bundle = [for_use("a", "jwt-svid"), for_use("b", "x509-svid"), for_use("c", "sig"), P256.bare_jwk()];
    let rules = KeyRules { key_use: KeyUse::JwtSvid, ..rules(&Algorithm::ALL) };
    let (keys, skipped) = KeySet::import(&key_document(&bundle), &rules).unwrap();
    assert_eq!((keys.len(), keys.keys[0].key_id()), (1, Some("a")));
    assert!(skipped.iter().all(|skipped| skipped.reason == SkipReason::NotForVerifying));
}

#[test]
fn sets_are_equal_whatever_their_order_and_differ_by_any_key() {
    let set = |keys: &[Value]| import(keys).unwrap().0;
    assert_eq!(set(&[RSA.jwk("a"), P256.jwk("b")]), set(&[P256.jwk("b"), RSA.jwk("a")]));
    for other in [
        vec![RSA.jwk("a")],
        vec![RSA.jwk("a"), P256.jwk("c")],
        vec![OTHER_RSA.jwk("a"), P256.jwk("b")],
        vec![RSA.jwk_for("a", Algorithm::Rs512), P256.jwk("b")],
        vec![RSA.jwk("a"), P256.jwk("b"), ED25519.jwk("c")],
    ] {
        assert_ne!(set(&[RSA.jwk("a"), P256.jwk("b")]), set(&other));
    }
}

#[test]
fn weak_rsa_keys_are_refused() {
    let reason = |changes: Value| skip_reason(&with(&RSA.jwk("k"), &changes), &Algorithm::ALL);
    let modulus = |bytes: usize, first: u8, last: u8| {
        let mut modulus = vec![0x5a; bytes];
        modulus[0] = first;
        modulus[bytes - 1] = last;
        base64url(modulus)
    };
    for (modulus, expected) in [
        (modulus(128, 0x80, 1), Some(SkipReason::ModulusSize)),
        (modulus(256, 0x7f, 1), Some(SkipReason::ModulusSize)),
        (modulus(256, 0x80, 1), None),
        (modulus(256, 0x80, 2), Some(SkipReason::InvalidKey)),
        (modulus(1_024, 0x80, 1), None),
        (modulus(1_025, 0x01, 1), Some(SkipReason::ModulusSize)),
        (modulus(257, 0x00, 1), Some(SkipReason::MalformedMember)),
        (String::new(), Some(SkipReason::MalformedMember)),
        ("AQAB=".to_owned(), Some(SkipReason::MalformedMember)),
    ] {
        assert_eq!(reason(json!({"n": modulus})), expected, "{modulus}");
    }
    for (exponent, expected) in [
        (vec![3], None),
        (vec![1, 0, 1], None),
        (vec![1], Some(SkipReason::ExponentUnsafe)),
        (vec![2], Some(SkipReason::ExponentUnsafe)),
        (vec![1, 0, 0], Some(SkipReason::ExponentUnsafe)),
        (vec![0xff; 200], Some(SkipReason::ExponentUnsafe)),
        (vec![0], Some(SkipReason::MalformedMember)),
        (vec![0, 3], Some(SkipReason::MalformedMember)),
        (vec![], Some(SkipReason::MalformedMember)),
    ] {
        assert_eq!(reason(json!({"e": base64url(&exponent)})), expected, "{exponent:?}");
    }
    assert_eq!(reason(json!({"e": 65_537})), Some(SkipReason::MalformedMember));
}

#[test]
fn rsa_keys_that_can_be_factored_are_refused() {
    let modulus = base64url(roca::tests::modulus_with_fingerprint());
    let reason = skip_reason(&with(&RSA.jwk("k"), &json!({"n": modulus})), &Algorithm::ALL);
    assert_eq!(reason, Some(SkipReason::Factorable));
}

#[test]
fn points_that_are_not_on_the_curve_are_refused() {
    let reason = |jwk: &Value, changes: Value| skip_reason(&with(jwk, &changes), &Algorithm::ALL);
    for length in [0, 31, 33, 64] {
        let x = base64url(vec![1; length]);
        assert_eq!(reason(&P256.jwk("k"), json!({"x": x})), Some(SkipReason::InvalidKey));
        assert_eq!(reason(&ED25519.jwk("k"), json!({"x": x})), Some(SkipReason::InvalidKey));
    }
    assert_eq!(reason(&P256.jwk("k"), json!({"y": base64url([1; 32])})), Some(SkipReason::InvalidKey));
    assert_eq!(
        reason(&P256.jwk("k"), json!({"x": base64url([0; 32]), "y": base64url([0; 32])})),
        Some(SkipReason::InvalidKey)
    );
    assert_eq!(reason(&P384.jwk("k"), json!({"y": base64url([0xff; 48])})), Some(SkipReason::InvalidKey));
    assert_eq!(reason(&P256.jwk("k"), json!({"y": null})), Some(SkipReason::MalformedMember));
}

#[test]
fn all_keys_that_share_a_key_id_are_left_out() {
    let secret = json!({"kty": "oct", "k": base64url([7; 32]), "kid": "c"});
    let (keys, skipped) = import(&[RSA.jwk("a"), P256.jwk("b"), OTHER_RSA.jwk("a"), secret, P384.jwk("c")]).unwrap();
    assert_eq!(keys.keys.iter().map(VerificationKey::key_id).collect::<Vec<_>>(), [Some("b")]);
    let skipped: Vec<_> = skipped.iter().map(|key| (key.index, key.key_id.as_deref().unwrap(), key.reason)).collect();
    let reason = SkipReason::DuplicateKeyId;
    assert_eq!(skipped, [(0, "a", reason), (2, "a", reason), (3, "c", reason), (4, "c", reason)]);
    assert!(matches!(import(&[RSA.jwk("a"), RSA.jwk("a")]), Err(KeySetError::NoUsableKey { .. })));
}

#[test]
fn a_key_id_that_is_too_long_or_no_string_is_refused() {
    let reason = |key_id: Value| skip_reason(&with(&RSA.jwk("k"), &json!({"kid": key_id})), &Algorithm::ALL);
    assert_eq!(reason(json!("k".repeat(256))), None);
    assert_eq!(reason(json!("k".repeat(257))), Some(SkipReason::KeyIdTooLong));
    assert_eq!(reason(json!(7)), Some(SkipReason::MalformedMember));
    let document = format!(r#"{{"keys":[{{"kty":"RSA","kty":"RSA"}},{}]}}"#, RSA.jwk("k"));
    let (_, skipped) = KeySet::import(document.as_bytes(), &rules(&Algorithm::ALL)).unwrap();
    assert_eq!(skipped, [SkippedKey { index: 0, key_id: None, reason: SkipReason::NotAnObject }]);
}

#[test]
fn a_document_that_is_no_key_set_is_an_error() {
    for document in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":[}"#,
        r#"[["a"]]"#,
        "{\"keys\":[],\"keys\":[]}",
    ] {
        let error = KeySet::import(document.as_bytes(), &rules(&Algorithm::ALL)).unwrap_err();
        assert_eq!(error, KeySetError::Malformed, "{document}");
    }
    assert_eq!(import(&[]).unwrap_err(), KeySetError::NoUsableKey { skipped: vec![] });
    assert_eq!(import(&vec![json!({}); MAX_KEYS + 1]).unwrap_err(), KeySetError::TooManyKeys);
    let large = vec![b' '; MAX_KEY_DOCUMENT_BYTES + 1];
    assert_eq!(KeySet::import(&large, &rules(&Algorithm::ALL)).unwrap_err(), KeySetError::TooLarge);
}

#[test]
fn a_key_is_found_by_its_id_alone() {
    let (keys, _) = import(&[RSA.jwk("a"), P256.jwk("b"), with(&P384.jwk("c"), &json!({"kid": null}))]).unwrap();
    assert_eq!(keys.find(Some("b"), Algorithm::Es256).unwrap().key_id(), Some("b"));
    for unknown in ["", "c", "A", "a\0", "../a", "' OR 1=1 --"] {
        assert_eq!(keys.find(Some(unknown), Algorithm::Rs256).unwrap_err(), KeyLookupError::Unknown, "{unknown}");
    }
}

#[test]
fn a_token_without_key_id_needs_a_single_key_of_its_algorithm() {
    let (keys, _) = import(&[RSA.jwk("a"), OTHER_RSA.jwk("b"), P256.jwk("c")]).unwrap();
    assert_eq!(keys.find(None, Algorithm::Es256).unwrap().key_id(), Some("c"));
    assert_eq!(keys.find(None, Algorithm::Rs256).unwrap_err(), KeyLookupError::Ambiguous);
    assert_eq!(keys.find(None, Algorithm::EdDsa).unwrap_err(), KeyLookupError::Unknown);
}
