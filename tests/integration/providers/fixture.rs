//! The tokens of a provider, and the calls that are made with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::signing::SigningKeys;

type Members = Map<String, Value>;

/// `providers/NAME.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fixture {
    /// The title of the section in docs/PROVIDERS.md.
    pub(super) section: String,
    /// Where the shape of the tokens is from.
    pub(super) sources: Vec<String>,
    /// The header of every token.
    header: Members,
    /// What the published keys have other than `kid` and `alg` of the header and `"use": "sig"`, as in RFC 7396.
    #[serde(default = "one_key")]
    keys: Vec<Value>,
    /// The claims of every token. `iat` and `exp` are added.
    claims: Members,
    /// How each token differs from these claims, as in RFC 7396.
    pub(super) tokens: BTreeMap<String, Value>,
    /// How the headers of some tokens differ.
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    /// Tokens with a long list.
    #[serde(default)]
    large: BTreeMap<String, Long>,
    pub(super) calls: Vec<Call>,
}

/// A list of texts that differ in a number, in which `{}` stands for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Long {
    /// The path to the claim (RFC 6901).
    claim: String,
    text: String,
    count: usize,
}

/// One call, and its code and reason in the access log.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) token: String,
    pub(super) operation: String,
    pub(super) key: String,
    pub(super) result: String,
}

fn one_key() -> Vec<Value> {
    vec![json!({})]
}

/// Every fixture, by the names of their files.
pub(super) fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/providers");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    let read = |path: PathBuf| -> Fixture {
        let text = fs::read_to_string(&path).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.into_iter().map(read).collect()
}

impl Fixture {
    /// The keys that the provider publishes.
    pub(super) fn jwks(&self, keys: &mut SigningKeys) -> Value {
        let published = self.keys.iter().enumerate().map(|(index, patch)| {
            let (key_id, algorithm) = self.key(index);
            let mut jwk = keys.get(algorithm, index).jwk();
            merge(&mut jwk, &json!({ "kid": key_id, "alg": algorithm, "use": "sig" }));
            merge(&mut jwk, patch);
            jwk
        });
        json!({ "keys": published.collect::<Vec<_>>() })
    }

    /// `kid` and algorithm of a key.
    fn key(&self, index: usize) -> (&str, &str) {
        let member = |name| self.keys[index].get(name).and_then(Value::as_str).or_else(|| self.header[name].as_str());
        (member("kid").unwrap(), member("alg").unwrap())
    }

    /// A token, signed with the key that its header names.
    pub(super) fn token(&self, name: &str, keys: &mut SigningKeys, now: u64) -> String {
        let mut header = Value::Object(self.header.clone());
        if let Some(patch) = self.headers.get(name) {
            merge(&mut header, patch);
        }
        let mut claims = json!({ "iat": now - 30, "exp": now + 3000 });
        merge(&mut claims, &Value::Object(self.claims.clone()));
        merge(&mut claims, &self.tokens[name]);
        if let Some(Long { claim, text, count }) = self.large.get(name) {
            let list = (0..*count).map(|number| Value::from(text.replace("{}", &number.to_string()))).collect();
            set(&mut claims, claim, list);
        }
        let named = (header["kid"].as_str().unwrap(), header["alg"].as_str().unwrap());
        let index = (0..self.keys.len()).find(|index| self.key(*index) == named);
        let index = index.unwrap_or_else(|| panic!("{}: {name} has the key {named:?}", self.section));
        let token = keys.get(named.1, index).sign(&header, &claims);
        assert!(!self.large.contains_key(name) || token.len() > 16 * 1024, "{name} has {} bytes", token.len());
        token
    }
}

/// Applies a patch (RFC 7396): objects are merged, and `null` removes a member.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let target = target.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Sets a claim, with the objects that it is inside.
fn set(claims: &mut Value, path: &str, value: Value) {
    let names: Vec<_> = path.split('/').skip(1).collect();
    let nested = names.into_iter().rev().fold(value, |value, name| json!({ name: value }));
    merge(claims, &nested);
}
