use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::json;

use super::*;
use crate::test_issuer::{ED25519, OTHER_RSA, P256, P384, RSA, TestKey, base64url, key_document, with};

fn rules(algorithms: &[Algorithm]) -> KeyRules {
    KeyRules { algorithms: algorithms.to_vec(), key_use: KeyUse::Signature, issuer: None }
}

fn import(keys: &[Value]) -> Result<(KeySet, Vec<SkippedKey>), KeySetError> {
    KeySet::import(&key_document(keys), &rules(&Algorithm::ALL))
}

/// Why one key is refused, in a set with a valid key.
fn skip_reason(jwk: &Value, allowed: &[Algorithm]) -> Option<SkipReason> {
    let document = key_document(&[jwk.clone(), ED25519.jwk("good")]);
    let allowed = [allowed, &[Algorithm::EdDsa]].concat();
    let (keys, skipped) = KeySet::import(&document, &rules(&allowed)).unwrap();
    assert_eq!(keys.len() + skipped.len(), 2);
    assert!(keys.candidates(Some("good"), Algorithm::EdDsa).is_ok());
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
        (json!({"kty": "EC"}), SkipReason::MalformedMember("crv")),
        (json!({"kty": "rsa"}), SkipReason::UnsupportedKeyType),
        (json!({"kty": "AKP"}), SkipReason::UnsupportedKeyType),
        (json!({"kty": 1}), SkipReason::MalformedMember("kty")),
        (json!({}), SkipReason::MalformedMember("kty")),
        (with(&P256.jwk("k"), &json!({"crv": "secp256k1"})), SkipReason::UnsupportedCurve),
        (with(&P256.jwk("k"), &json!({"crv": "P-521"})), SkipReason::Es512),
        (with(&P256.jwk("k"), &json!({"alg": "ES512", "crv": "P-521"})), SkipReason::Es512),
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
    assert_eq!(reason(json!({"key_ops": "verify"})), Some(SkipReason::MalformedMember("key_ops")));
    assert_eq!(reason(json!({"use": ["sig"]})), Some(SkipReason::MalformedMember("use")));
}

#[test]
fn a_bundle_of_a_trust_domain_has_keys_for_jwt_svids_among_others() {
    let for_use = |key_id: &str, key_use: &str| with(&P256.jwk(key_id), &json!({"use": key_use}));
    let bundle = [for_use("a", "jwt-svid"), for_use("b", "x509-svid"), for_use("c", "sig"), P256.bare_jwk()];
    let rules = KeyRules { key_use: KeyUse::JwtSvid, ..rules(&Algorithm::ALL) };
    let (keys, skipped) = KeySet::import(&key_document(&bundle), &rules).unwrap();
    assert_eq!((keys.len(), keys.keys[0].key_id()), (1, Some("a")));
    assert!(skipped.iter().all(|skipped| skipped.reason == SkipReason::NotForVerifying));
}

#[test]
fn sets_are_equal_in_any_order_and_differ_by_any_key() {
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
        (String::new(), Some(SkipReason::MalformedMember("n"))),
        ("AAAA".to_owned(), Some(SkipReason::MalformedMember("n"))),
        ("AQAB=".to_owned(), Some(SkipReason::MalformedMember("n"))),
        ("AQ AB".to_owned(), Some(SkipReason::MalformedMember("n"))),
    ] {
        assert_eq!(reason(json!({"n": modulus})), expected, "{modulus}");
    }
    for (exponent, expected) in [
        (vec![3], None),
        (vec![1, 0, 1], None),
        (vec![1], Some(SkipReason::ExponentUnsafe)),
        (vec![2], Some(SkipReason::ExponentUnsafe)),
        (vec![1, 0, 0], Some(SkipReason::ExponentUnsafe)),
        // 33 bits are the most.
        (vec![1, 0, 0, 0, 1], None),
        (vec![2, 0, 0, 0, 1], Some(SkipReason::ExponentUnsafe)),
        (vec![0xff; 200], Some(SkipReason::ExponentUnsafe)),
        (vec![0, 3], None),
        (vec![0, 0, 1, 0, 1], None),
        (vec![0, 1], Some(SkipReason::ExponentUnsafe)),
        (vec![0], Some(SkipReason::MalformedMember("e"))),
        (vec![], Some(SkipReason::MalformedMember("e"))),
    ] {
        assert_eq!(reason(json!({"e": base64url(&exponent)})), expected, "{exponent:?}");
    }
    assert_eq!(reason(json!({"e": 65_537})), Some(SkipReason::MalformedMember("e")));
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
    assert_eq!(reason(&P256.jwk("k"), json!({"y": null})), Some(SkipReason::MalformedMember("y")));
}

