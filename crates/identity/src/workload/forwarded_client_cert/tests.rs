use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::ForwardedClientCertError::{Malformed, Missing, NoUri, SeveralElements, SeveralUris, TooLong};
use super::*;

const GENUINE: &str = "spiffe://prod.example/ns/media/sa/thumbnailer";

fn uri<'v>(values: &[&'v str]) -> Result<&'v str, ForwardedClientCertError> {
    forwarded_client_uri(values.iter().map(|value| value.as_bytes()), HeaderElements::Last)
}

/// The element of Envoy 1.40 with all details enabled, but with short certificates.
fn envoy_element() -> String {
    format!(
        concat!(
            "By=spiffe://prod.example/ns/media/sa/broker;",
            "Hash=695548a69b5dd0ee924ae1ab8f93aa58295f7083b8952442d7be0dd7f8c720d6;",
            r#"Cert="-----BEGIN%20CERTIFICATE-----%0AMIIB%2Bw%3D%3D%0A-----END%20CERTIFICATE-----%0A";"#,
            r#"Chain="-----BEGIN%20CERTIFICATE-----%0AMIIB%2Bw%3D%3D%0A-----END%20CERTIFICATE-----%0A";"#,
            r#"Subject="CN=a=b,O=Acme\, Inc.\; \"quoted\" back\\slash \C3\A9";"#,
            "URI={};DNS=a.example;DNS=b.example",
        ),
        GENUINE
    )
}

#[test]
fn the_uri_of_what_envoy_sends_is_found() {
    assert_eq!(uri(&[&envoy_element()]), Ok(GENUINE));
    let forwarded = format!("{},{}", envoy_element().replace(GENUINE, "spiffe://prod.example/evil"), envoy_element());
    assert_eq!(uri(&[&forwarded]), Ok(GENUINE));
    let without_uri = r#"By=spiffe://prod.example/broker;Hash=59dc;Subject="";URI=;DNS=a.example"#;
    assert_eq!(uri(&[without_uri]), Err(NoUri));
    let with_two = r#"By=spiffe://prod.example/broker;Hash=318f;Subject="CN=two";URI=spiffe://p/a;URI=spiffe://p/b"#;
    assert_eq!(uri(&[with_two]), Err(SeveralUris));
}

