//! Compares the result for whole tokens with that of `decode` of jsonwebtoken, from which the product uses only the
//! verification of signatures. jsonwebtoken must accept each token that the product accepts; the cases have the reason
//! where only the product rejects.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use jsonwebtoken::Validation;

use super::*;
use crate::test_issuer::ED25519 as EDWARDS;

/// A time far in the future: jsonwebtoken uses the machine's clock.
const LATER: u64 = 4_000_000_000;

/// The results of both for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    BothAccept,
    BothRefuse,
    /// jsonwebtoken accepts, and the product rejects for this reason.
    OnlyOursRefuses(Rejection),
}

const KEYS: [(&LazyLock<TestKey>, &LazyLock<TestKey>, Algorithm); 9] = [
    (&RSA, &OTHER_RSA, Algorithm::Rs256),
    (&RSA, &OTHER_RSA, Algorithm::Rs384),
    (&RSA, &OTHER_RSA, Algorithm::Rs512),
    (&RSA, &OTHER_RSA, Algorithm::Ps256),
    (&RSA, &OTHER_RSA, Algorithm::Ps384),
    (&RSA, &OTHER_RSA, Algorithm::Ps512),
    (&P256, &OTHER_P256, Algorithm::Es256),
    (&P384, &OTHER_P384, Algorithm::Es384),
    (&EDWARDS, &OTHER_ED25519, Algorithm::EdDsa),
];

static OTHER_P256: LazyLock<TestKey> = LazyLock::new(TestKey::p256);
static OTHER_P384: LazyLock<TestKey> = LazyLock::new(TestKey::p384);
static OTHER_ED25519: LazyLock<TestKey> = LazyLock::new(TestKey::ed25519);

/// Claims that both accept.
fn good_claims() -> Value {
    with(&claims(), &json!({"exp": LATER}))
}

/// The result of jsonwebtoken, with the rules that are closest to the product's.
fn theirs(token: &str, key: &TestKey, algorithm: Algorithm) -> bool {
    let mut validation = Validation::new(algorithm.to_jsonwebtoken());
    validation.set_required_spec_claims(&["exp", "iss", "sub", "aud"]);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_nbf = true;
    jsonwebtoken::decode::<Value>(token, &key.decoding_key(), &validation).is_ok()
}

async fn verdict(token: &str, key: &TestKey, algorithm: Algorithm) -> Verdict {
    let ours = rejection(&[key.jwk_for("k", algorithm)], token).await;
    match (ours, theirs(token, key, algorithm)) {
        (None, true) => Verdict::BothAccept,
        (Some(_), false) => Verdict::BothRefuse,
        (Some(rejection), true) => Verdict::OnlyOursRefuses(rejection),
        (None, false) => panic!("accepted here alone: {token}"),
    }
}

/// The token with one flipped bit in a segment.
fn with_bit_turned(token: &str, segment: usize, place: impl Fn(usize) -> usize) -> String {
    let mut segments: Vec<Vec<u8>> = token.split('.').map(|text| URL_SAFE_NO_PAD.decode(text).unwrap()).collect();
    let bytes = &mut segments[segment];
    let index = place(bytes.len());
    bytes[index] ^= 1;
    segments.iter().map(base64url).collect::<Vec<_>>().join(".")
}

/// The token with one of the unused bits of its last character set, if it has such bits.
fn with_unused_bit(token: &str) -> Option<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let signature = token.rsplit('.').next().unwrap();
    let unused_bits = signature.len() * 6 % 8;
    let last = ALPHABET.iter().position(|letter| *letter == *token.as_bytes().last().unwrap()).unwrap();
    (unused_bits > 0).then(|| format!("{}{}", &token[..token.len() - 1], ALPHABET[last | 1] as char))
}

