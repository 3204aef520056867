use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::json;

fn pack(members: &Value) -> ClaimSet {
    ClaimSet::pack(members.as_object().unwrap(), false).unwrap()
}

fn items<'c>(set: &'c ClaimSet, name: &str) -> Option<Vec<ClaimItem<'c>>> {
    set.get(name).map(|claim| claim.items().collect())
}

#[test]
fn claims_are_found_by_their_whole_names() {
    let set = pack(&json!({"a": "x", "ab": ["y", 1, false], "": true, "b": "", "list": []}));
    assert_eq!(items(&set, "a").unwrap(), [ClaimItem::Text("x")]);
    let mixed = [ClaimItem::Text("y"), ClaimItem::Number("1"), ClaimItem::Boolean("false")];
    assert_eq!(items(&set, "ab").unwrap(), mixed);
    assert_eq!(items(&set, "").unwrap(), [ClaimItem::Boolean("true")]);
    assert_eq!(items(&set, "b").unwrap(), [ClaimItem::Text("")]);
    assert_eq!(items(&set, "list").unwrap(), []);
    // Neither a part of a name, nor a value, nor a name and a value together is a name.
    for name in ["abx", "x", "aba", "c", "y", "1", "ax"] {
        assert!(set.get(name).is_none(), "{name}");
    }
}

#[test]
fn only_one_string_is_a_single_text() {
    let set = pack(&json!({"text": "x", "list": ["x"], "number": 1, "two": ["x", "y"], "none": [], "object": {}}));
    assert_eq!(set.get("text").unwrap().single_text(), Some("x"));
    for name in ["list", "number", "two", "none", "object"] {
        assert_eq!(set.get(name).unwrap().single_text(), None, "{name}");
    }
}

#[test]
fn a_claim_is_here_unless_it_is_null() {
    let set = pack(&json!({"text": "", "list": [], "object": {}, "false": false, "null": null}));
    for name in ["text", "list", "object", "false"] {
        assert!(set.has(name), "{name}");
    }
    for name in ["null", "absent"] {
        assert!(!set.has(name) && set.get(name).is_none(), "{name}");
    }
}

#[test]
fn what_cannot_be_compared_is_there_all_the_same() {
    let set = pack(
        &json!({"object": {"a": "x"}, "false": {"a": {}, "b": false}, "null": {"a": null}, "nested": [["x"]], "mixed": ["x", {"a": 1}, null]}),
    );
    for name in ["object", "false", "null"] {
        assert_eq!(items(&set, name).unwrap(), [ClaimItem::Unreadable], "{name}");
    }
    assert_eq!(items(&set, "nested").unwrap(), [ClaimItem::Unreadable]);
    assert_eq!(items(&set, "mixed").unwrap(), [ClaimItem::Text("x"), ClaimItem::Unreadable]);
}

#[test]
fn an_object_of_objects_lists_or_true_is_a_list_of_names() {
    let set = pack(&json!({"roles": {"admin": {"org": "x"}, "reader": []}, "one": {"acme": true}, "none": {}}));
    assert_eq!(items(&set, "roles").unwrap(), [ClaimItem::Text("admin"), ClaimItem::Text("reader")]);
    assert_eq!(items(&set, "one").unwrap(), [ClaimItem::Text("acme")]);
    assert_eq!(set.get("one").unwrap().single_text(), None, "a list of one name is a list");
    assert_eq!(items(&set, "none").unwrap(), []);
    let inner = ClaimPath::parse("/roles/admin/org").unwrap();
    assert_eq!(set.find(&inner).unwrap().single_text(), Some("x"));
}

