//! Tokens from a peer without a key, and claims that an issuer signs although another party chose them.
//!
//! An input that begins with a line `signed` has claims after it: the payload of a token that is signed here, or, if it
//! does not begin with a brace, members that are added to valid claims. The result is compared with another library and
//! with a policy.
//!
//! Any other input of three lines is the header, the payload and the signature of a token, which are encoded here; an
//! empty header or payload is replaced by a valid one. All other inputs are the value of `authorization`.

#![no_main]

use access_broker_base::document::Variables;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use access_broker_identity::{
    Algorithm, AuthenticationError, Authenticator, BearerToken, Caller, IssuerSettings, IssuerVerifier, KeyDocument,
    KeySource, KeySourceError, Rejection,
};
use access_broker_policy::{
    AccessRequest, BucketName, BucketProfile, EndpointName, LifetimeRequest, ObjectKey, ObjectReference, Policy,
    PolicyContext, RequestedDownload,
};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey, Validation};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio::runtime::Runtime;

/// The time at which every input is read, in seconds since 1970.
const NOW: u64 = 1_800_000_000;
const HEADER: &[u8] = br#"{"alg":"RS256","kid":"rsa"}"#;
const PAYLOAD: &[u8] = br#"{"iss":"https://issuer.example","aud":"access-broker","sub":"a","exp":1800000600}"#;

/// The issuer that signs.
const SIGNING: &str = "https://signing.example";
/// Its private key: 32 bytes of 7, in PKCS #8.
const PRIVATE_KEY: &[u8] = b"0.\x02\x01\x000\x05\x06\x03+ep\x04\x22\x04\x20\
    \x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\
    \x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07";
const PUBLIC_KEY: &str = "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw";
/// Valid claims, without the last brace.
const SIGNED: &str = r#"{"iss":"https://signing.example","aud":"access-broker","sub":"a","exp":1800000600"#;

/// One tier for each condition.
const POLICY: &str = r#"
tier = [
    { name = "claim", bucket = "media", prefix = "claim/", download = { max_ttl = "1h" } },
    { name = "group", bucket = "media", prefix = "group/", download = { max_ttl = "1h" } },
    { name = "email", bucket = "media", prefix = "email/", download = { max_ttl = "1h" } },
    { name = "denied", bucket = "media", prefix = "denied/", download = { max_ttl = "1h" } },
    { name = "own", bucket = "media", prefix = "own/{claims.tenant}/", download = { max_ttl = "1h" } },
]
[[grant]]
tiers = ["claim"]
operations = ["download"]
to = { issuers = "https://signing.example", claims = { dept = "finance" } }
[[grant]]
tiers = ["group"]
operations = ["download"]
to = { issuers = "https://signing.example", groups = "admins" }
[[grant]]
tiers = ["email"]
operations = ["download"]
to = { issuers = "https://signing.example", claims = { email = "me@x.example" } }
[[grant]]
tiers = ["denied", "own"]
operations = ["download"]
to = { issuers = "https://signing.example", authenticated = true }
[[denial]]
name = "contractors"
tiers = ["denied"]
operations = ["download"]
to = { claims = { roles = "contractor" } }
"#;

static SERVICE: LazyLock<Service> = LazyLock::new(Service::start);

fuzz_target!(|input: &[u8]| {
    if let Some(claims) = input.strip_prefix(b"signed\n") {
        SERVICE.check_signed(claims);
        return;
    }
    let mut lines = input.splitn(3, |&byte| byte == b'\n');
    let value = match (lines.next(), lines.next(), lines.next()) {
        (Some(header), Some(payload), Some(signature)) => authorization(header, payload, signature),
        _ => input.to_vec(),
    };
    if let Ok(token) = BearerToken::from_authorization(&value) {
        assert_eq!(token.as_str().as_bytes(), &value["Bearer ".len()..]);
        SERVICE.refusal(token);
    }
});

fn authorization(header: &[u8], payload: &[u8], signature: &[u8]) -> Vec<u8> {
    let header = if header.is_empty() { HEADER } else { header };
    let payload = if payload.is_empty() { PAYLOAD } else { payload };
    let segments = [header, payload, signature].map(|segment| URL_SAFE_NO_PAD.encode(segment));
    format!("Bearer {}", segments.join(".")).into_bytes()
}

/// A token of the issuer that signs.
fn sign(payload: &[u8]) -> String {
    let message = [br#"{"alg":"EdDSA","kid":"signing"}"#, payload].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let key = EncodingKey::from_ed_der(PRIVATE_KEY);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::EdDSA);
    format!("{message}.{}", signature.expect("a private key"))
}

/// Whether jsonwebtoken accepts the token. It uses the machine's clock, so it checks no times.
fn is_accepted_elsewhere(token: &str) -> bool {
    let mut validation = Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.set_required_spec_claims(&["exp", "iss", "sub", "aud"]);
    validation.set_issuer(&[SIGNING]);
    validation.set_audience(&["access-broker"]);
    validation.validate_exp = false;
    let key = DecodingKey::from_ed_components(PUBLIC_KEY).expect("a public key");
    jsonwebtoken::decode::<Value>(token, &key, &validation).is_ok()
}

/// Whether a claim is this text, or a list with it.
fn holds(claim: &Value, text: &str) -> bool {
    claim == text || claim.as_array().is_some_and(|items| items.iter().any(|item| item == text))
}

fn policy() -> Policy {
    let profile = BucketProfile::at_aws([EndpointName::default_endpoint()]);
    let buckets = BTreeMap::from([(BucketName::parse("media").expect("a name"), profile)]);
    let issuers = BTreeSet::from([SIGNING.to_owned()]);
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &issuers,
        trust_domains: &BTreeSet::new(),
        variables: &Variables::None,
        members: None,
    };
    Policy::parse("policy.toml", POLICY, &context).expect("a policy")
}