#[tokio::test]
async fn forms_and_signatures_of_every_algorithm_are_judged_alike() {
    use Verdict::{BothAccept, BothRefuse};
    for (key, other, algorithm) in KEYS {
        let good = key.token_for("k", algorithm, &good_claims());
        let header = json!({"alg": algorithm.name(), "kid": "k"}).to_string();
        let claims = good_claims().to_string();
        let (message, signature) = good.rsplit_once('.').unwrap();
        let (head, payload) = message.split_once('.').unwrap();
        let signature_bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let mut cases = vec![
            ("good", good.clone(), BothAccept),
            ("signed as any two texts", key.sign_for(algorithm, &header, &claims), BothAccept),
            ("another key", other.token_for("k", algorithm, &good_claims()), BothRefuse),
            ("no signature", format!("{message}."), BothRefuse),
            ("no third part", message.to_owned(), BothRefuse),
            ("a fourth part", format!("{good}.AAAA"), BothRefuse),
            ("a part too few at the front", good.split_once('.').unwrap().1.to_owned(), BothRefuse),
            ("empty", String::new(), BothRefuse),
            ("no payload", format!("{head}..{signature}"), BothRefuse),
            ("a shorter signature", format!("{message}.{}", &signature[..signature.len() - 4]), BothRefuse),
            (
                "a longer signature",
                format!("{message}.{}", base64url([&signature_bytes[..], &[0]].concat())),
                BothRefuse,
            ),
            ("a signature of zeros", format!("{message}.{}", base64url(vec![0; signature_bytes.len()])), BothRefuse),
            ("a padded signature", format!("{good}="), BothRefuse),
            ("a padded payload", format!("{head}.{payload}=.{signature}"), BothRefuse),
            ("a space at the end", format!("{good} "), BothRefuse),
            (
                "the signature of other claims",
                {
                    let token = key.token_for("k", algorithm, &with(&good_claims(), &json!({"sub": "other"})));
                    format!("{message}.{}", token.rsplit_once('.').unwrap().1)
                },
                BothRefuse,
            ),
            ("alg none", format!("{}.{payload}.{signature}", base64url(r#"{"alg":"none","kid":"k"}"#)), BothRefuse),
            (
                "a secret that is public",
                {
                    let secret = jsonwebtoken::EncodingKey::from_secret(key.bare_jwk().to_string().as_bytes());
                    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
                    header.kid = Some("k".to_owned());
                    jsonwebtoken::encode(&header, &good_claims(), &secret).unwrap()
                },
                BothRefuse,
            ),
        ];
        cases.extend(with_unused_bit(&good).map(|token| ("a signature that is not canonical", token, BothRefuse)));
        let standard = STANDARD_NO_PAD.encode(&signature_bytes);
        if standard != signature {
            cases.push(("a signature in the other alphabet", format!("{message}.{standard}"), BothRefuse));
        }
        for segment in 0..3 {
            cases.push(("a bit at the front", with_bit_turned(&good, segment, |_| 0), BothRefuse));
            cases.push(("a bit in the middle", with_bit_turned(&good, segment, |length| length / 2), BothRefuse));
            cases.push(("a bit at the end", with_bit_turned(&good, segment, |length| length - 1), BothRefuse));
        }
        for (_, _, named) in KEYS.into_iter().filter(|(_, _, named)| *named != algorithm) {
            let header = json!({"alg": named.name(), "kid": "k"}).to_string();
            cases.push(("another alg in the header", key.sign_for(algorithm, &header, &claims), BothRefuse));
        }
        for (signer, _, used) in KEYS.into_iter().filter(|(_, _, used)| *used != algorithm) {
            cases.push(("signed by another algorithm", signer.sign_for(used, &header, &claims), BothRefuse));
        }
        for (case, token, expected) in cases {
            assert_eq!(verdict(&token, key, algorithm).await, expected, "{algorithm}, {case}: {token}");
        }
    }
}

#[tokio::test]
async fn claims_are_judged_alike_or_more_strictly() {
    use Verdict::{BothAccept, BothRefuse, OnlyOursRefuses};
    let of = |changes: Value| with(&good_claims(), &changes).to_string();
    let doubled = |member: &str| good_claims().to_string().replacen('{', &format!("{{{member},"), 1);
    let cases = [
        (of(json!({})), BothAccept),
        (of(json!({"aud": ["other", AUDIENCE]})), BothAccept),
        (of(json!({"exp": 4_000_000_000.5})), BothAccept),
        (of(json!({"nbf": 1})), BothAccept),
        (of(json!({"exp": 1})), BothRefuse),
        (of(json!({"exp": null})), BothRefuse),
        (of(json!({"exp": "4000000000"})), BothRefuse),
        (of(json!({"nbf": LATER})), BothRefuse),
        (of(json!({"nbf": "yesterday"})), BothRefuse),
        (of(json!({"aud": "other"})), BothRefuse),
        (of(json!({"aud": ["other"]})), BothRefuse),
        (of(json!({"aud": []})), BothRefuse),
        (of(json!({"aud": null})), BothRefuse),
        (of(json!({"aud": 7})), BothRefuse),
        (of(json!({"iss": "https://issuer.example/"})), BothRefuse),
        (of(json!({"iss": null})), BothRefuse),
        (of(json!({"sub": null})), BothRefuse),
        (doubled(r#""sub":"admin""#), BothRefuse),
        ("[]".to_owned(), BothRefuse),
        ("{".to_owned(), BothRefuse),
        // Stricter: ambiguous claims, wrong types, and unusable identities.
        (of(json!({"iss": [ISSUER]})), OnlyOursRefuses(Rejection::IssuerMalformed)),
        (of(json!({"sub": ""})), OnlyOursRefuses(Rejection::SubjectMalformed)),
        (of(json!({"sub": "a\nb"})), OnlyOursRefuses(Rejection::SubjectMalformed)),
        (of(json!({"iat": LATER})), OnlyOursRefuses(Rejection::IssuedInFuture)),
        (of(json!({"iat": "yesterday"})), OnlyOursRefuses(Rejection::IssuedAtMalformed)),
        (of(json!({"groups": {"a": 1}})), OnlyOursRefuses(Rejection::GroupsMalformed)),
        (of(json!({"scope": 7})), OnlyOursRefuses(Rejection::ScopesMalformed)),
        (doubled(r#""dept":"a","dept":"b""#), OnlyOursRefuses(Rejection::ClaimsMalformed)),
        (doubled(r#""x":{"a":1,"a":2}"#), OnlyOursRefuses(Rejection::ClaimsMalformed)),
    ];
    for (payload, expected) in cases {
        let token = EDWARDS.sign(r#"{"alg":"EdDSA","kid":"k"}"#, &payload);
        assert_eq!(verdict(&token, &EDWARDS, Algorithm::EdDsa).await, expected, "{payload}");
    }
}

#[tokio::test]
async fn headers_are_judged_alike_or_more_strictly() {
    use Verdict::{BothAccept, BothRefuse, OnlyOursRefuses};
    let cases = [
        (r#"{"alg":"EdDSA","kid":"k"}"#, BothAccept),
        (r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#, BothAccept),
        (r#"{"alg":"EdDSA","kid":"k","typ":"at+jwt","x":1}"#, BothAccept),
        (r#"{"alg":"EdDSA"}"#, BothAccept),
        (r#"{"kid":"k"}"#, BothRefuse),
        (r#"{"alg":["EdDSA"],"kid":"k"}"#, BothRefuse),
        (r#"{"alg":"EdDSA","kid":7}"#, BothRefuse),
        (r#"{"alg":"EdDSA","alg":"EdDSA","kid":"k"}"#, BothRefuse),
        (r#"{"alg":"eddsa","kid":"k"}"#, BothRefuse),
        // Stricter: unsupported extensions, tokens for another purpose, an unknown key, and repeated members.
        (r#"{"alg":"EdDSA","kid":"k","crit":["x"],"x":1}"#, OnlyOursRefuses(Rejection::HeaderUnsupported)),
        (r#"{"alg":"EdDSA","kid":"k","b64":true}"#, OnlyOursRefuses(Rejection::HeaderUnsupported)),
        (r#"{"alg":"EdDSA","kid":"k","zip":"DEF"}"#, OnlyOursRefuses(Rejection::HeaderUnsupported)),
        (r#"{"alg":"EdDSA","kid":"k","typ":"logout+jwt"}"#, OnlyOursRefuses(Rejection::TypeNotAllowed)),
        (r#"{"alg":"EdDSA","kid":"other"}"#, OnlyOursRefuses(Rejection::UnknownKey)),
        (r#"{"alg":"EdDSA","kid":"k","x":1,"x":2}"#, OnlyOursRefuses(Rejection::HeaderMalformed)),
    ];
    for (header, expected) in cases {
        let token = EDWARDS.sign(header, &good_claims().to_string());
        assert_eq!(verdict(&token, &EDWARDS, Algorithm::EdDsa).await, expected, "{header}");
    }
    // jsonwebtoken does not know the newer name of the algorithm, so it is given the older one.
    let token = EDWARDS.sign(r#"{"alg":"Ed25519","kid":"k"}"#, &good_claims().to_string());
    assert_eq!(rejection(&[EDWARDS.jwk("k")], &token).await, None);
    assert!(!theirs(&token, &EDWARDS, Algorithm::EdDsa));
    let long = EDWARDS.token("k", &with(&good_claims(), &json!({"pad": "x".repeat(1 << 17)})));
    let refused = OnlyOursRefuses(Rejection::TokenTooLarge);
    assert_eq!(verdict(&long, &EDWARDS, Algorithm::EdDsa).await, refused);
}

proptest! {
    /// After any change of a token: if the product accepts it, jsonwebtoken accepts it.
    #[test]
    fn a_changed_token_is_never_accepted_here_alone(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), "[A-Za-z0-9_.=-]?"), 1..3)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut token = EDWARDS.token("k", &good_claims());
        for (place, replacement) in changes {
            let place = place.index(token.len() - 1);
            token.replace_range(place..=place, &replacement);
        }
        let verdict = runtime.block_on(verdict(&token, &EDWARDS, Algorithm::EdDsa));
        prop_assert!(verdict != Verdict::BothAccept || token == EDWARDS.token("k", &good_claims()));
    }
}