#[test]
fn integers_are_written_in_one_way() {
    for (number, text) in [
        ("3", "3"),
        ("3.0", "3"),
        ("30e-1", "3"),
        ("3e2", "300"),
        ("-0.0", "0"),
        ("-7.0", "-7"),
        ("0.5", "0.5"),
        ("9007199254740991.0", "9007199254740991"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
    ] {
        let members = json::parse_object(format!(r#"{{"n":{number}}}"#).as_bytes()).unwrap();
        let set = ClaimSet::pack(&members, false).unwrap();
        assert_eq!(items(&set, "n").unwrap(), [ClaimItem::Number(text)], "{number}");
    }
}

#[test]
fn a_number_that_may_stand_for_another_cannot_be_compared() {
    for number in [
        "9007199254740992.0",
        "1e16",
        "-1e300",
        "18446744073709551616",
        "100000000000000000000001",
        "-9223372036854775809",
        "1.8446744073709551616e19",
    ] {
        let members = json::parse_object(format!(r#"{{"n":{number}}}"#).as_bytes()).unwrap();
        let set = ClaimSet::pack(&members, false).unwrap();
        assert_eq!(items(&set, "n").unwrap(), [ClaimItem::Unreadable], "{number}");
    }
}

#[test]
fn a_token_says_which_claims_are_elsewhere() {
    let sources = json!({"src1": {"endpoint": "https://graph.example"}});
    let set =
        pack(&json!({"_claim_names": {"groups": "src1", "roles": "src1"}, "_claim_sources": sources, "roles": ["a"]}));
    assert_eq!(items(&set, "groups").unwrap(), [ClaimItem::Elsewhere]);
    assert_eq!(items(&set, "roles").unwrap(), [ClaimItem::Text("a"), ClaimItem::Elsewhere]);
    assert!(set.get("groups").unwrap().is_elsewhere() && !set.has("groups"));
    assert!(set.get("roles").unwrap().is_elsewhere() && set.has("roles"));
    assert!(!set.get("_claim_names").unwrap().is_elsewhere());
    assert!(set.has_claims_elsewhere() && !pack(&json!({"groups": []})).has_claims_elsewhere());
    let text = pack(&json!({"_claim_names": {"tenant": "src1"}, "tenant": "a"}));
    assert_eq!(text.get("tenant").unwrap().single_text(), Some("a"));
    for members in [
        json!({"hasgroups": true}),
        json!({"hasgroups": "true"}),
        json!({"hasgroups": 1}),
        json!({"hasgroups": true, "groups": null}),
        json!({"hasgroups": true, "_claim_names": {"groups": "src1"}}),
    ] {
        assert_eq!(items(&pack(&members), "groups").unwrap(), [ClaimItem::Elsewhere], "{members}");
    }
    for members in [json!({"hasgroups": false}), json!({"hasgroups": null}), json!({"_claim_names": null})] {
        assert!(pack(&members).get("groups").is_none(), "{members}");
    }
    for names in [json!("{\"groups\":\"src1\"}"), json!(["groups"]), json!(true), json!(1)] {
        let members = json!({ "_claim_names": names });
        let refused = ClaimSet::pack(members.as_object().unwrap(), false);
        assert_eq!(refused, Err(ClaimSetError::ClaimNamesMalformed), "{members}");
    }
}

fn path(text: &str) -> ClaimPath {
    ClaimPath::parse(text).unwrap()
}

fn items_at<'c>(set: &'c ClaimSet, text: &str) -> Option<Vec<ClaimItem<'c>>> {
    set.find(&path(text)).map(|claim| claim.items().collect())
}

#[test]
fn claims_inside_claims_are_found_by_their_paths() {
    let set = pack(&json!({
        "realm_access": {"roles": ["a", "b"], "x": null, "empty": {}},
        "realm_access.roles": "dotted",
        "resource_access": {"broker": {"roles": ["c"]}, "other": {"names": ["d"]}, "roles": 1},
        "roles": "top",
        "/realm_access/roles": "slashes",
        "list": [{"roles": "in a list"}, "x"],
    }));
    assert_eq!(items_at(&set, "/realm_access/roles").unwrap(), [ClaimItem::Text("a"), ClaimItem::Text("b")]);
    assert_eq!(items_at(&set, "realm_access.roles").unwrap(), [ClaimItem::Text("dotted")]);
    assert_eq!(items_at(&set, "/resource_access/broker/roles").unwrap(), [ClaimItem::Text("c")]);
    assert_eq!(items_at(&set, "/resource_access/roles").unwrap(), [ClaimItem::Number("1")]);
    assert_eq!(items_at(&set, "/resource_access/other").unwrap(), [ClaimItem::Text("names")]);
    assert_eq!(items_at(&set, "/realm_access/empty").unwrap(), []);
    assert_eq!(items_at(&set, "roles").unwrap(), [ClaimItem::Text("top")]);
    assert_eq!(items_at(&set, "/~1realm_access~1roles").unwrap(), [ClaimItem::Text("slashes")]);
    for absent in [
        "/realm_access/x",
        "/realm_access/broker",
        "/resource_access/broker/names",
        "/resource_access/other/roles",
        "broker",
        "names",
        "empty",
        "/broker/roles",
    ] {
        assert!(set.find(&path(absent)).is_none() && !set.has_path(&path(absent)), "{absent}");
    }
    for inside_no_object in ["/resource_access/broker/roles/c", "/roles/top", "/list/roles", "/list/0", "/list/0/roles"]
    {
        let found = set.find(&path(inside_no_object)).unwrap();
        assert_eq!(found.items().collect::<Vec<_>>(), [ClaimItem::Unreadable], "{inside_no_object}");
        assert!(!found.is_here() && !found.is_elsewhere() && found.single_text().is_none(), "{inside_no_object}");
        assert!(!set.has_path(&path(inside_no_object)), "{inside_no_object}");
    }
    // The top-level claim alone is what its name gives.
    for name in ["roles", "realm_access", "list", "names"] {
        assert_eq!(items(&set, name), items_at(&set, name), "{name}");
        assert_eq!(set.has(name), set.has_path(&path(name)), "{name}");
    }
    assert!(set.has_path(&path("/realm_access/roles")) && set.has_path(&path("/realm_access/empty")));
    assert_eq!(set.find(&path("/resource_access/broker")).unwrap().single_text(), None);
    assert_eq!(pack(&json!({"a": {"b": "x"}})).find(&path("/a/b")).unwrap().single_text(), Some("x"));
    assert_eq!(pack(&json!({"a": {"b": ["x"]}})).find(&path("/a/b")).unwrap().single_text(), None);
}

#[test]
fn claims_deeper_than_a_path_can_be_are_not_kept() {
    let at_depth = |depth: usize| (0..depth).fold(json!({"x": "y"}), |inner, _| json!({"a": inner}));
    let set = pack(&at_depth(7));
    assert_eq!(items_at(&set, "/a/a/a/a/a/a/a/x").unwrap(), [ClaimItem::Text("y")]);
    let deeper = pack(&at_depth(8));
    assert_eq!(items_at(&deeper, "/a/a/a/a/a/a/a/a").unwrap(), [ClaimItem::Unreadable], "a member is no list");
    // What is below the names of those at depth 8 takes no memory.
    assert_eq!(pack(&at_depth(9)), pack(&at_depth(20)));
    assert_eq!(format!("{:?}", pack(&json!({"a": {"b": {"c": 1}}, "d": 1}))), "ClaimSet { claims: 2, .. }");
}

#[test]
fn a_claim_inside_one_that_is_elsewhere_is_elsewhere() {
    let set = pack(&json!({
        "_claim_names": {"realm": "src1", "app": "src1", "text": "src1"},
        "realm": {"roles": ["a"], "unit": "x", "deep": {"er": 1}, "none": null},
        "text": "x",
        "here": {"app": "x"},
    }));
    // As of a top-level claim: what the token has may not be all.
    assert_eq!(items_at(&set, "/realm/roles").unwrap(), [ClaimItem::Text("a"), ClaimItem::Elsewhere]);
    assert_eq!(items_at(&set, "/realm/deep/er").unwrap(), [ClaimItem::Number("1"), ClaimItem::Elsewhere]);
    assert_eq!(items_at(&set, "realm").unwrap(), [ClaimItem::Unreadable, ClaimItem::Elsewhere]);
    assert_eq!(set.find(&path("/realm/unit")).unwrap().single_text(), Some("x"));
    for absent in ["/text/a", "/realm/unit/a"] {
        assert_eq!(items_at(&set, absent).unwrap(), [ClaimItem::Unreadable, ClaimItem::Elsewhere], "{absent}");
        assert!(set.find(&path(absent)).unwrap().is_elsewhere() && !set.has_path(&path(absent)), "{absent}");
    }
    for absent in ["/app/roles", "/realm/other", "/realm/none", "/realm/deep/other"] {
        assert_eq!(items_at(&set, absent).unwrap(), [ClaimItem::Elsewhere], "{absent}");
        assert!(set.find(&path(absent)).unwrap().is_elsewhere() && !set.has_path(&path(absent)), "{absent}");
    }
    assert_eq!(items_at(&set, "/here/app").unwrap(), [ClaimItem::Text("x")]);
    assert!(set.find(&path("/here/other")).is_none());
    // Only the top-level member says what is elsewhere.
    let inner = pack(&json!({"a": {"_claim_names": {"roles": "src1"}, "hasgroups": true}}));
    assert!(inner.find(&path("/a/roles")).is_none() && inner.find(&path("/a/groups")).is_none());
    assert!(!inner.has_claims_elsewhere());
}

#[test]
fn an_address_inside_another_claim_is_not_verified() {
    let is_verified = |members: &Value, text: &str, trust_email| {
        let set = ClaimSet::pack(members.as_object().unwrap(), trust_email).unwrap();
        set.find(&path(text)).unwrap().is_verified()
    };
    let flags = json!({"email_verified": true, "phone_number_verified": true});
    let members = json!({
        "email": {"value": "a", "verified": true}, "email_verified": true, "phone_number_verified": true,
        "user": {"email": "a", "email_verified": true, "emails": ["a"], "phone_number": "1", "phone_numbers": ["1"],
                 "phone_number_verified": true, "name": "a", "inner": {"email": {"text": "a"}}},
        "flags": flags,
    });
    for (text, trusted) in [
        ("/user/email", true),
        ("/user/emails", true),
        ("/user/inner/email", true),
        ("/user/inner/email/text", true),
        ("/email/value", true),
        ("/user/phone_number", false),
        ("/user/phone_numbers", false),
    ] {
        assert!(!is_verified(&members, text, false), "{text}");
        assert_eq!(is_verified(&members, text, true), trusted, "{text}");
    }
    for text in ["/user/name", "/user/inner", "/user/email_verified", "/flags/email_verified"] {
        assert!(is_verified(&members, text, false), "{text}");
    }
}

#[test]
fn addresses_are_verified_one_by_one() {
    let is_verified = |members: Value, name: &str, trust_email| {
        let set = ClaimSet::pack(members.as_object().unwrap(), trust_email).unwrap();
        set.get(name).unwrap().is_verified()
    };
    for (address, flag) in [("email", "email_verified"), ("phone_number", "phone_number_verified")] {
        for (said, verified) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("false"), false),
            (json!("TRUE"), false),
            (json!(1), false),
            (json!([true]), false),
            (json!(null), false),
        ] {
            assert_eq!(is_verified(json!({address: "a", flag: said}), address, false), verified, "{address} {said}");
        }
        assert!(!is_verified(json!({address: "a"}), address, false));
        // One flag does not apply to several addresses.
        for list in [json!(["a"]), json!(["a", "b"]), json!({"a": "b"})] {
            assert!(!is_verified(json!({address: list, flag: true}), address, false), "{address}");
        }
    }
    assert!(is_verified(json!({"email": "a", "email_verified": false}), "email", true));
    assert!(is_verified(json!({"email": ["a", "b"]}), "email", true));
    assert!(is_verified(json!({"emails": ["a"]}), "emails", true));
    assert!(!is_verified(json!({"emails": ["a"], "email_verified": true}), "emails", false));
    assert!(!is_verified(json!({"phone_number": "1"}), "phone_number", true));
    assert!(!is_verified(json!({"phone_numbers": ["1"], "phone_number_verified": true}), "phone_numbers", true));
    assert!(is_verified(json!({"department": "a"}), "department", false));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let members = json!({"a": "x".repeat(65_536)});
    assert_eq!(ClaimSet::pack(members.as_object().unwrap(), false), Err(ClaimSetError::TooLarge));
}

#[test]
fn debug_shows_no_claim() {
    assert_eq!(format!("{:?}", pack(&json!({"email": "a@b"}))), "ClaimSet { claims: 1, .. }");
}

/// Names of members with a special meaning in `serde_json`, and ordinary ones.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("$serde_json::private::RawValue".to_owned()),
        Just("$serde_json::private::Number".to_owned()),
        "[a-c]{0,2}",
        ".{0,6}",
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Into::into),
        (-1e9..1e9).prop_map(Into::into),
        ".{0,8}".prop_map(Value::String),
        // What members with a special meaning would be read as.
        prop_oneof![Just("\"finance\""), Just("[\"x\",\"finance\"]"), Just("1"), Just("x")].prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            btree_map(any_name(), inner, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_short_name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[ab]", 1 => "[a01/~]{1,2}"]
}

