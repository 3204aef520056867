//! Query strings by examples.

use std::time::{Duration, Instant};

use super::contract::{Download, requests};
use super::everything::everything;
use super::written;
use crate::{form_pairs, query_to_wire, read_query};

fn key(query: &str) -> Result<String, String> {
    let result = read_query::<Download, 0>(&requests()[0], query, []);
    result.map(|(message, [])| message.key).map_err(|error| error.to_string())
}

#[test]
fn a_query_is_a_form() {
    for (query, expected) in [
        ("key=a", "a"),
        ("key=tier+1%2Fa%2Bb%20%C3%A9.jpg", "tier 1/a+b é.jpg"),
        ("key=tier 1/é.jpg", "tier 1/é.jpg"),
        ("key=a=b==", "a=b=="),
        ("k%65y=%61", "a"),
        ("&&key=a&", "a"),
        ("key", ""),
        ("key=", ""),
        ("key=%00%7f%2525", "\0\u{7f}%25"),
        ("key=a;b", "a;b"),
        ("", ""),
    ] {
        assert_eq!(key(query), Ok(expected.to_owned()), "{query}");
    }
}

#[test]
fn invalid_queries_are_refused() {
    for (query, expected) in [
        ("key=%", "the query has an invalid escape at byte 5; write \"%\" as \"%25\""),
        ("key=a%2", "the query has an invalid escape at byte 6; write \"%\" as \"%25\""),
        ("bucket=a&key=b%zz", "the query has an invalid escape at byte 15; write \"%\" as \"%25\""),
        ("key=%+1", "the query has an invalid escape at byte 5; write \"%\" as \"%25\""),
        ("%k=a", "the query has an invalid escape at byte 1; write \"%\" as \"%25\""),
        ("key=%é", "the query has an invalid escape at byte 5; write \"%\" as \"%25\""),
        ("&key=%ff", "the query has a parameter of invalid UTF-8 that begins at byte 6"),
        ("key=%ED%A0%80", "the query has a parameter of invalid UTF-8 that begins at byte 5"),
        ("key=a&key=a", "key occurs twice"),
        ("key=a&k%65y=b", "key occurs twice"),
        ("version_id=a&versionId=b", "version_id occurs twice"),
        ("response_overrides.expires=a&responseOverrides.expires=b", "response_overrides.expires occurs twice"),
        ("keys=a", "the request has no parameter \"keys\""),
        ("=a", "the request has no parameter \"\""),
        ("KEY=a", "the request has no parameter \"KEY\""),
        ("key.a=a", "the request has no parameter \"key.a\""),
        ("response_overrides.=a", "the request has no parameter \"response_overrides.\""),
        (".key=a", "the request has no parameter \".key\""),
        ("ttl.seconds=1", "the request has no parameter \"ttl.seconds\""),
        ("a%0Ab=1", "the request has no parameter \"a\\nb\""),
        ("response_overrides=a", "response_overrides is a message; name a field of it, after a dot"),
        (
            "response_overrides.disposition=a",
            "response_overrides.disposition is a message; name a field of it, after a dot",
        ),
        ("must_exist=1", "must_exist must be true or false"),
        ("must_exist=TRUE", "must_exist must be true or false"),
        ("must_exist", "must_exist must be true or false"),
        ("ttl=900", "ttl must be a duration in seconds, such as \"900s\""),
        (
            "responseOverrides.disposition.type=inline",
            "response_overrides.disposition.type must be a name of the enum Type",
        ),
        (
            "responseOverrides.disposition.type=2147483648",
            "response_overrides.disposition.type must be an integer from -2147483648 to 2147483647",
        ),
    ] {
        assert_eq!(key(query), Err(expected.to_owned()), "{query}");
    }
    let long = key(&"%0A".repeat(1000)).unwrap_err();
    assert!(long.len() <= 200 && !long.contains('\n'), "{long}");
}

#[test]
fn fields_of_messages_have_paths_in_either_spelling() {
    let query = "response_overrides.cache_control=a&responseOverrides.contentType=b%2Fc&ttl=900s&must_exist=true\
        &response_overrides.disposition.type=2&responseOverrides.disposition.filename=x&stable=false";
    let [download, _, _] = requests();
    let (wire, []) = query_to_wire(&download, query, []).unwrap();
    assert_eq!(
        written(&download, &wire),
        concat!(
            r#"{"ttl":"900s","responseOverrides":{"cacheControl":"a","contentType":"b/c","#,
            r#""disposition":{"type":"TYPE_INLINE","filename":"x"}},"mustExist":true}"#
        )
    );
}

#[test]
fn own_parameters_are_returned_and_not_fields() {
    let [download, _, _] = requests();
    let own = ["redirect", "message", "encoding"];
    let (read, values) =
        read_query::<Download, 3>(&download, "message=%7B%7D&key=a&redirect&must_exist=true", own).unwrap();
    assert_eq!(read, Download { key: "a".to_owned(), must_exist: true });
    assert_eq!(values.map(|value| value.map(String::from)), [Some(String::new()), Some("{}".to_owned()), None]);
    let twice = read_query::<Download, 3>(&download, "redirect=a&key=a&redirect=a", own).unwrap_err();
    assert_eq!(twice.to_string(), "the query has the parameter \"redirect\" twice");
}

