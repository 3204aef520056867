//! The form of `tests/corpus/tokens.toml`. What each part means is said at its head.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Table;

/// Reads a file of `tests/corpus`.
pub(super) fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The data file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Corpus {
    #[serde(rename = "issuer")]
    pub(super) issuers: BTreeMap<String, Issuer>,
    #[serde(rename = "key")]
    pub(super) keys: Vec<Key>,
    #[serde(rename = "case")]
    pub(super) cases: Vec<Case>,
    /// The reasons that no token can cause, and why.
    pub(super) not_by_token: BTreeMap<String, String>,
}

/// An issuer of the broker's configuration, and what its tokens are like unless a case says otherwise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issuer {
    /// The lines of its `[[issuer]]`, but for where its keys are.
    pub(super) settings: String,
    pub(super) key: String,
    #[serde(default)]
    pub(super) header: Table,
    pub(super) claims: Table,
}

impl Issuer {
    /// The setting `issuer`, for the first of its tenants if it has any.
    pub(super) fn name(&self) -> String {
        let settings: Table = toml::from_str(&self.settings).unwrap();
        let tenant = settings.get("tenants").map_or("{tid}", |tenants| tenants[0].as_str().unwrap());
        settings["issuer"].as_str().unwrap().replace("{tid}", tenant)
    }
}

/// A key to sign with, and how it is published.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) pair: String,
    pub(super) alg: String,
    pub(super) issuers: Vec<String>,
    #[serde(default)]
    pub(super) jwk: Table,
}

/// One call, and what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    #[serde(default = "Case::usual_issuer")]
    pub(super) issuer: String,
    pub(super) key: Option<String>,
    pub(super) sign: Option<String>,
    #[serde(default)]
    pub(super) header: Table,
    #[serde(default)]
    pub(super) claims: Table,
    pub(super) raw_header: Option<String>,
    pub(super) raw_payload: Option<String>,
    #[serde(default)]
    pub(super) signature: Signature,
    #[serde(default = "Case::usual_token")]
    pub(super) token: String,
    pub(super) token_bytes: Option<usize>,
    #[serde(default = "Case::usual_authorization")]
    pub(super) authorization: Vec<String>,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) code: String,
    pub(super) reason: Option<String>,
}

/// What stands in the third part of a token.
#[derive(Deserialize, Default, Clone)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Signature {
    #[default]
    Own,
    Empty,
    Text(String),
    Hs256(Secret),
    Hs384(Secret),
    Hs512(Secret),
    OfAnotherToken,
    Zeros,
    Truncated,
    Extended,
    BitFlipped,
    HalvesSwapped,
    NegatedS,
    OrderAdded,
    Der,
    Padded,
    NonCanonical,
    StandardAlphabet,
}

/// What a forger takes for an HMAC secret: things that everybody knows.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Secret {
    Pem,
    PemWithoutLastNewline,
    Der,
    Jwk,
    Raw,
    Nothing,
}

impl Corpus {
    pub(super) fn read() -> Self {
        read("tokens.toml")
    }

    pub(super) fn issuer(&self, case: &Case) -> &Issuer {
        self.issuers.get(&case.issuer).unwrap_or_else(|| panic!("{}: no issuer {}", case.name, case.issuer))
    }

    pub(super) fn case(&self, name: &str) -> &Case {
        self.cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"))
    }

    pub(super) fn key(&self, name: &str) -> &Key {
        self.keys.iter().find(|key| key.name == name).unwrap_or_else(|| panic!("no key {name}"))
    }
}

impl Case {
    fn usual_issuer() -> String {
        "oidc".to_owned()
    }

    fn usual_token() -> String {
        "<header>.<payload>.<signature>".to_owned()
    }

    fn usual_authorization() -> Vec<String> {
        vec!["Bearer <token>".to_owned()]
    }
}
