//! What is accepted, compared with the canonical mapping and prost-reflect 0.16. The tests below have each row of this
//! table, and also run prost-reflect.
//!
//! | text | canonical mapping | prost-reflect | here |
//! |---|---|---|---|
//! | a member twice, in one spelling or in both | the last, or refused | takes the last, unless it is `optional` | refused |
//! | a key of a map twice, also by escapes | the last, or refused | takes the last | refused |
//! | a member twice, of which one is null | the last, or refused | takes the value | refused |
//! | two members of a oneof | the last, or refused | refused | refused |
//! | two members of a oneof, of which one is null | accepted | accepted | accepted |
//! | null as a member | unset | unset | unset |
//! | null in a list or as the value of a map | refused | refused | refused |
//! | integers such as `1e3`, `1.0` | accepted | accepted | accepted up to 2^53, because a double has their value |
//! | integers such as `1.8e19`, `9007199254740993.0` | rounded as doubles | rounded | refused |
//! | integers above 2^53 with all digits and without quotes | rounded as doubles | accepted | accepted |
//! | integers in quotes with an exponent, `"1e3"` | accepted | refused | as without quotes |
//! | integers in quotes such as `"+1"`, `"007"` | unspecified | accepted | refused |
//! | `-0` for an unsigned integer | unspecified | accepted, refused in quotes | accepted |
//! | doubles in quotes such as `"+1"`, `"inf"`, `"infinity"`, `"1."` | unspecified | accepted | refused |
//! | doubles in quotes that are too large, `"1e999"` | refused | infinity | refused |
//! | numbers above the range of a float | refused | infinity if in quotes | refused |
//! | `"NaN"`, `"Infinity"`, `"-Infinity"` | accepted | accepted | accepted |
//! | enums by a number without a name | accepted | accepted | accepted |
//! | enums by a number such as `1.0` | unspecified | refused | accepted |
//! | booleans in quotes | refused | refused | refused |
//! | base64 in either alphabet, with and without padding | accepted | accepted | accepted |
//! | base64 with bits after the last byte | recommended by the conformance tests | accepted | refused |
//! | base64 with both alphabets | unspecified | refused | refused |
//! | durations with more than nine digits after the point | refused | cuts digits | refused |
//! | durations such as `"1.s"`, `".5s"`, `"+1s"` | unspecified | refused | refused |
//! | times with more than nine digits after the point | refused | cuts digits | refused |
//! | times with a leap second | unspecified | takes the second before | refused |
//! | `Any`, `Struct`, `Value`, `ListValue`, `FieldMask`, maps with keys that are not strings | accepted | accepted | refused: requests have none |
//! | lone surrogates, invalid UTF-8, a byte order mark, text after the object | refused | refused | refused |
//!
//! Queries are read as forms: `+` is a space, pieces that are empty are skipped, and a name without `=` has an empty
//! value. Enums may be given by numbers, and the rest of the values as in JSON without the quotes.

mod arbitrary;
mod contract;
mod everything;
mod query;

use std::time::{Duration, Instant};

use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};
use prost_types::Any;

use crate::{json_to_wire, read_json, write_json};
use contract::{Upload, requests};
use everything::everything;