#[test]
fn other_types_have_the_forms_of_json() {
    let everything = everything();
    for (query, expected) in [
        ("words=a&numbers=1&words=b&numbers=2&words=a", r#"{"numbers":[1,2],"words":["a","b","a"]}"#),
        ("aBoolValue=true&anInt64Value=7&aStringValue=", r#"{"anInt64Value":"7","aBoolValue":true,"aStringValue":""}"#),
        (
            "anEnum=RED&someBytes=-_8&aDouble=NaN&aFloat=1e3",
            r#"{"aDouble":"NaN","aFloat":1000.0,"someBytes":"+/8=","anEnum":"RED"}"#,
        ),
        ("anEnum=1&aTime=2030-05-24T01:00:00%2B01:00", r#"{"anEnum":"RED","aTime":"2030-05-24T00:00:00Z"}"#),
        (
            "child.child.words=a&child.aBool=true&child.child.words=b",
            r#"{"child":{"aBool":true,"child":{"words":["a","b"]}}}"#,
        ),
        ("secondChoice.aBool=true&secondChoice.words=a", r#"{"secondChoice":{"aBool":true,"words":["a"]}}"#),
        ("child.firstChoice=a&firstChoice=b", r#"{"child":{"firstChoice":"a"},"firstChoice":"b"}"#),
        (
            "child.firstChoice=a&secondChoice.aBool=true",
            r#"{"child":{"firstChoice":"a"},"secondChoice":{"aBool":true}}"#,
        ),
    ] {
        let (wire, []) = query_to_wire(&everything, query, []).unwrap();
        assert_eq!(written(&everything, &wire), expected, "{query}");
    }
    for (query, expected) in [
        ("firstChoice=a&secondChoice.aBool=true", "second_choice.a_bool cannot be combined with first_choice"),
        ("secondChoice.words=a&firstChoice=a", "first_choice cannot be combined with second_choice"),
        ("firstChoice=a&first_choice=a", "first_choice occurs twice"),
        ("byName=a", "by_name is a map, which a query cannot have; send JSON"),
        ("byName.a=a", "the request has no parameter \"byName.a\""),
        ("byName.key=a", "the request has no parameter \"byName.key\""),
        ("children.aBool=true", "the request has no parameter \"children.aBool\""),
        ("children=a", "children has a type that a query cannot have; send JSON"),
        ("anAny=a", "an_any has a type that a query cannot have; send JSON"),
        ("anAny.value=a", "the request has no parameter \"anAny.value\""),
        ("aStruct=a", "a_struct has a type that a query cannot have; send JSON"),
        ("anInt64Value.value=1", "the request has no parameter \"anInt64Value.value\""),
        ("anUint64=", "an_uint64 must be an integer from 0 to 18446744073709551615"),
    ] {
        assert_eq!(query_to_wire(&everything, query, []).unwrap_err().to_string(), expected, "{query}");
    }
}

#[test]
fn the_deepest_parameter_is_a_message_that_can_be_decoded() {
    let everything = everything();
    let deep = |messages: usize| format!("{}aBool=true", "child.".repeat(messages));
    let (wire, []) = query_to_wire(&everything, &deep(99), []).unwrap();
    assert!(written(&everything, &wire).ends_with(&format!(r#"{{"aBool":true}}{}"#, "}".repeat(99))));
    let error = query_to_wire(&everything, &deep(100), []).unwrap_err().to_string();
    assert!(error.starts_with("the request has no parameter \"child."), "{error}");
}

#[test]
fn pairs_are_decoded_and_distinct() {
    let pairs = form_pairs("key=a+b&&content_type&%6B=%2B").unwrap();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(pairs, [("key", "a b"), ("content_type", ""), ("k", "+")]);
    assert_eq!(form_pairs("a=1&%61=2").unwrap_err().to_string(), "the query has the parameter \"a\" twice");
    assert!(form_pairs("a=%").is_err());
    assert_eq!(form_pairs("").unwrap(), []);
}

/// A quadratic step would take minutes.
#[test]
fn large_queries_take_time_in_proportion_to_their_size() {
    let started = Instant::now();
    let distinct: Vec<_> = (0..100_000).map(|index| format!("{index}=%20")).collect();
    assert_eq!(form_pairs(&distinct.join("&")).unwrap().len(), 100_000);
    let repeated = vec!["child.words=a+b"; 100_000].join("&");
    query_to_wire(&everything(), &repeated, []).unwrap();
    let deep = vec!["child"; 100_000].join(".");
    for deep in [format!("{deep}=a"), format!("{deep}.aBool=true")] {
        let error = query_to_wire(&everything(), &deep, []).unwrap_err().to_string();
        assert!(error.starts_with("the request has no parameter \"child.child.") && error.len() <= 200, "{error}");
    }
    assert_eq!(key(&format!("key={}", "%41".repeat(400_000))).unwrap().len(), 400_000);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