/// Mostly objects within objects, so that paths find something.
fn any_object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), Just(Value::Bool(true)), Just(Value::from("x")), Just(Value::from(1))];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            4 => btree_map(any_short_name(), inner.clone(), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            1 => vec(inner, 0..3).prop_map(Value::Array),
        ]
    })
}

/// The items of a value for a policy, without [`ClaimSet`].
fn expected(value: &Value) -> Vec<Option<String>> {
    let of_one = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(Some(text.clone())),
        Value::Bool(_) => Some(Some(value.to_string())),
        Value::Number(number) if number.is_f64() && number.as_f64().unwrap().fract() == 0.0 =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "the strategy makes no number beyond 2^53")]
            Some(Some((number.as_f64().unwrap() as i64).to_string()))
        }
        Value::Number(number) => Some(Some(number.to_string())),
        Value::Array(_) | Value::Object(_) => Some(None),
    };
    let lists_its_name = |value: &Value| value.is_object() || value.is_array() || *value == Value::Bool(true);
    match value {
        Value::Array(values) => values.iter().filter_map(of_one).collect(),
        Value::Object(members) if members.values().all(lists_its_name) => members.keys().cloned().map(Some).collect(),
        value => of_one(value).into_iter().collect(),
    }
}

fn as_text(item: ClaimItem<'_>) -> Option<String> {
    match item {
        ClaimItem::Text(text) | ClaimItem::Boolean(text) | ClaimItem::Number(text) => Some(text.to_owned()),
        ClaimItem::Unreadable | ClaimItem::Elsewhere => None,
    }
}

