//! `x-forwarded-client-cert` with arbitrary values from a client. Each line of the input is a value of the header.

#![no_main]

use access_broker_identity::ForwardedClientCertError::{Malformed, Missing, TooLong};
use access_broker_identity::{ForwardedClientCertError, HeaderElements};
use libfuzzer_sys::fuzz_target;

const GENUINE_URI: &str = "spiffe://prod.example/ns/media/sa/thumbnailer";

/// Elements that a proxy appends.
const GENUINE_ELEMENTS: [&str; 2] = [
    "By=spiffe://prod.example/broker;Hash=69;URI=spiffe://prod.example/ns/media/sa/thumbnailer;DNS=a.example",
    r#"Hash=69;Cert="%2Bw%3D%3D";Subject="CN=a=,O=A\, \"B\"\\";URI=spiffe://prod.example/ns/media/sa/thumbnailer"#,
];

fn forwarded_client_uri<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Result<&'v str, ForwardedClientCertError> {
    access_broker_identity::forwarded_client_uri(values, HeaderElements::Last)
}

fuzz_target!(|input: &[u8]| {
    let values: Vec<_> = input.split(|&byte| byte == b'\n').collect();
    let found = forwarded_client_uri(values.iter().copied());
    let one = access_broker_identity::forwarded_client_uri(values.iter().copied(), HeaderElements::One);
    assert!(one == found || one == Err(ForwardedClientCertError::SeveralElements), "{one:?}");
    if let Ok(uri) = found {
        let last = str::from_utf8(values[values.len() - 1]).expect("a header that is read is UTF-8");
        assert_eq!(uris_of_last_element(last), [uri]);
    }

    let joined = values.join(&b',');
    let found_in_joined = forwarded_client_uri([joined.as_slice()]);
    let is_list = !matches!(found, Err(Missing | Malformed | TooLong));
    if is_list && found_in_joined != Err(TooLong) {
        assert_eq!(found_in_joined, found, "several values and one list say the same");
    }

    for genuine in GENUINE_ELEMENTS {
        let appended_to_value = [joined.as_slice(), b",", genuine.as_bytes()].concat();
        let appended_as_value = values.iter().copied().chain([genuine.as_bytes()]);
        for found in [forwarded_client_uri([appended_to_value.as_slice()]), forwarded_client_uri(appended_as_value)] {
            match found {
                Ok(uri) => assert_eq!(uri, GENUINE_URI, "the client named another one"),
                Err(TooLong) => {}
                Err(error) => assert!(!is_list && matches!(error, Malformed | Missing), "{error}"),
            }
        }
    }
});

/// The URIs of the last element of a well-formed value, by a second reader that splits instead of parsing.
fn uris_of_last_element(value: &str) -> Vec<&str> {
    let element = split_outside_quotes(value, ',').pop().unwrap_or_default();
    let pairs = split_outside_quotes(element, ';').into_iter().filter_map(|pair| pair.split_once('='));
    let uris = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case("uri"));
    uris.map(|(_, uri)| uri.trim_matches(' ').trim_matches('"')).collect()
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let (mut in_quotes, mut escaped) = (false, false);
    let is_separator = |character| {
        in_quotes ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        character == separator && !in_quotes
    };
    text.split(is_separator).collect()
}