/// What prost-reflect makes of a text.
enum Peer {
    Same,
    Refuses,
    Reads(&'static str),
}
use Peer::{Reads, Refuses, Same};

type Row = (&'static str, Result<&'static str, &'static str>, Peer);

/// Reads each text. The result is compared as it is written again.
fn check(descriptor: &MessageDescriptor, rows: &[Row]) {
    for (text, expected, peer) in rows {
        let ours = json_to_wire(descriptor, text.as_bytes()).map_err(|error| error.to_string());
        let ours = ours.map(|wire| written(descriptor, &wire));
        assert_eq!(ours, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        let theirs = by_prost_reflect(descriptor, text.as_bytes());
        let theirs = theirs.map(|message| written(descriptor, &message.encode_to_vec()));
        let expected_of_peer = match peer {
            Same => expected.ok(),
            Refuses => None,
            Reads(written) => Some(*written),
        };
        assert_eq!(theirs.as_deref(), expected_of_peer, "prost-reflect: {text}");
    }
}

fn written(descriptor: &MessageDescriptor, wire: &[u8]) -> String {
    String::from_utf8(write_json(descriptor, wire).unwrap()).unwrap()
}

fn by_prost_reflect(descriptor: &MessageDescriptor, text: &[u8]) -> Option<DynamicMessage> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let message = DynamicMessage::deserialize(descriptor.clone(), &mut reader).ok()?;
    reader.end().ok()?;
    Some(message)
}

fn decoded(descriptor: &MessageDescriptor, wire: &[u8]) -> DynamicMessage {
    DynamicMessage::decode(descriptor.clone(), wire).unwrap()
}

#[test]
fn a_request_is_read_in_either_spelling() {
    let written_again = r#"{"bucket":"media","key":"tier 1/é.jpg","ttl":"900s","versionId":""}"#;
    let other = r#" { "version_id" : "", "ttl" : "900.000s", "key" : "tier\u0020\u0031/\u00e9.jpg", "\u0062ucket" : "media" } "#;
    check(&requests()[0], &[(written_again, Ok(written_again), Same), (other, Ok(written_again), Same)]);
}

#[test]
fn a_message_of_a_type_is_read() {
    let text = r#"{"content_type":"image/png","key":"a","metadata":{"b":"c"}}"#;
    let read: Upload = read_json(&requests()[1], text.as_bytes()).unwrap();
    let metadata = [("b".to_owned(), "c".to_owned())].into();
    assert_eq!(read, Upload { key: "a".to_owned(), content_type: Some("image/png".to_owned()), metadata });
    assert_eq!(read_json::<Upload>(&requests()[1], b"{}").unwrap(), Upload::default());
    assert!(read_json::<Upload>(&requests()[1], b"[]").is_err());
    // The number of the key is that of a float there.
    let error = read_json::<Upload>(&everything(), br#"{"aFloat":1.5}"#).unwrap_err();
    assert_eq!(error.to_string(), "the request is not a valid message");
}

#[test]
fn duplicates_are_refused_where_they_are() {
    check(
        &requests()[1],
        &[
            (r#"{"key":"a","key":"a"}"#, Err("key occurs twice (line 1, column 16)"), Reads(r#"{"key":"a"}"#)),
            (
                "{\"contentType\":\"a\",\n\"content_type\":\"b\"}",
                Err("content_type occurs twice (line 2, column 14)"),
                Refuses,
            ),
            (
                r#"{"requireFullTtl":true,"require_full_ttl":false}"#,
                Err("require_full_ttl occurs twice (line 1, column 41)"),
                Reads("{}"),
            ),
            (r#"{"key":null,"\u006bey":"a"}"#, Err("key occurs twice (line 1, column 22)"), Reads(r#"{"key":"a"}"#)),
            (r#"{"key":null,"key":null}"#, Err("key occurs twice (line 1, column 17)"), Reads("{}")),
            (
                r#"{"checksum":{"sha256":"AA==","sha256":"AQ=="}}"#,
                Err("checksum.sha256 occurs twice (line 1, column 37)"),
                Refuses,
            ),
            (
                r#"{"metadata":{"a":"1","\u0061":"2"}}"#,
                Err("metadata has the key \"a\" twice (line 1, column 29)"),
                Reads(r#"{"metadata":{"a":"2"}}"#),
            ),
            (
                r#"{"checksum":{"sha256":"AA==","md5":"AQ=="}}"#,
                Err("checksum.md5 cannot be combined with sha256 (line 1, column 42)"),
                Refuses,
            ),
            (r#"{"checksum":{"sha256":"AA==","md5":null}}"#, Ok(r#"{"checksum":{"sha256":"AA=="}}"#), Same),
            (r#"{"checksum":{"sha256":null,"md5":"AA=="}}"#, Ok(r#"{"checksum":{"md5":"AA=="}}"#), Same),
            (r#"{"metadata":{"a":"1","A":"2"}}"#, Ok(r#"{"metadata":{"A":"2","a":"1"}}"#), Same),
            (r#"{"key":null,"metadata":null,"checksum":null,"ttl":null}"#, Ok("{}"), Same),
        ],
    );
}

#[test]
fn errors_name_the_rule_and_the_place() {
    let cases = [
        ("", "the request is not valid JSON: EOF while parsing a value at line 1 column 0"),
        ("{\"key\":\n\"a\"", "the request is not valid JSON: EOF while parsing an object at line 2 column 3"),
        ("{} {}", "the request is not valid JSON: trailing characters at line 1 column 4"),
        ("\u{feff}{}", "the request is not valid JSON: expected value at line 1 column 1"),
        ("[]", "the request must be one JSON object (line 1, column 2)"),
        ("null", "the request must be one JSON object (line 1, column 4)"),
        ("\"a\"", "the request must be one JSON object (line 1, column 3)"),
        (r#"{"keys":"a"}"#, "the request has no field \"keys\" (line 1, column 7)"),
        (r#"{"Key":"a"}"#, "the request has no field \"Key\" (line 1, column 6)"),
        (r#"{"disposition":{"kind":1}}"#, "disposition has no field \"kind\" (line 1, column 22)"),
        (r#"{"key":1}"#, "key must be a string (line 1, column 8)"),
        (r#"{"key":["a"]}"#, "key must be a string (line 1, column 8)"),
        (r#"{"createOnly":"true"}"#, "create_only must be true or false (line 1, column 20)"),
        (r#"{"metadata":["a"]}"#, "metadata must be an object (line 1, column 13)"),
        (r#"{"metadata":{"a\n":1}}"#, "metadata[\"a\\n\"] must be a string (line 1, column 20)"),
        (r#"{"metadata":{"a":null}}"#, "metadata[\"a\"] must be a string (line 1, column 21)"),
        (r#"{"checksum":"AA=="}"#, "checksum must be an object (line 1, column 18)"),
        (r#"{"checksum":{"md5":"?"}}"#, "checksum.md5 must be a base64 string (line 1, column 22)"),
        (
            r#"{"contentLength":-1}"#,
            "content_length must be an integer from 0 to 18446744073709551615 (line 1, column 19)",
        ),
        (r#"{"ttl":900}"#, "ttl must be a duration in seconds, such as \"900s\" (line 1, column 10)"),
        (r#"{"ttl":{"seconds":900}}"#, "ttl must be one value, not an object or an array (line 1, column 8)"),
        (
            r#"{"disposition":{"type":"INLINE"}}"#,
            "disposition.type must be a name of the enum Type (line 1, column 31)",
        ),
        (r#"{"key":"\ud800"}"#, "the request is not valid JSON: unexpected end of hex escape at line 1 column 15"),
    ];
    for (text, expected) in cases {
        let error = json_to_wire(&requests()[1], text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error, expected, "{text}");
    }
    let error = json_to_wire(&requests()[1], b"{\"key\":\"\xff\"}").unwrap_err().to_string();
    assert_eq!(error, "the request is not valid JSON: invalid unicode code point at line 1 column 9");
}

#[test]
fn errors_are_short_and_repeat_no_more_than_names() {
    let long = format!("{{\"\u{202e}\\n{}\":1}}", "é".repeat(200));
    let error = json_to_wire(&requests()[0], long.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("the request has no field \"\\u{202e}\\néé") && error.len() <= 200, "{error}");
    assert!(
        error
            .chars()
            .all(|character| character == 'é' || character == '…' || character.is_ascii_graphic() || character == ' ')
    );

    let key = "k".repeat(1000);
    let error = json_to_wire(&requests()[1], format!("{{\"metadata\":{{\"{key}\":1}}}}").as_bytes()).unwrap_err();
    assert!(error.to_string().len() <= 200 && error.to_string().contains("\"] must be a string"), "{error}");

    for descriptor in requests() {
        for field in descriptor.fields() {
            for value in
                ["\"s3cr3t\"", "[\"s3cr3t\"]", "{\"a\":[\"s3cr3t\"]}", "5318008", "-5318008.5", "{\"type\":\"s3cr3t\"}"]
            {
                let text = format!("{{\"{}\":{value}}}", field.name());
                if let Err(error) = json_to_wire(&descriptor, text.as_bytes()) {
                    let error = error.to_string();
                    assert!(!error.contains("s3cr3t") && !error.contains("5318008"), "{text}: {error}");
                    assert!(error.starts_with(field.name()) && error.len() <= 200, "{text}: {error}");
                }
            }
        }
    }
}

#[test]
fn integers_are_exact_or_refused() {
    const I32: &str = "an_int32 must be an integer from -2147483648 to 2147483647 (line 1, column 16)";
    const LARGE: &str =
        "is above 2^53 with a fraction, an exponent or too many digits; write all its digits, without these";
    let large = |field: &str, column: usize| -> &'static str {
        Box::leak(format!("{field} {LARGE} (line 1, column {column})").into_boxed_str())
    };
    let refused = |field: &str, range: &str, column: usize| -> &'static str {
        Box::leak(format!("{field} must be an integer from {range} (line 1, column {column})").into_boxed_str())
    };
    let u64_range = "0 to 18446744073709551615";
    let i64_range = "-9223372036854775808 to 9223372036854775807";
    check(
        &everything(),
        &[
            (r#"{"anUint64":"18446744073709551615"}"#, Ok(r#"{"anUint64":"18446744073709551615"}"#), Same),
            (r#"{"anUint64":18446744073709551615}"#, Ok(r#"{"anUint64":"18446744073709551615"}"#), Same),
            (r#"{"anUint64":9007199254740993}"#, Ok(r#"{"anUint64":"9007199254740993"}"#), Same),
            (r#"{"anUint64":"18446744073709551616"}"#, Err(refused("an_uint64", u64_range, 34)), Refuses),
            // Their check of the range has the same rounding.
            (
                r#"{"anUint64":18446744073709551616}"#,
                Err(large("an_uint64", 32)),
                Reads(r#"{"anUint64":"18446744073709551615"}"#),
            ),
            (r#"{"anUint64":1.8e19}"#, Err(large("an_uint64", 18)), Reads(r#"{"anUint64":"18000000000000000000"}"#)),
            (
                r#"{"anUint64":9007199254740993.0}"#,
                Err(large("an_uint64", 30)),
                Reads(r#"{"anUint64":"9007199254740992"}"#),
            ),
            (r#"{"anUint64":9007199254740991.0}"#, Ok(r#"{"anUint64":"9007199254740991"}"#), Same),
            (r#"{"anUint64":1.5}"#, Err(refused("an_uint64", u64_range, 15)), Refuses),
            (r#"{"anUint64":"1.5"}"#, Err(refused("an_uint64", u64_range, 17)), Refuses),
            (r#"{"anUint64":1e3}"#, Ok(r#"{"anUint64":"1000"}"#), Same),
            (r#"{"anUint64":"1e3"}"#, Ok(r#"{"anUint64":"1000"}"#), Refuses),
            (r#"{"anUint64":"1.8e19"}"#, Err(large("an_uint64", 20)), Refuses),
            (r#"{"anUint64":"1e999"}"#, Err(refused("an_uint64", u64_range, 19)), Refuses),
            (r#"{"anUint64":1.0}"#, Ok(r#"{"anUint64":"1"}"#), Same),
            (r#"{"anUint64":-0}"#, Ok("{}"), Same),
            (r#"{"anUint64":"-0"}"#, Ok("{}"), Refuses),
            (r#"{"anUint64":-1}"#, Err(refused("an_uint64", u64_range, 14)), Refuses),
            (r#"{"anUint64":"+1"}"#, Err(refused("an_uint64", u64_range, 16)), Reads(r#"{"anUint64":"1"}"#)),
            (r#"{"anUint64":"007"}"#, Err(refused("an_uint64", u64_range, 17)), Reads(r#"{"anUint64":"7"}"#)),
            (r#"{"anUint64":" 1"}"#, Err(refused("an_uint64", u64_range, 16)), Refuses),
            (r#"{"anUint64":""}"#, Err(refused("an_uint64", u64_range, 14)), Refuses),
            (r#"{"anUint64":"0x1"}"#, Err(refused("an_uint64", u64_range, 17)), Refuses),
            (r#"{"anUint64":true}"#, Err(refused("an_uint64", u64_range, 16)), Refuses),
            (r#"{"anInt64":-9223372036854775808}"#, Ok(r#"{"anInt64":"-9223372036854775808"}"#), Same),
            (r#"{"anInt64":"-9223372036854775809"}"#, Err(refused("an_int64", i64_range, 33)), Refuses),
            (r#"{"anInt64":9223372036854775808}"#, Err(refused("an_int64", i64_range, 30)), Refuses),
            (r#"{"anInt32":2147483647}"#, Ok(r#"{"anInt32":2147483647}"#), Same),
            (r#"{"anInt32":-2.147483648e9}"#, Ok(r#"{"anInt32":-2147483648}"#), Same),
            (
                r#"{"anInt32":2147483648}"#,
                Err("an_int32 must be an integer from -2147483648 to 2147483647 (line 1, column 21)"),
                Refuses,
            ),
            (
                r#"{"anInt32":"1a"}"#,
                Err("an_int32 must be an integer from -2147483648 to 2147483647 (line 1, column 15)"),
                Refuses,
            ),
            (r#"{"anInt32":false}"#, Err(I32), Refuses),
            (
                r#"{"anUint32":1,"aSint32":-2,"aSint64":"-3","aFixed32":4,"aFixed64":5,"aSfixed32":-6,"aSfixed64":-7}"#,
                Ok(
                    r#"{"anUint32":1,"aSint32":-2,"aSint64":"-3","aFixed32":4,"aFixed64":"5","aSfixed32":-6,"aSfixed64":"-7"}"#,
                ),
                Same,
            ),
        ],
    );
}

#[test]
fn doubles_are_numbers_of_json_or_have_a_name() {
    const RULE: &str = "must be a number in the range of a double, \"NaN\", \"Infinity\" or \"-Infinity\"";
    let refused = |field: &str, column: usize| -> &'static str {
        Box::leak(format!("{field} {RULE} (line 1, column {column})").into_boxed_str())
    };
    check(
        &everything(),
        &[
            (r#"{"aDouble":1.5}"#, Ok(r#"{"aDouble":1.5}"#), Same),
            (r#"{"aDouble":7}"#, Ok(r#"{"aDouble":7.0}"#), Same),
            (r#"{"aDouble":"1.5e2"}"#, Ok(r#"{"aDouble":150.0}"#), Same),
            (r#"{"aDouble":"NaN"}"#, Ok(r#"{"aDouble":"NaN"}"#), Same),
            (r#"{"aDouble":"-Infinity"}"#, Ok(r#"{"aDouble":"-Infinity"}"#), Same),
            (r#"{"aFloat":"Infinity"}"#, Ok(r#"{"aFloat":"Infinity"}"#), Same),
            (r#"{"aDoubleValue":"NaN"}"#, Ok(r#"{"aDoubleValue":"NaN"}"#), Same),
            (r#"{"aDouble":NaN}"#, Err("the request is not valid JSON: expected value at line 1 column 12"), Refuses),
            (r#"{"aDouble":"inf"}"#, Err(refused("a_double", 16)), Reads(r#"{"aDouble":"Infinity"}"#)),
            (r#"{"aDouble":"infinity"}"#, Err(refused("a_double", 21)), Reads(r#"{"aDouble":"Infinity"}"#)),
            (r#"{"aDouble":"nan"}"#, Err(refused("a_double", 16)), Reads(r#"{"aDouble":"NaN"}"#)),
            (r#"{"aDouble":"+1"}"#, Err(refused("a_double", 15)), Reads(r#"{"aDouble":1.0}"#)),
            (r#"{"aDouble":"1."}"#, Err(refused("a_double", 15)), Reads(r#"{"aDouble":1.0}"#)),
            (r#"{"aDouble":".5"}"#, Err(refused("a_double", 15)), Reads(r#"{"aDouble":0.5}"#)),
            (r#"{"aDouble":"1e999"}"#, Err(refused("a_double", 18)), Reads(r#"{"aDouble":"Infinity"}"#)),
            (
                r#"{"aDouble":1e999}"#,
                Err("the request is not valid JSON: number out of range at line 1 column 16"),
                Refuses,
            ),
            (r#"{"aFloat":3.5e38}"#, Err("a_float is out of the range of a float (line 1, column 16)"), Refuses),
            (
                r#"{"aFloat":"3.5e38"}"#,
                Err("a_float is out of the range of a float (line 1, column 18)"),
                Reads(r#"{"aFloat":"Infinity"}"#),
            ),
            (r#"{"aFloat":-7}"#, Ok(r#"{"aFloat":-7.0}"#), Same),
        ],
    );
}

#[test]
fn enums_booleans_and_bytes_have_their_forms() {
    const BYTES: &str = "some_bytes must be a base64 string";
    let refused =
        |column: usize| -> &'static str { Box::leak(format!("{BYTES} (line 1, column {column})").into_boxed_str()) };
    check(
        &everything(),
        &[
            (r#"{"anEnum":"RED"}"#, Ok(r#"{"anEnum":"RED"}"#), Same),
            (r#"{"anEnum":1}"#, Ok(r#"{"anEnum":"RED"}"#), Same),
            (r#"{"anEnum":99}"#, Ok(r#"{"anEnum":99}"#), Same),
            (r#"{"anEnum":1.0}"#, Ok(r#"{"anEnum":"RED"}"#), Refuses),
            (r#"{"anEnum":"red"}"#, Err("an_enum must be a name of the enum Colour (line 1, column 15)"), Refuses),
            (r#"{"anEnum":"1"}"#, Err("an_enum must be a name of the enum Colour (line 1, column 13)"), Refuses),
            (
                r#"{"anEnum":2147483648}"#,
                Err("an_enum must be an integer from -2147483648 to 2147483647 (line 1, column 20)"),
                Refuses,
            ),
            (r#"{"aBool":true}"#, Ok(r#"{"aBool":true}"#), Same),
            (r#"{"aBool":1}"#, Err("a_bool must be true or false (line 1, column 10)"), Refuses),
            (r#"{"aBool":[1]}"#, Err("a_bool must be true or false (line 1, column 10)"), Refuses),
            (r#"{"anEnum":[1]}"#, Err("an_enum must be a name or a number of its enum (line 1, column 11)"), Refuses),
            (r#"{"someBytes":"+/8="}"#, Ok(r#"{"someBytes":"+/8="}"#), Same),
            (r#"{"someBytes":"-_8="}"#, Ok(r#"{"someBytes":"+/8="}"#), Same),
            (r#"{"someBytes":"-_8"}"#, Ok(r#"{"someBytes":"+/8="}"#), Same),
            (r#"{"someBytes":"+/8"}"#, Ok(r#"{"someBytes":"+/8="}"#), Same),
            (r#"{"someBytes":""}"#, Ok("{}"), Same),
            (r#"{"someBytes":"-_"}"#, Err(refused(17)), Reads(r#"{"someBytes":"+w=="}"#)),
            (r#"{"someBytes":"AB=="}"#, Err(refused(19)), Reads(r#"{"someBytes":"AA=="}"#)),
            (r#"{"someBytes":"+_8="}"#, Err(refused(19)), Refuses),
            (r#"{"someBytes":"A"}"#, Err(refused(16)), Refuses),
            (r#"{"someBytes":"AA==="}"#, Err(refused(20)), Refuses),
            (r#"{"someBytes":"AA AA"}"#, Err(refused(20)), Refuses),
            (r#"{"someBytes":[1]}"#, Err(refused(14)), Refuses),
        ],
    );
}

#[test]
fn well_known_types_have_their_forms() {
    const DURATION: &str = "a_duration must be a duration in seconds, such as \"900s\"";
    const TIME: &str = "a_time must be an RFC 3339 time, such as \"2030-05-24T00:00:00Z\"";
    let refused = |text: &str, column: usize| -> &'static str {
        Box::leak(format!("{text} (line 1, column {column})").into_boxed_str())
    };
    check(
        &everything(),
        &[
            (r#"{"aDuration":"-1.5s"}"#, Ok(r#"{"aDuration":"-1.500s"}"#), Same),
            (r#"{"aDuration":"-0.5s"}"#, Ok(r#"{"aDuration":"-0.500s"}"#), Same),
            (r#"{"aDuration":"1.000000001s"}"#, Ok(r#"{"aDuration":"1.000000001s"}"#), Same),
            (r#"{"aDuration":"1.0000000019s"}"#, Err(refused(DURATION, 28)), Reads(r#"{"aDuration":"1.000000001s"}"#)),
            (r#"{"aDuration":"1.s"}"#, Err(refused(DURATION, 18)), Refuses),
            (r#"{"aDuration":".5s"}"#, Err(refused(DURATION, 18)), Refuses),
            (r#"{"aDuration":"1"}"#, Err(refused(DURATION, 16)), Refuses),
            (r#"{"aDuration":"1 s"}"#, Err(refused(DURATION, 18)), Refuses),
            (r#"{"aDuration":"1h"}"#, Err(refused(DURATION, 17)), Refuses),
            (r#"{"aDuration":"+1s"}"#, Err(refused(DURATION, 18)), Refuses),
            (r#"{"aDuration":"--1s"}"#, Err(refused(DURATION, 19)), Refuses),
            (r#"{"aDuration":"1e3s"}"#, Err(refused(DURATION, 19)), Refuses),
            (r#"{"aDuration":"99999999999999999999s"}"#, Err(refused(DURATION, 36)), Refuses),
            (r#"{"aDuration":"315576000000s"}"#, Ok(r#"{"aDuration":"315576000000s"}"#), Same),
            (
                r#"{"aDuration":"315576000001s"}"#,
                Err("a_duration must be at most 315576000000 seconds (line 1, column 28)"),
                Refuses,
            ),
            (r#"{"aTime":"2030-05-24T00:00:00Z"}"#, Ok(r#"{"aTime":"2030-05-24T00:00:00Z"}"#), Same),
            (r#"{"aTime":"2030-05-23T22:30:00-01:30"}"#, Ok(r#"{"aTime":"2030-05-24T00:00:00Z"}"#), Same),
            (r#"{"aTime":"2030-05-24T01:30:00.5+01:30"}"#, Ok(r#"{"aTime":"2030-05-24T00:00:00.500Z"}"#), Same),
            (
                r#"{"aTime":"2030-05-24T00:00:00.0000000019Z"}"#,
                Err(refused(TIME, 42)),
                Reads(r#"{"aTime":"2030-05-24T00:00:00.000000001Z"}"#),
            ),
            (r#"{"aTime":"2030-02-30T00:00:00Z"}"#, Err(refused(TIME, 31)), Refuses),
            (
                r#"{"aTime":"2016-12-31T23:59:60Z"}"#,
                Err(refused(TIME, 31)),
                Reads(r#"{"aTime":"2016-12-31T23:59:59Z"}"#),
            ),
            (r#"{"aTime":"2030-05-24t00:00:00z"}"#, Err(refused(TIME, 31)), Refuses),
            (r#"{"aTime":"2030-05-24 00:00:00Z"}"#, Err(refused(TIME, 31)), Refuses),
            (r#"{"aTime":"2030-05-24"}"#, Err(refused(TIME, 21)), Refuses),
            (r#"{"aTime":"2030-05-24T00:00:00"}"#, Err(refused(TIME, 30)), Refuses),
            (r#"{"aTime":"2030-05-24T00:00:00+24:00"}"#, Err(refused(TIME, 36)), Refuses),
            (r#"{"aTime":"éééééééééé"}"#, Err(refused(TIME, 31)), Refuses),
            (
                r#"{"aTime":"0000-12-31T23:59:59Z"}"#,
                Err("a_time must be a time in the years 1 to 9999 (line 1, column 31)"),
                Refuses,
            ),
            (
                r#"{"anInt64Value":"7","aBoolValue":false,"aStringValue":"","aBytesValue":"_w"}"#,
                Ok(r#"{"anInt64Value":"7","aBoolValue":false,"aStringValue":"","aBytesValue":"/w=="}"#),
                Same,
            ),
            (r#"{"anInt64Value":null}"#, Ok("{}"), Same),
            (
                r#"{"anInt64Value":{"value":7}}"#,
                Err("an_int64_value must be one value, not an object or an array (line 1, column 17)"),
                Refuses,
            ),
            (
                r#"{"anAny":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}"#,
                Err("an_any has a type that JSON requests do not support (line 1, column 10)"),
                Reads(r#"{"anAny":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}"#),
            ),
            (
                r#"{"aStruct":{"a":1}}"#,
                Err("a_struct has a type that JSON requests do not support (line 1, column 12)"),
                Reads(r#"{"aStruct":{"a":1.0}}"#),
            ),
            (
                r#"{"byNumber":{"1":"a"}}"#,
                Err("by_number has a type that JSON requests do not support (line 1, column 13)"),
                Reads(r#"{"byNumber":{"1":"a"}}"#),
            ),
        ],
    );
}

#[test]
fn lists_and_maps_have_places() {
    check(
        &everything(),
        &[
            (r#"{"numbers":[1,"2",3.0]}"#, Ok(r#"{"numbers":[1,2,3]}"#), Same),
            (r#"{"numbers":[]}"#, Ok("{}"), Same),
            (r#"{"numbers":null}"#, Ok("{}"), Same),
            (r#"{"numbers":1}"#, Err("numbers must be an array (line 1, column 12)"), Refuses),
            (r#"{"words":["a",null]}"#, Err("words[1] must be a string (line 1, column 18)"), Refuses),
            (r#"{"words":[["a"]]}"#, Err("words[0] must be a string (line 1, column 11)"), Refuses),
            (
                r#"{"children":[{},{"child":{"words":[1]}}]}"#,
                Err("children[1].child.words[0] must be a string (line 1, column 36)"),
                Refuses,
            ),
            (r#"{"children":[null]}"#, Err("children[0] must be an object (line 1, column 17)"), Refuses),
            (r#"{"children":{}}"#, Err("children must be an array (line 1, column 14)"), Refuses),
            (r#"{"children":[{},{"aBool":true}]}"#, Ok(r#"{"children":[{},{"aBool":true}]}"#), Same),
            (r#"{"byName":{"b":{"aBool":true},"a":{}}}"#, Ok(r#"{"byName":{"a":{},"b":{"aBool":true}}}"#), Same),
            (
                r#"{"byName":{"b":{"a_bool":true,"aBool":true}}}"#,
                Err("by_name[\"b\"].a_bool occurs twice (line 1, column 37)"),
                Reads(r#"{"byName":{"b":{"aBool":true}}}"#),
            ),
            (
                r#"{"firstChoice":"","secondChoice":{}}"#,
                Err("second_choice cannot be combined with first_choice (line 1, column 36)"),
                Refuses,
            ),
            (r#"{"firstChoice":""}"#, Ok(r#"{"firstChoice":""}"#), Same),
        ],
    );
}

#[test]
fn deep_nesting_is_refused_instead_of_overflowing_the_stack() {
    let deep = format!("{}{}", "{\"child\":".repeat(100_000), "}".repeat(100_000));
    let error = json_to_wire(&everything(), deep.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("recursion limit exceeded"), "{error}");
    assert!(error.len() <= 200, "{error}");
    for (field, open) in [("key", "["), ("key", "{\"a\":"), ("metadata", "{\"a\":"), ("checksum", "[")] {
        let deep = format!("{{\"{field}\":{}", open.repeat(100_000));
        let error = json_to_wire(&requests()[1], deep.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(field) && error.contains("must be"), "{error}");
    }
}

/// A quadratic step would take minutes.
#[test]
fn large_texts_take_time_in_proportion_to_their_size() {
    let started = Instant::now();
    let entries = |name: fn(usize) -> String| (0..100_000).map(name).collect::<Vec<_>>().join(",");
    let map = format!("{{\"metadata\":{{{}}}}}", entries(|index| format!("\"{index}\":\"\"")));
    let read: Upload = read_json(&requests()[1], map.as_bytes()).unwrap();
    assert_eq!(read.metadata.len(), 100_000);
    let list = format!(
        "{{\"children\":[{}],\"words\":[{}]}}",
        entries(|_| "{\"aBool\":true}".to_owned()),
        entries(|_| "\"a\"".to_owned())
    );
    json_to_wire(&everything(), list.as_bytes()).unwrap();
    let text = format!("{{\"key\":\"{}\"}}", "\\u00e9".repeat(200_000));
    let read: Upload = read_json(&requests()[1], text.as_bytes()).unwrap();
    assert_eq!(read.key.len(), 400_000);
    let members = format!("{{{}}}", entries(|_| "\"key\":\"\"".to_owned()));
    assert_eq!(
        json_to_wire(&requests()[1], members.as_bytes()).unwrap_err().to_string(),
        "key occurs twice (line 1, column 15)"
    );
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn maps_are_sorted_and_invalid_messages_have_no_json() {
    let descriptor = everything();
    let names = ["b", "c", "a"].map(|name| format!("\"{name}\":{{}}")).join(",");
    let wire = json_to_wire(&descriptor, format!("{{\"byName\":{{{names}}}}}").as_bytes()).unwrap();
    assert_eq!(written(&descriptor, &wire), r#"{"byName":{"a":{},"b":{},"c":{}}}"#);
    assert_eq!(write_json(&descriptor, b"\xff").unwrap_err().to_string(), "the message has no JSON form");
}

#[test]
fn an_any_has_its_message_in_the_open() {
    let written = |type_url: &str, value: Vec<u8>| {
        let any = Any { type_url: type_url.to_owned(), value };
        let mut message = DynamicMessage::new(everything());
        let mut inner = DynamicMessage::new(any_of(&everything()));
        inner.transcode_from(&any).unwrap();
        message.set_field_by_name("an_any", Value::Message(inner));
        write_json(&everything(), &message.encode_to_vec()).ok().map(|text| String::from_utf8(text).unwrap())
    };
    let child = json_to_wire(&everything(), br#"{"aBool":true,"words":["a"]}"#).unwrap();
    assert_eq!(
        written("type.example/test.Everything", child).as_deref(),
        Some(r#"{"anAny":{"@type":"type.example/test.Everything","aBool":true,"words":["a"]}}"#)
    );
    assert_eq!(
        written("type.googleapis.com/google.protobuf.Duration", Vec::new()).as_deref(),
        Some(r#"{"anAny":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"0s"}}"#)
    );
    for unknown in ["type.example/test.Unknown", "test.Everything", ""] {
        assert_eq!(written(unknown, Vec::new()), None, "{unknown}");
    }
    assert_eq!(written("type.example/test.Everything", b"\xff".to_vec()), None);
}

/// The descriptor of `google.protobuf.Any`.
fn any_of(descriptor: &MessageDescriptor) -> MessageDescriptor {
    descriptor.parent_pool().get_message_by_name("google.protobuf.Any").unwrap()
}