proptest! {
    /// Between the text of a token and the policy no value changes its type, and none is lost.
    #[test]
    fn every_claim_is_what_the_token_says(members in btree_map(any_name(), any_value(), 0..8)) {
        let text = Value::Object(members.clone().into_iter().collect()).to_string();
        let read = json::parse_object(text.as_bytes()).unwrap();
        let set = ClaimSet::pack(&read, false).unwrap();
        for (name, value) in &members {
            match set.get(name) {
                None => prop_assert_eq!(value, &Value::Null),
                Some(claim) => {
                    let found: Vec<_> = claim.items().map(as_text).collect();
                    prop_assert_eq!(found, expected(value));
                    prop_assert_eq!(claim.single_text(), value.as_str());
                }
            }
        }
    }

    /// A path finds what a JSON Pointer points at, except for items of lists.
    #[test]
    fn a_path_finds_what_a_pointer_points_at(
        members in btree_map(any_short_name(), any_object(), 0..4),
        names in vec(any_short_name(), 1..=4),
    ) {
        let whole = Value::Object(members.into_iter().collect());
        let set = pack(&whole);
        let escaped = |name: &String| name.replace('~', "~0").replace('/', "~1");
        let pointer = format!("/{}", names.iter().map(escaped).collect::<Vec<_>>().join("/"));
        let (mut pointed, mut is_inside_other) = (Some(&whole), false);
        for name in &names {
            is_inside_other |= pointed.is_some_and(|outer| !outer.is_object() && !outer.is_null());
            pointed = pointed.and_then(Value::as_object).and_then(|members| members.get(name));
        }
        let pointed = pointed.filter(|value| !value.is_null());
        let found = set.find(&path(&pointer));
        prop_assert_eq!(found.is_some(), pointed.is_some() || is_inside_other);
        prop_assert_eq!(set.has_path(&path(&pointer)), pointed.is_some());
        if is_inside_other {
            prop_assert_eq!(found.unwrap().items().collect::<Vec<_>>(), [ClaimItem::Unreadable]);
        }
        if let (Some(claim), Some(value)) = (found, pointed) {
            prop_assert_eq!(claim.items().map(as_text).collect::<Vec<_>>(), expected(value));
            prop_assert_eq!(claim.single_text(), value.as_str());
        }
    }
}