/// The `kid` and the algorithm of each key.
fn names(keys: &KeySet) -> Vec<(Option<&str>, &str)> {
    keys.keys.iter().map(|key| (key.key_id(), key.algorithm().name())).collect()
}

#[test]
fn two_different_keys_of_the_same_id_and_algorithm_are_both_left_out() {
    let (keys, skipped) = import(&[RSA.jwk("a"), P256.jwk("b"), OTHER_RSA.jwk("a")]).unwrap();
    assert_eq!(names(&keys), [(Some("b"), "ES256")]);
    let skipped: Vec<_> = skipped.iter().map(|key| (key.index, key.key_id.as_deref().unwrap(), key.reason)).collect();
    let reason = SkipReason::DuplicateKeyId;
    assert_eq!(skipped, [(0, "a", reason), (2, "a", reason)]);
    let error = import(&[RSA.jwk("a"), OTHER_RSA.jwk("a"), RSA.jwk("a")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key document has no usable key; left out: key 0 (\"a\") has the kid and the algorithm of a different key; \
         key 1 (\"a\") has the kid and the algorithm of a different key"
    );
}

#[test]
fn a_key_that_is_of_no_use_costs_no_key_of_the_same_id() {
    let encryption = with(&OTHER_RSA.jwk("k"), &json!({"use": "enc", "alg": "RSA-OAEP"}));
    let other_use = with(&OTHER_RSA.jwk("k"), &json!({"use": "enc"}));
    let symmetric = json!({"kty": "oct", "k": base64url([7; 32]), "kid": "k"});
    let not_allowed = OTHER_RSA.jwk_for("k", Algorithm::Rs512);
    let post_quantum = json!({"kty": "AKP", "alg": "ML-DSA-44", "kid": "k", "pub": "AAAA"});
    let weak = with(&OTHER_RSA.jwk("k"), &json!({"n": base64url([0xff; 128])}));
    for useless in [encryption, other_use, symmetric, not_allowed, post_quantum, weak] {
        for keys in [[useless.clone(), RSA.jwk("k")], [RSA.jwk("k"), useless.clone()]] {
            let (keys, skipped) = KeySet::import(&key_document(&keys), &rules(&[Algorithm::Rs256])).unwrap();
            assert_eq!((names(&keys), skipped.len()), (vec![(Some("k"), "RS256")], 1), "{useless}");
            assert_ne!(skipped[0].reason, SkipReason::DuplicateKeyId, "{useless}");
        }
    }
}

#[test]
fn a_key_that_is_listed_twice_counts_once() {
    let spelt_otherwise = with(&RSA.jwk("a"), &json!({"x5t": "AAAA", "key_ops": ["verify"], "use": null, "alg": null}));
    for other in [RSA.jwk("a"), spelt_otherwise] {
        let (keys, skipped) = import(&[RSA.jwk("a"), other.clone(), RSA.jwk("a")]).unwrap();
        assert_eq!((names(&keys), skipped), (vec![(Some("a"), "RS256")], vec![]), "{other}");
    }
    let (keys, _) = import(&[RSA.bare_jwk(), RSA.bare_jwk()]).unwrap();
    assert_eq!(keys.len(), 1);
}

#[test]
fn one_id_may_be_that_of_a_key_for_each_algorithm() {
    use Algorithm::{EdDsa, Es256, Es384, Rs256, Rs384, Rs512};
    let all = [
        RSA.jwk_for("k", Rs256),
        RSA.jwk_for("k", Rs384),
        OTHER_RSA.jwk_for("k", Rs512),
        P256.jwk("k"),
        P384.jwk("k"),
        ED25519.jwk("k"),
    ];
    let (keys, skipped) = import(&all).unwrap();
    assert_eq!((keys.len(), skipped), (6, vec![]));
    for (algorithm, jwk) in [Rs256, Rs384, Rs512, Es256, Es384, EdDsa].into_iter().zip(&all) {
        let found = keys.candidates(Some("k"), algorithm).unwrap();
        let (alone, _) = import(std::slice::from_ref(jwk)).unwrap();
        assert_eq!(found, [&alone.keys[0]]);
    }
    assert_eq!(keys.candidates(Some("k"), Algorithm::Ps256).unwrap_err(), KeyLookupError::OtherAlgorithm);
}

#[test]
fn numbers_and_points_are_read_as_issuers_write_them() {
    let variants = |jwk: &Value, name: &str| {
        let text = jwk[name].as_str().unwrap().to_owned();
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        [
            URL_SAFE.encode(&bytes),
            STANDARD_NO_PAD.encode(&bytes),
            STANDARD.encode(&bytes),
            base64url([[0].as_slice(), &bytes].concat()),
            base64url([[0; 8].as_slice(), &bytes].concat()),
        ]
        .map(|text| with(jwk, &json!({ name: text })))
    };
    for key in [&RSA, &P256, &P384, &ED25519] {
        let jwk = key.jwk("k");
        let expected = import(std::slice::from_ref(&jwk)).unwrap().0;
        for name in ["n", "e", "x", "y"].into_iter().filter(|name| jwk.get(name).is_some()) {
            // The number of bytes of an Ed25519 key is fixed: it is no number.
            let readable = if jwk["kty"] == "OKP" { 3 } else { 5 };
            for (index, variant) in variants(&jwk, name).into_iter().enumerate() {
                let imported = import(std::slice::from_ref(&variant)).map(|(keys, _)| keys).ok();
                assert_eq!(imported.is_some(), index < readable, "{variant}");
                assert!(imported.is_none_or(|imported| imported == expected), "{variant}");
            }
        }
    }
}

#[test]
fn a_coordinate_may_lack_zeros_at_its_beginning() {
    // A public key whose x begins with a zero byte; one in 256 does.
    let (jwk, bytes) = (0..20_000)
        .find_map(|_| {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            let point = pair.public_key().as_ref().to_vec();
            (point[1] == 0).then(|| {
                let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
                (json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": y}), point[2..33].to_vec())
            })
        })
        .unwrap();
    let shorter = with(&jwk, &json!({"x": base64url(bytes)}));
    assert_eq!(import(&[jwk]).unwrap().0, import(&[shorter]).unwrap().0);
}

#[test]
fn both_names_of_ed25519_are_read() {
    for name in ["EdDSA", "Ed25519"] {
        let jwk = with(&ED25519.jwk("k"), &json!({"alg": name}));
        let (keys, _) = import(&[jwk]).unwrap();
        assert_eq!(names(&keys), [(Some("k"), "EdDSA")]);
    }
    let two_names = [with(&ED25519.jwk("k"), &json!({"alg": "Ed25519"})), ED25519.jwk("k")];
    assert_eq!(import(&two_names).unwrap().0.len(), 1);
    assert_eq!(
        skip_reason(&with(&P256.jwk("k"), &json!({"alg": "Ed25519"})), &[]),
        Some(SkipReason::AlgorithmMismatch)
    );
}

#[test]
fn ed25519_keys_that_are_worthless_are_refused() {
    let reason =
        |bytes: [u8; 32]| skip_reason(&with(&ED25519.jwk("k"), &json!({"x": base64url(bytes)})), &[Algorithm::EdDsa]);
    for text in edwards::tests::SMALL_ORDER {
        let mut key = edwards::tests::unhex(text);
        assert_eq!(reason(key), Some(SkipReason::SmallOrder), "{text}");
        key[31] |= 0x80;
        assert_eq!(reason(key), Some(SkipReason::SmallOrder), "{text}");
    }
    let mut no_point = [0; 32];
    no_point[0] = 2;
    assert_eq!(reason(no_point), Some(SkipReason::InvalidKey));
    assert_eq!(reason([0xff; 32]), Some(SkipReason::InvalidKey));
}

#[test]
fn a_key_id_that_is_too_long_or_no_string_is_refused() {
    let reason = |key_id: Value| skip_reason(&with(&RSA.jwk("k"), &json!({"kid": key_id})), &Algorithm::ALL);
    assert_eq!(reason(json!("k".repeat(256))), None);
    assert_eq!(reason(json!("k".repeat(257))), Some(SkipReason::KeyIdTooLong));
    assert_eq!(reason(json!(7)), Some(SkipReason::MalformedMember("kid")));
    let document = format!(r#"{{"keys":[{{"kty":"RSA","kty":"RSA"}},{}]}}"#, RSA.jwk("k"));
    let (_, skipped) = KeySet::import(document.as_bytes(), &rules(&Algorithm::ALL)).unwrap();
    assert_eq!(skipped, [SkippedKey { index: 0, key_id: None, reason: SkipReason::NotAnObject }]);
}

#[test]
fn a_key_that_is_left_out_is_named_unless_its_id_is_too_long() {
    let with_id = |key_id: &str| with(&RSA.jwk(key_id), &json!({"use": "enc"}));
    let longest = "k".repeat(256);
    let (_, skipped) = import(&[with_id(&longest), with_id(&"k".repeat(257)), RSA.jwk("good")]).unwrap();
    let reason = SkipReason::NotForVerifying;
    let expected =
        [SkippedKey { index: 0, key_id: Some(longest), reason }, SkippedKey { index: 1, key_id: None, reason }];
    assert_eq!(skipped, expected);
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
    let mut largest = key_document(&[RSA.jwk("k")]);
    largest.resize(MAX_KEY_DOCUMENT_BYTES, b' ');
    assert!(KeySet::import(&largest, &rules(&Algorithm::ALL)).is_ok());
    largest.push(b' ');
    assert_eq!(KeySet::import(&largest, &rules(&Algorithm::ALL)).unwrap_err(), KeySetError::TooLarge);
}

#[test]
fn a_key_is_found_by_its_id_and_algorithm() {
    let (keys, _) = import(&[RSA.jwk("a"), P256.jwk("b"), with(&P384.jwk("c"), &json!({"kid": null}))]).unwrap();
    assert_eq!(keys.candidates(Some("b"), Algorithm::Es256).unwrap()[0].key_id(), Some("b"));
    assert_eq!(keys.candidates(Some("b"), Algorithm::Rs256).unwrap_err(), KeyLookupError::OtherAlgorithm);
    for unknown in ["", "c", "A", "a\0", "../a", "' OR 1=1 --"] {
        for algorithm in Algorithm::ALL {
            let error = keys.candidates(Some(unknown), algorithm).unwrap_err();
            assert_eq!(error, KeyLookupError::Unknown, "{unknown} {algorithm}");
        }
    }
}

#[test]
fn a_token_without_key_id_has_the_few_keys_of_its_algorithm() {
    let (keys, _) = import(&[RSA.jwk("a"), OTHER_RSA.jwk("b"), P256.jwk("c"), RSA.jwk("same as a")]).unwrap();
    let found = |algorithm| -> Result<Vec<_>, _> {
        Ok(keys.candidates(None, algorithm)?.iter().map(|key| key.key_id().unwrap()).collect())
    };
    assert_eq!(found(Algorithm::Es256), Ok(vec!["c"]));
    assert_eq!(found(Algorithm::Rs256), Ok(vec!["a", "b"]));
    assert_eq!(found(Algorithm::EdDsa), Err(KeyLookupError::Unknown));
    let of_number = |number: usize| {
        let keys: Vec<Value> = (0..number).map(|_| TestKey::ed25519().bare_jwk()).collect();
        import(&keys).unwrap().0.candidates(None, Algorithm::EdDsa).map(|found| found.len())
    };
    assert_eq!(of_number(MAX_CANDIDATES), Ok(MAX_CANDIDATES));
    assert_eq!(of_number(MAX_CANDIDATES + 1), Err(KeyLookupError::Ambiguous));
}

#[test]
fn a_set_may_have_sixty_four_keys() {
    let most = vec![RSA.jwk("a"); MAX_KEYS];
    assert_eq!(import(&most).unwrap().0.len(), 1);
    assert_eq!(import(&vec![RSA.jwk("a"); MAX_KEYS + 1]).unwrap_err(), KeySetError::TooManyKeys);
}

#[test]
fn a_member_that_is_null_is_not_there() {
    for name in ["use", "alg", "key_ops", "kid", "d", "k", "oth", "x5c"] {
        let mut jwk = P256.jwk("k");
        jwk[name] = Value::Null;
        assert!(import(&[jwk]).is_ok(), "{name}");
    }
    let mut missing = P256.jwk("k");
    missing["x"] = Value::Null;
    assert!(import(&[missing]).is_err());
}

/// The keys of Microsoft Entra ID for all tenants have `{tenantid}`, those of one tenant its id, and those of its first
/// version no issuer.
#[test]
fn a_key_for_another_issuer_or_tenant_is_refused() {
    let issuer = |tenant: &str| format!("https://login.example/{tenant}/v2.0");
    let of_tenant = KeyRules {
        issuer: Some(KeyIssuer { issuer: issuer("t-1"), tenant: "t-1".to_owned() }),
        ..rules(&[Algorithm::Rs256])
    };
    let import = |member: Value, rules: &KeyRules| {
        let jwk = with(&RSA.jwk("k"), &json!({ "issuer": member }));
        match KeySet::import(&key_document(&[jwk]), rules) {
            Ok(_) => None,
            Err(KeySetError::NoUsableKey { skipped }) => Some(skipped[0].reason),
            Err(error) => panic!("{error}"),
        }
    };
    for member in [json!(null), json!(issuer("t-1")), json!(issuer("{tenantid}"))] {
        assert_eq!(import(member.clone(), &of_tenant), None, "{member}");
    }
    for member in [json!(issuer("t-2")), json!(issuer("{tid}")), json!("https://login.example/t-1/"), json!("")] {
        assert_eq!(import(member.clone(), &of_tenant), Some(SkipReason::OtherIssuer), "{member}");
        assert_eq!(import(member.clone(), &rules(&[Algorithm::Rs256])), None, "{member}");
    }
    assert_eq!(import(json!(1), &of_tenant), Some(SkipReason::MalformedMember("issuer")));
}
