use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::test_issuer::{ED25519, base64url, claims};

fn token_with_header(header: &str) -> String {
    format!("{}.{}.{}", base64url(header), base64url("{}"), base64url("signature"))
}

fn parse_header(header: &str) -> Result<(), Rejection> {
    CompactToken::parse(&token_with_header(header)).map(drop)
}

fn rejection(token: &str) -> Option<Rejection> {
    CompactToken::parse(token).err()
}

#[test]
fn a_token_is_taken_apart() {
    let text = ED25519.token("key-1", &claims());
    let token = CompactToken::parse(&text).unwrap();
    assert_eq!(token.header().algorithm, Algorithm::EdDsa);
    assert_eq!(token.header().key_id.as_deref(), Some("key-1"));
    assert_eq!(token.header().token_type, Some(TokenType::Jwt));
    assert!(!token.header().has_other_members);
    assert_eq!(token.unverified_claim("iss"), Some(&json!("https://issuer.example")));
    assert_eq!(format!("{token:?}"), "CompactToken { algorithm: EdDsa, .. }");
}

#[test]
fn a_token_of_other_than_three_segments_is_refused() {
    let header = base64url(r#"{"alg":"RS256"}"#);
    for token in ["", ".", "..", "...", "e30", "e30.e30", "e30.e30.", "e30..e30", ".e30.e30"] {
        assert_eq!(rejection(token), Some(Rejection::Malformed), "{token}");
    }
    assert_eq!(rejection(&format!("{header}.e30.c2ln.e30")), Some(Rejection::Malformed));
    // JWE in compact serialisation has five.
    assert_eq!(rejection(&format!("{header}.e30.e30.e30.e30")), Some(Rejection::Malformed));
    assert_eq!(rejection(r#"{"payload":"e30","signatures":[]}"#), Some(Rejection::Malformed));
}

#[test]
fn base64_that_is_padded_not_canonical_or_of_the_other_alphabet_is_refused() {
    let header = base64url(r#"{"alg":"RS256"}"#);
    assert_eq!(rejection(&format!("{header}.e30.c2ln")), None);
    for (payload, signature) in [
        ("e30=", "c2ln"),
        ("e31", "c2ln"),
        ("e30", "c2ln="),
        ("e30", "c2l"),
        ("e30", "+/+/"),
        ("e30", "c2 n"),
        ("e30", "c2ln\n"),
    ] {
        assert_eq!(rejection(&format!("{header}.{payload}.{signature}")), Some(Rejection::Malformed), "{signature}");
    }
}

#[test]
fn size_limits_hold_before_anything_is_decoded() {
    assert_eq!(rejection(&"a".repeat(10_000_000)), Some(Rejection::TokenTooLarge));
    assert_eq!(rejection(&".".repeat(MAX_TOKEN_BYTES + 1)), Some(Rejection::TokenTooLarge));
    assert_eq!(rejection(&"a".repeat(MAX_TOKEN_BYTES)), Some(Rejection::Malformed));
    // Three bytes are four characters.
    let longest = MAX_HEADER_SEGMENT_BYTES / 4 * 3;
    for (length, expected) in [(longest, Ok(())), (longest + 1, Err(Rejection::HeaderMalformed))] {
        let header = format!(r#"{{"alg":"RS256","x":"{}"}}"#, "x".repeat(length - 22));
        assert_eq!((header.len(), parse_header(&header)), (length, expected));
    }
}

#[test]
fn unsigned_and_symmetric_tokens_are_refused() {
    for algorithm in
        ["none", "None", "NONE", "nOnE", "none ", "", "HS256", "HS384", "HS512", "rs256", "ES512", "RSA1_5"]
    {
        let header = json!({"alg": algorithm}).to_string();
        assert_eq!(parse_header(&header), Err(Rejection::AlgorithmNotAllowed), "{algorithm}");
        let unsigned = format!("{}.{}.", base64url(&header), base64url("{}"));
        assert_eq!(rejection(&unsigned), Some(Rejection::Malformed));
    }
}

#[test]
fn header_members_of_the_wrong_type_are_refused() {
    for header in [
        "[]",
        r#"["RS256"]"#,
        "{}",
        r#"{"alg":null}"#,
        r#"{"alg":1}"#,
        r#"{"alg":["RS256"]}"#,
        r#"{"alg":"RS256","kid":null}"#,
        r#"{"alg":"RS256","kid":7}"#,
        r#"{"alg":"RS256","kid":["a"]}"#,
        r#"{"alg":"RS256","typ":null}"#,
        r#"{"alg":"RS256","typ":7}"#,
        r#"{"alg":"RS256"} "#,
        r#"{"alg":"RS256","x":}"#,
    ] {
        let expected = if header.ends_with(' ') { Ok(()) } else { Err(Rejection::HeaderMalformed) };
        assert_eq!(parse_header(header), expected, "{header}");
    }
}

#[test]
fn duplicate_header_members_are_refused() {
    for header in [
        r#"{"alg":"RS256","alg":"RS256"}"#,
        r#"{"alg":"none","alg":"RS256"}"#,
        r#"{"alg":"RS256","kid":"a","kid":"b"}"#,
        r#"{"alg":"RS256","\u0061lg":"none"}"#,
        r#"{"alg":"RS256","x":1,"x":2}"#,
    ] {
        assert_eq!(parse_header(header), Err(Rejection::HeaderMalformed), "{header}");
    }
}

#[test]
fn extensions_encryption_and_compression_are_refused() {
    for member in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""enc":"A256GCM""#,
        r#""zip":"DEF""#,
        r#""zip":"none""#,
        r#""zip":null"#,
        r#""zip":["NONE"]"#,
    ] {
        let header = format!(r#"{{"alg":"RS256",{member}}}"#);
        assert_eq!(parse_header(&header), Err(Rejection::HeaderUnsupported), "{member}");
    }
    // PingAM writes it into tokens that are not compressed.
    assert_eq!(parse_header(r#"{"alg":"RS256","zip":"NONE"}"#), Ok(()));
}

#[test]
fn a_key_id_of_256_bytes_is_the_longest() {
    let header = |length| json!({"alg": "RS256", "kid": "k".repeat(length)}).to_string();
    assert_eq!(parse_header(&header(256)), Ok(()));
    assert_eq!(parse_header(&header(257)), Err(Rejection::HeaderMalformed));
}

#[test]
fn tokens_typed_for_another_purpose_are_refused() {
    for media_type in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt", "APPLICATION/JWT"] {
        assert_eq!(parse_header(&json!({"alg": "RS256", "typ": media_type}).to_string()), Ok(()), "{media_type}");
    }
    for media_type in [
        "",
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "application/",
        "application/application/jwt",
        "application+jwt",
        "JWE",
        "é",
    ] {
        let header = json!({"alg": "RS256", "typ": media_type}).to_string();
        assert_eq!(parse_header(&header), Err(Rejection::TypeNotAllowed), "{media_type}");
    }
}

#[test]
fn claims_that_are_no_unambiguous_object_are_refused() {
    let header = base64url(r#"{"alg":"RS256"}"#);
    for payload in ["[]", "null", "\"a\"", "{", "{}{}", r#"{"sub":"a","sub":"b"}"#, r#"{"x":{"a":1,"a":2}}"#] {
        let token = format!("{header}.{}.c2ln", base64url(payload));
        assert_eq!(rejection(&token), Some(Rejection::ClaimsMalformed), "{payload}");
    }
    let nested = format!(r#"{{"a":{}"#, "[".repeat(5_000));
    assert_eq!(rejection(&format!("{header}.{}.c2ln", base64url(nested))), Some(Rejection::ClaimsMalformed));
}

proptest! {
    #[test]
    fn no_text_panics(text in ".*") {
        let _ = CompactToken::parse(&text);
    }

    #[test]
    fn no_header_and_payload_panics(header: Vec<u8>, payload: Vec<u8>, signature: Vec<u8>) {
        let text = format!("{}.{}.{}", base64url(header), base64url(payload), base64url(signature));
        let _ = CompactToken::parse(&text);
    }

    #[test]
    fn only_three_base64url_segments_are_accepted(
        segments in prop::collection::vec(prop_oneof!["[A-Za-z0-9_-]{0,8}", "[ -~]{0,8}", Just(base64url(r#"{"alg":"RS256"}"#)), Just("e30".to_owned())], 0..6),
    ) {
        let text = segments.join(".");
        let is_base64url = |segment: &str| !segment.is_empty() && URL_SAFE_NO_PAD.decode(segment).is_ok();
        let well_formed = text.split('.').count() == 3 && text.split('.').all(is_base64url);
        if CompactToken::parse(&text).is_ok() {
            prop_assert!(well_formed);
        }
        if !well_formed {
            prop_assert_eq!(rejection(&text), Some(Rejection::Malformed));
        }
    }
}