struct Service {
    runtime: Runtime,
    authenticator: Authenticator,
    policy: Policy,
}

impl Service {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let signing_key = format!(r#"{{"keys":[{{"kid":"signing","kty":"OKP","crv":"Ed25519","x":"{PUBLIC_KEY}"}}]}}"#);
        let public_keys = include_bytes!("../public-keys.json").to_vec();
        let mut verifiers = Vec::new();
        for (issuer, keys) in [("https://issuer.example", public_keys), (SIGNING, signing_key.into_bytes())] {
            let settings = IssuerSettings {
                algorithms: vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa],
                ..IssuerSettings::oidc(issuer, vec!["access-broker".to_owned()])
            };
            let verifier = IssuerVerifier::with_key_source(settings, Box::new(Keys(keys))).expect("valid settings");
            let keys = Arc::clone(verifier.keys());
            runtime.block_on(keys.refresh()).expect("usable keys");
            // Otherwise every token with an unknown key would wait a second.
            runtime.spawn(async move { keys.keep_fresh().await });
            verifiers.push(Arc::new(verifier));
        }
        let authenticator = Authenticator::new(verifiers, 0).expect("two issuers");
        let service = Self { runtime, authenticator, policy: policy() };
        service.check_that_every_key_is_used();
        service.check_that_signed_tokens_are_accepted();
        service
    }

    /// The reason of the rejection.
    ///
    /// # Panics
    ///
    /// If the token is accepted: the private keys do not exist.
    fn refusal(&self, token: BearerToken<'_>) -> AuthenticationError {
        let result = self.authenticate(token.as_str());
        result.expect_err("a token without a signature of the issuer's was accepted")
    }

    fn authenticate(&self, token: &str) -> Result<Arc<Caller>, AuthenticationError> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        self.runtime.block_on(self.authenticator.authenticate(token, now))
    }

    /// An accepted caller must be accepted by the other library as well, and may only do what its claims permit.
    fn check_signed(&self, claims: &[u8]) {
        let payload = match claims {
            [b'{', ..] => claims.to_vec(),
            members => [SIGNED.as_bytes(), b",", members, b"}"].concat(),
        };
        let token = sign(&payload);
        let Ok(caller) = self.authenticate(&token) else { return };
        assert!(is_accepted_elsewhere(&token), "accepted here alone");
        let claims: Value = serde_json::from_slice(&payload).expect("claims that were accepted");
        let email_verified = &claims["email_verified"];
        for (key, is_due) in [
            ("claim/a", holds(&claims["dept"], "finance")),
            ("group/a", holds(&claims["groups"], "admins")),
            (
                "email/a",
                holds(&claims["email"], "me@x.example") && (email_verified == true || email_verified == "true"),
            ),
            ("denied/a", !holds(&claims["roles"], "contractor")),
            ("own/acme/a", claims["tenant"] == "acme"),
        ] {
            assert!(is_due || !self.is_permitted(&caller, key), "{key} is permitted");
        }
    }

    fn is_permitted(&self, caller: &Caller, key: &str) -> bool {
        let bucket = BucketName::parse("media").expect("a name");
        let object = ObjectReference { bucket, key: ObjectKey::parse(key).expect("a key") };
        let lifetime = LifetimeRequest::default();
        let request = AccessRequest { object, endpoint: None, lifetime, terms: RequestedDownload::default() };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        self.policy.decide_download(caller, request, now).is_ok()
    }

    fn check_that_signed_tokens_are_accepted(&self) {
        let payload = format!(r#"{SIGNED},"dept":"finance","groups":["admins"],"tenant":"acme"}}"#);
        let caller = self.authenticate(&sign(payload.as_bytes())).expect("a good token");
        for key in ["claim/a", "group/a", "denied/a", "own/acme/a"] {
            assert!(self.is_permitted(&caller, key), "{key}");
        }
        assert!(!self.is_permitted(&caller, "email/a"));
    }

    fn check_that_every_key_is_used(&self) {
        for (algorithm, key) in [("RS256", "rsa"), ("ES256", "p256"), ("EdDSA", "ed25519")] {
            let header = format!(r#"{{"alg":"{algorithm}","kid":"{key}"}}"#);
            let value = authorization(header.as_bytes(), PAYLOAD, b"none");
            let token = BearerToken::from_authorization(&value).expect("a bearer token");
            assert_eq!(self.refusal(token), Rejection::SignatureInvalid.into());
        }
    }
}

/// A key set. The private keys of the first issuer were deleted.
#[derive(Debug)]
struct Keys(Vec<u8>);

#[async_trait]
impl KeySource for Keys {
    async fn fetch(&self) -> Result<KeyDocument, KeySourceError> {
        Ok(KeyDocument { bytes: self.0.clone(), max_age: None })
    }
}
