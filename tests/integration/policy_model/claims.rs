//! Claims of tokens, of every JSON type, and values that a rule may want of them.

use super::callers::{groups_claim, scopes_claim};
use super::json::Json;
use super::random::Random;
use super::spec::Wanted;
use super::wildcard;

/// The claims that rules are about.
pub(super) const NAMES: [&str; 20] = [
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
    "realm",
    "repository",
    "path",
    "https://ns.example/a.b",
    "größe",
    "$serde_json::private::RawValue",
    "$serde_json::private::Number",
];
/// Paths of claims that are often there, and other spellings of names.
pub(super) const PATHS: [&str; 9] = [
    "/realm/roles",
    "/realm/tenant",
    "/realm/path",
    "/realm/email",
    "/realm/phone_number",
    "/realm/a~1b/a",
    "/tenant",
    "/https:~1~1ns.example~1a.b",
    "/nested/a",
];
/// Members of `realm`.
const MEMBERS: [&str; 7] = ["roles", "tenant", "path", "email", "phone_number", "a/b", "dept"];
/// Claims about other claims. No rule is about them.
pub(super) const MACHINERY: [&str; 4] = ["_claim_names", "hasgroups", "email_verified", "phone_number_verified"];
pub(super) const GROUPS: [&str; 6] = ["staff", "Staff", "admins", "größe", "read", "a b"];
pub(super) const SCOPES: [&str; 4] = ["read", "write", "read:all", "Read"];

const ADDRESSES: [&str; 4] = ["me@a.example", "Me@a.example", "you@a.example", "b"];
const TELEPHONES: [&str; 3] = ["+4930123", "+4930124", "a"];
const TEXTS: [&str; 16] = [
    "finance",
    "sales",
    "t",
    "a",
    "shared",
    "3",
    "true",
    "null",
    "-1",
    "é",
    "a*",
    "a:b",
    "*",
    r"a\b",
    "repo:o/a:ref:x",
    "a/b",
];
const PATH_TEXTS: [&str; 16] = [
    "o/a",
    "o/b",
    "a/b",
    "a",
    "t",
    "o",
    "o/a/b",
    "a/b/shared",
    "t/a",
    "shared/a",
    "o//a",
    "a/../b",
    "/a",
    "a/",
    "tier 1/a",
    ".",
];
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
        } else if name == "realm" {
            random.maybe(70, realm)
        } else if ["repository", "path"].contains(&name) {
            random.maybe(75, |random| path_value(random, name))
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

fn realm(random: &mut Random) -> Json {
    if random.chance(12) {
        return value(random, "realm", 0);
    }
    let member = |random: &mut Random, name: &str| {
        if name == "path" { path_value(random, name) } else { value(random, name, 1) }
    };
    let names = random.some_of(&MEMBERS, 6);
    Json::Object(names.into_iter().map(|name| (name.to_owned(), member(random, name))).collect())
}

fn path_value(random: &mut Random, name: &str) -> Json {
    if random.chance(85) { Json::text(random.pick(&PATH_TEXTS)) } else { value(random, name, 0) }
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
        9 if random.chance(20) => Json::text(""),
        _ => Json::text(text(random, name)),
    }
}

fn text(random: &mut Random, name: &str) -> &'static str {
    match name {
        "email" | "emails" => random.pick(&ADDRESSES),
        "phone_number" | "phone_numbers" => random.pick(&TELEPHONES),
        "repository" | "path" => random.pick(&PATH_TEXTS),
        _ => random.pick(&TEXTS),
    }
}

/// What a rule may want of a claim.
pub(super) fn wanted(random: &mut Random, name: &str, in_denial: bool) -> Wanted {
    let text = |random: &mut Random, text: &str| {
        Wanted::Text(if random.chance(35) { wildcard::like(random, text, in_denial) } else { wildcard::literal(text) })
    };
    match random.below(10) {
        0 => Wanted::Boolean(random.chance(50)),
        1 | 2 => Wanted::Integer(random.pick(&[3, -1, 0, 100, 9_007_199_254_740_993, i64::MAX])),
        3 => Wanted::Text(random.pick(&["3", "3.0", "3.5", "true", "0", "{}", "[]"]).to_owned()),
        _ if name == "sub" => {
            let subject = random.pick(&["ada", "bob", "shared", "a/b"]);
            text(random, subject)
        }
        _ => {
            let value = self::text(random, name);
            text(random, value)
        }
    }
}

/// A value that a claim is equal to, in one of its spellings, or that it often matches.
pub(super) fn equal_to(random: &mut Random, value: &Json, in_denial: bool) -> Option<Wanted> {
    match value {
        Json::Text(text) if random.chance(40) => Some(Wanted::Text(wildcard::like(random, text, in_denial))),
        // No rule has an empty value.
        Json::Text(text) if text.is_empty() => None,
        Json::Text(text) => Some(match text.parse() {
            Ok(integer) if random.chance(50) => Wanted::Integer(integer),
            _ => Wanted::Text(wildcard::literal(text)),
        }),
        Json::Boolean(value) => Some(Wanted::Boolean(*value)),
        Json::Number { equal, .. } => {
            Some(equal.parse().map_or_else(|_| Wanted::Text((*equal).to_owned()), Wanted::Integer))
        }
        Json::Null | Json::Count(_) | Json::List(_) | Json::Object(_) => None,
    }
}