#[test]
fn the_grammar_is_read_as_it_is() {
    let table = [
        ("URI=a", Ok("a")),
        (r#"URI="a""#, Ok("a")),
        ("uri=a", Ok("a")),
        ("uRi=A", Ok("A")),
        ("By=b;URI=a;DNS=c", Ok("a")),
        ("  By=b;URI=a  ", Ok("a")),
        ("URI=b , URI=a", Ok("a")),
        ("By=;DNS=;URI=a", Ok("a")),
        ("URI=a?b=c", Ok("a?b=c")),
        (r#"URI="a,b;c=d e""#, Ok("a,b;c=d e")),
        (r#"Subject="URI=b,URI=c;URI=d";URI=a"#, Ok("a")),
        (r#"Subject="\",URI=b;\"";URI=a"#, Ok("a")),
        (r#"Subject="\\";URI=a"#, Ok("a")),
        (r#"Subject="é\é";URI=a"#, Ok("a")),
        ("A-1_b=c;URI=a", Ok("a")),
        ("MyURI=b;URI=a", Ok("a")),
        ("URI=b;URI=c,URI=a", Ok("a")),
        ("By=b", Err(NoUri)),
        ("URI=", Err(NoUri)),
        (r#"URI="""#, Err(NoUri)),
        ("URI=a,By=b", Err(NoUri)),
        (r#"Subject="URI=a""#, Err(NoUri)),
        ("URI=a;URI=a", Err(SeveralUris)),
        ("URI=a;By=b;uri=c", Err(SeveralUris)),
        ("URI=;URI=a", Err(SeveralUris)),
    ];
    for (value, expected) in table {
        assert_eq!(uri(&[value]), expected, "{value}");
    }
}

#[test]
fn what_is_not_well_formed_is_refused_in_every_element() {
    let elements = [
        " ",
        "a",
        "=a",
        "By",
        "By;Hash=a",
        ";By=a",
        "By=a;",
        "By=a;;Hash=b",
        "By=a; Hash=b",
        "By=a ;Hash=b",
        "By =a",
        "By= a",
        "By=a b",
        "B y=a",
        "Bÿ=a",
        "\"By\"=a",
        "By=\"a",
        "By=\"a\\",
        "By=\"a\\\"",
        "By=a\"",
        "By=a\"b\"",
        "By=\"a\"b",
        "By=\"a\"Hash=b",
        "By=a Hash=b",
        "By=\"a\"\"b\"",
        "By=\"a\" ;Hash=b",
        "By=a\\",
        "By=a\\\"",
        "By=a\\,b=c",
        "URI=a\\b",
        "URI=\"a\\\"b\"",
        "By=a\tb",
        "By=\"a\tb\"",
        "By=\"a\0b\"",
        "By=\"a\nb\"",
        "By=\"a\u{7f}b\"",
        "By=\"a\u{85}b\"",
        "\tBy=a",
    ];
    for element in elements {
        for value in [element.to_owned(), format!("{element},URI=a"), format!("URI=a,{element}")] {
            assert_eq!(uri(&[&value]), Err(Malformed), "{value:?}");
        }
        for values in [[element, "URI=a"], ["URI=a", element]] {
            assert_eq!(uri(&values), Err(Malformed), "{values:?}");
        }
    }
    for value in [",", ",URI=a", "URI=a,", "URI=a,,URI=b", "URI=a, ,URI=b"] {
        assert_eq!(uri(&[value]), Err(Malformed), "{value:?}");
    }
    for value in [b"URI=\xff".as_slice(), b"By=\"\xc3\";URI=a", b"\xc3,URI=a"] {
        assert_eq!(forwarded_client_uri([value], HeaderElements::Last), Err(Malformed), "{value:?}");
    }
}

#[test]
fn several_values_are_one_list() {
    assert_eq!(uri(&["URI=b", "URI=c,URI=a"]), Ok("a"));
    assert_eq!(uri(&["URI=b", "By=c"]), Err(NoUri));
    assert_eq!(uri(&["By=\"c", "d\";URI=a"]), Err(Malformed));
    assert_eq!(uri(&["By=\"c", "URI=a"]), Err(Malformed));
}

#[test]
fn elements_are_counted_over_all_values() {
    fn one<'v>(values: &[&'v str]) -> Result<&'v str, ForwardedClientCertError> {
        forwarded_client_uri(values.iter().map(|value| value.as_bytes()), HeaderElements::One)
    }
    for value in ["URI=a", "By=b;URI=a;DNS=c", r#"Subject="b,URI=c";URI=a"#, " URI=a "] {
        assert_eq!(one(&[value]), Ok("a"), "{value}");
    }
    for values in [&["URI=b,URI=a"][..], &["URI=b", "URI=a"], &["URI=b,URI=c", "URI=a"], &["URI=a,By=b"]] {
        assert_eq!(one(values), Err(SeveralElements), "{values:?}");
    }
    assert_eq!(one(&["By=b"]), Err(NoUri));
    assert_eq!(one(&["URI=a;URI=b"]), Err(SeveralUris));
    assert_eq!(one(&["URI=a,URI=b,"]), Err(Malformed));
    assert_eq!(one(&[]), Err(Missing));
}

#[test]
fn an_empty_value_is_none() {
    for values in [[].as_slice(), &[""], &["", ""], &["URI=a", ""], &["", "URI=a"]] {
        assert_eq!(uri(values), Err(Missing), "{values:?}");
    }
}

#[test]
fn a_header_over_the_limit_is_refused() {
    let longest = format!("DNS={};URI=a", "b".repeat(MAX_HEADER_BYTES - 10));
    assert_eq!(uri(&[&longest]), Ok("a"));
    assert_eq!(uri(&[&format!("{longest}a")]), Err(TooLong));
    let (first, second) = (format!("DNS={}", "b".repeat(MAX_HEADER_BYTES - 9)), "URI=a");
    assert_eq!(uri(&[&first, second]), Ok("a"));
    assert_eq!(uri(&[&first, "URI=aa"]), Err(TooLong));
    assert_eq!(uri(&[&"\"".repeat(10_000_000)]), Err(TooLong));
}

/// Text with many characters that have a meaning in the grammar.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"\"",
        b"\\",
        b",",
        b";",
        b"=",
        b" ",
        b"URI=",
        b"uri=\"",
        b"spiffe://evil/a",
        b"Subject=\"",
        b"By=a",
        b"\\\"",
        b"\xc3",
        b"\xa9",
        b"\0",
        b"a",
    ];
    vec(select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

fn other_pair() -> impl Strategy<Value = String> {
    prop_oneof!["(By|Hash|DNS|x-1)=[a-z0-9:/.=%é]{0,8}", r#"(Subject|Cert|Chain)="([a-zé =,;%]|URI=|\\["\\,;é])*""#,]
}

fn element_with(uri: &str) -> impl Strategy<Value = String> {
    let uri_pair = select(vec![format!("URI={uri}"), format!("uri=\"{uri}\"")]);
    (vec(other_pair(), 0..4), uri_pair, vec(other_pair(), 0..4))
        .prop_map(|(before, uri, after)| [before, vec![uri], after].concat().join(";"))
}

fn other_element() -> impl Strategy<Value = String> {
    prop_oneof![element_with("spiffe://evil/a"), vec(other_pair(), 1..4).prop_map(|pairs| pairs.join(";"))]
}

proptest! {
    #[test]
    fn no_values_panic(values in vec(prop_oneof![any::<Vec<u8>>(), hostile()], 0..4)) {
        let found = |allowed| forwarded_client_uri(values.iter().map(Vec::as_slice), allowed);
        let (any, one) = (found(HeaderElements::Last), found(HeaderElements::One));
        prop_assert!(one == any || one == Err(SeveralElements), "{:?} {:?}", any, one);
    }

    #[test]
    fn the_uri_of_a_well_formed_list_is_that_of_its_last_element(
        before in vec(other_element(), 0..4),
        separator in select(vec![",", ", ", " , "]),
        last in element_with(GENUINE),
    ) {
        let list = [before, vec![last]].concat();
        let value = list.join(separator);
        prop_assert_eq!(uri(&[&value]), Ok(GENUINE));
        let values: Vec<_> = list.iter().map(String::as_str).collect();
        prop_assert_eq!(uri(&values), Ok(GENUINE));
    }

    #[test]
    fn nothing_before_a_genuine_element_names_another_client(
        before in prop_oneof![any::<Vec<u8>>(), hostile()],
        genuine in element_with(GENUINE),
    ) {
        let value = [before.as_slice(), b",", genuine.as_bytes()].concat();
        let found = forwarded_client_uri([value.as_slice()], HeaderElements::Last);
        prop_assert!(matches!(found, Ok(GENUINE) | Err(Malformed | TooLong)), "{:?}", found);
        let found = forwarded_client_uri([before.as_slice(), genuine.as_bytes()], HeaderElements::Last);
        prop_assert!(matches!(found, Ok(GENUINE) | Err(Malformed | TooLong | Missing)), "{:?}", found);
    }
}
