//! Claims of tokens, of every JSON type, and values that a rule may want of them.

use super::callers::{groups_claim, scopes_claim};
use super::json::Json;
use super::random::Random;
use super::spec::Wanted;

/// The claims that rules are about.
pub(super) const NAMES: [&str; 17] = [
    "dept",
    "level",
    "tenant",
    "flag",
    "email",
    "emails",
    "phone_number",
    "phone_numbers",
    "roles",
    "groups",
    "scope",
    "sub",
    "nested",
    "https://ns.example/a.b",
    "größe",
    "$serde_json::private::RawValue",
    "$serde_json::private::Number",
];
/// Claims about other claims. No rule is about them.
pub(super) const MACHINERY: [&str; 4] = ["_claim_names", "hasgroups", "email_verified", "phone_number_verified"];
pub(super) const GROUPS: [&str; 6] = ["staff", "Staff", "admins", "größe", "read", "a b"];
pub(super) const SCOPES: [&str; 4] = ["read", "write", "read:all", "Read"];

const ADDRESSES: [&str; 4] = ["me@a.example", "Me@a.example", "you@a.example", "b"];
const TELEPHONES: [&str; 3] = ["+4930123", "+4930124", "a"];
const TEXTS: [&str; 10] = ["finance", "sales", "t", "a", "shared", "3", "true", "null", "-1", "é"];
/// Numbers as they are written, and as they are compared.
const NUMBERS: [(&str, &str); 13] = [
    ("3", "3"),
    ("3.0", "3"),
    ("30e-1", "3"),
    ("-1", "-1"),
    ("-1.0", "-1"),
    ("0", "0"),
    ("-0.0", "0"),
    ("100", "100"),
    ("1e2", "100"),
    ("3.5", "3.5"),
    ("9007199254740993", "9007199254740993"),
    ("9223372036854775807", "9223372036854775807"),
    ("18446744073709551615", "18446744073709551615"),
];

/// Claims of a token beside `iss`, `sub`, `aud` and `exp`.
pub(super) fn of_token(random: &mut Random, issuer: &str) -> Vec<(String, Json)> {
    let mut claims = Vec::new();
    for name in NAMES.into_iter().filter(|name| *name != "sub") {
        let value = if name == groups_claim(issuer) {
            random.maybe(70, |random| names(random, &GROUPS, "").unwrap_or(Json::Null))
        } else if name == scopes_claim(issuer) {
            random.maybe(50, |random| names(random, &SCOPES, " ").unwrap_or(Json::Null))
        } else {
            random.maybe(45, |random| value(random, name, 0))
        };
        claims.extend(value.map(|value| (name.to_owned(), value)));
    }
    if scopes_claim(issuer) == "scp" {
        let scopes = random.maybe(60, |random| names(random, &SCOPES, " ").unwrap_or(Json::Null));
        claims.extend(scopes.map(|value| ("scp".to_owned(), value)));
    }
    for flag in ["email_verified", "phone_number_verified"] {
        let value = random.maybe(70, flag_value);
        claims.extend(value.map(|value| (flag.to_owned(), value)));
    }
    let elsewhere = random.maybe(20, |random| {
        let mut names = random.some_of(&NAMES, 4);
        // A token that leaves its subject to another place is refused.
        names.retain(|name| *name != "sub");
        names.extend(random.maybe(30, |_| "scp").filter(|name| !names.contains(name)));
        Json::Object(names.into_iter().map(|name| (name.to_owned(), Json::text("src1"))).collect())
    });
    claims.extend(elsewhere.map(|value| ("_claim_names".to_owned(), value)));
    let has_groups = random.maybe(12, flag_value);
    claims.extend(has_groups.map(|value| ("hasgroups".to_owned(), value)));
    claims
}

/// Mostly `true`.
fn flag_value(random: &mut Random) -> Json {
    let other = [Json::Boolean(false), Json::text("true"), Json::text("false"), Json::Null];
    if random.chance(60) { Json::Boolean(true) } else { random.pick(&other) }
}

/// A list of names, one name or several in one text, or nothing.
fn names(random: &mut Random, pool: &[&str], separator: &str) -> Option<Json> {
    let some: Vec<String> = random.some_of(pool, 3).into_iter().map(str::to_owned).collect();
    match random.below(6) {
        0 => None,
        1 if separator.is_empty() => Some(Json::text(&some[0])),
        1 => Some(Json::Text(some.join(separator))),
        2 => Some(Json::List(Vec::new())),
        _ => Some(Json::texts(&some)),
    }
}

fn value(random: &mut Random, name: &str, depth: usize) -> Json {
    match random.below(20) {
        0 => Json::Null,
        1 => Json::Boolean(random.chance(50)),
        2 | 3 => {
            let (written, equal) = random.pick(&NUMBERS);
            Json::Number { written, equal }
        }
        4 if depth < 3 => {
            let names =
                random.some_of(&["a", "dept", "$serde_json::private::RawValue", "$serde_json::private::Number"], 2);
            Json::Object(names.into_iter().map(|member| (member.to_owned(), value(random, name, depth + 1))).collect())
        }
        5..=8 if depth < 3 => Json::List((0..random.below(4)).map(|_| value(random, name, depth + 1)).collect()),
        _ => Json::text(text(random, name)),
    }
}

fn text(random: &mut Random, name: &str) -> &'static str {
    match name {
        "email" | "emails" => random.pick(&ADDRESSES),
        "phone_number" | "phone_numbers" => random.pick(&TELEPHONES),
        _ => random.pick(&TEXTS),
    }
}

/// What a rule may want of a claim.
pub(super) fn wanted(random: &mut Random, name: &str) -> Wanted {
    match random.below(10) {
        0 => Wanted::Boolean(random.chance(50)),
        1 | 2 => Wanted::Integer(random.pick(&[3, -1, 0, 100, 9_007_199_254_740_993, i64::MAX])),
        3 => Wanted::Text(random.pick(&["3", "3.0", "3.5", "true", "0", "{}", "[]"]).to_owned()),
        _ if name == "sub" => Wanted::Text(random.pick(&["ada", "bob", "shared"]).to_owned()),
        _ => Wanted::Text(text(random, name).to_owned()),
    }
}

/// A value that a claim is equal to, in one of its spellings.
pub(super) fn equal_to(random: &mut Random, value: &Json) -> Option<Wanted> {
    match value {
        Json::Text(text) => Some(match text.parse() {
            Ok(integer) if random.chance(50) => Wanted::Integer(integer),
            _ => Wanted::Text(text.clone()),
        }),
        Json::Boolean(value) => Some(Wanted::Boolean(*value)),
        Json::Number { equal, .. } => {
            Some(equal.parse().map_or_else(|_| Wanted::Text((*equal).to_owned()), Wanted::Integer))
        }
        Json::Null | Json::Count(_) | Json::List(_) | Json::Object(_) => None,
    }
}
