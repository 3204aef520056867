//! Turns the recipe of a case into what is sent.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use super::data::{Case, Corpus, Key};
use super::key_pair::{KeyPair, base64url};
use super::members::{Members, Words};
use super::signature::Signer;
use super::template::expand;

/// Has every key, and one time for all tokens.
pub(super) struct Mint<'a> {
    corpus: &'a Corpus,
    pairs: BTreeMap<&'a str, KeyPair>,
    now: u64,
}

/// The names and values of a call's metadata.
pub(super) type Metadata = Vec<(String, Vec<u8>)>;

impl<'a> Mint<'a> {
    pub(super) fn new(corpus: &'a Corpus) -> Self {
        let mut pairs = BTreeMap::new();
        for key in &corpus.keys {
            pairs.entry(key.pair.as_str()).or_insert_with(|| KeyPair::generate(&key.pair));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        Self { corpus, pairs, now }
    }

    /// The JWK set of an issuer that publishes any key.
    pub(super) fn jwks(&self, issuer: &str) -> Option<String> {
        let published = self.corpus.keys.iter().filter(|key| key.issuers.iter().any(|name| name == issuer));
        let keys: Vec<_> = published.map(|key| self.jwk(key).object()).collect();
        (!keys.is_empty()).then(|| format!("{{\"keys\":[{}]}}", keys.join(",")))
    }

    pub(super) fn metadata(&self, case: &Case) -> Metadata {
        let token = self.token(case);
        let meaning = |word: &str| (word == "token").then(|| token.clone());
        let authorization = case.authorization.iter().map(|value| ("authorization", value));
        let others = case.metadata.iter().map(|(name, value)| (name.as_str(), value));
        authorization.chain(others).map(|(name, value)| (name.to_owned(), expand(value, meaning))).collect()
    }

    fn token(&self, case: &Case) -> Vec<u8> {
        let Some(bytes) = case.token_bytes else { return self.token_with_padding(case, 0) };
        let shortest = self.token_with_padding(case, 1).len();
        // Three bytes of claims take four characters.
        let estimate = (bytes - shortest) / 4 * 3;
        let mut tokens = (estimate..).map(|padding| self.token_with_padding(case, padding));
        let token = tokens.find(|token| token.len() >= bytes).unwrap();
        assert_eq!(token.len(), bytes, "{}: no padding makes this size", case.name);
        token
    }

    fn token_with_padding(&self, case: &Case, padding: usize) -> Vec<u8> {
        let issuer = self.corpus.issuer(case);
        let key = self.corpus.key(case.key.as_deref().unwrap_or(&issuer.key));
        let published = self.jwk(key);
        let jwk = published.object();
        let words = Words { now: self.now, jwk: &jwk };

        let mut header = Members::default().with_text("alg", &key.alg);
        if let Some(key_id) = published.json_of("kid") {
            header = header.with_json("kid", key_id);
        }
        let header = header.change(&issuer.header, words).change(&case.header, words);
        let mut claims = Members::default().change(&issuer.claims, words).change(&case.claims, words);
        if padding > 0 {
            claims = claims.with_text("pad", &"x".repeat(padding));
        }
        let header = object(&header, "header", case.raw_header.as_deref());
        let payload = object(&claims, "claims", case.raw_payload.as_deref());

        let (header, payload) = (base64url(&header), base64url(&payload));
        let signer = Signer {
            pair: &self.pairs[key.pair.as_str()],
            algorithm: case.sign.as_deref().unwrap_or(&key.alg),
            jwk: &jwk,
        };
        let signature = signer.third_part(&case.signature, format!("{header}.{payload}").as_bytes());
        expand(&case.token, |word| match word {
            "header" => Some(header.clone().into_bytes()),
            "payload" => Some(payload.clone().into_bytes()),
            "signature" => Some(signature.clone().into_bytes()),
            _ => None,
        })
    }

    fn jwk(&self, key: &Key) -> Members {
        let bare = self.pairs[key.pair.as_str()].jwk();
        let usual = bare.with_text("kid", &key.name).with_text("use", "sig").with_text("alg", &key.alg);
        usual.change(&key.jwk, Words { now: self.now, jwk: "" })
    }
}

/// An object of the members, or a text in which `<name>` stands for them, without braces.
fn object(members: &Members, name: &str, raw: Option<&str>) -> Vec<u8> {
    let meaning = |word: &str| (word == name).then(|| members.without_braces().into_bytes());
    raw.map_or_else(|| members.object().into_bytes(), |raw| expand(raw, meaning))
}
