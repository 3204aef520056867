//! An issuer for tests: generated keys, signed tokens, and a key source that can fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Map, Value, json};

use super::{Algorithm, Authenticator, IssuerSettings, IssuerVerifier, KeyDocument, KeySource, KeySourceError};

pub(super) const ISSUER: &str = "https://issuer.example";
pub(super) const AUDIENCE: &str = "access-broker";
pub(super) const SUBJECT: &str = "user-one";

/// The size of the token cache in tests.
pub(super) const TOKEN_CACHE_BYTES: u64 = 1 << 20;

/// The time of all tests, in seconds since 1970.
pub(super) const NOW: u64 = 1_800_000_000;

pub(super) static RSA: LazyLock<TestKey> = LazyLock::new(TestKey::rsa);
pub(super) static OTHER_RSA: LazyLock<TestKey> = LazyLock::new(TestKey::rsa);
pub(super) static P256: LazyLock<TestKey> = LazyLock::new(TestKey::p256);
pub(super) static P384: LazyLock<TestKey> = LazyLock::new(TestKey::p384);
pub(super) static ED25519: LazyLock<TestKey> = LazyLock::new(TestKey::ed25519);

pub(super) struct TestKey {
    private: EncodingKey,
    algorithm: Algorithm,
    public: Value,
}

impl TestKey {
    fn rsa() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        // jsonwebtoken needs the PKCS #1 structure, which is the last member of the PKCS #8 one, at byte 26.
        let private = EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..]);
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        let public = json!({"kty": "RSA", "n": base64url(&public.n), "e": base64url(&public.e)});
        Self { private, algorithm: Algorithm::Rs256, public }
    }

    pub(super) fn p256() -> Self {
        Self::ec(&ECDSA_P256_SHA256_FIXED_SIGNING, Algorithm::Es256, "P-256")
    }

    pub(super) fn p384() -> Self {
        Self::ec(&ECDSA_P384_SHA384_FIXED_SIGNING, Algorithm::Es384, "P-384")
    }

    fn ec(signing: &'static EcdsaSigningAlgorithm, algorithm: Algorithm, curve: &str) -> Self {
        let pair = EcdsaKeyPair::generate(signing).unwrap();
        let private = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        let (x, y) = {
            let point = &pair.public_key().as_ref()[1..];
            point.split_at(point.len() / 2)
        };
        let public = json!({"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)});
        Self { private, algorithm, public }
    }

    pub(super) fn ed25519() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let private = EncodingKey::from_ed_der(pair.to_pkcs8().unwrap().as_ref());
        let public = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref())});
        Self { private, algorithm: Algorithm::EdDsa, public }
    }

    /// The public key with only the members that its type needs.
    pub(super) fn bare_jwk(&self) -> Value {
        self.public.clone()
    }

    /// The public key as an issuer publishes it.
    pub(super) fn jwk(&self, key_id: &str) -> Value {
        self.jwk_for(key_id, self.algorithm)
    }

    pub(super) fn jwk_for(&self, key_id: &str, algorithm: Algorithm) -> Value {
        let more = json!({"kid": key_id, "use": "sig", "alg": algorithm.name()});
        with(&self.public, &more)
    }

    /// The public key as another program reads it.
    pub(super) fn decoding_key(&self) -> jsonwebtoken::DecodingKey {
        jsonwebtoken::DecodingKey::from_jwk(&serde_json::from_value(self.bare_jwk()).unwrap()).unwrap()
    }

    pub(super) fn token(&self, key_id: &str, claims: &Value) -> String {
        self.token_for(key_id, self.algorithm, claims)
    }

    pub(super) fn token_for(&self, key_id: &str, algorithm: Algorithm, claims: &Value) -> String {
        let mut header = Header::new(algorithm.to_jsonwebtoken());
        header.kid = Some(key_id.to_owned());
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }

    /// Signs any two texts as header and payload.
    pub(super) fn sign(&self, header: &str, payload: &str) -> String {
        self.sign_for(self.algorithm, header, payload)
    }

    pub(super) fn sign_for(&self, algorithm: Algorithm, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", base64url(header), base64url(payload));
        let algorithm = algorithm.to_jsonwebtoken();
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.private, algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

pub(super) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

pub(super) fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "iat": NOW - 60, "exp": NOW + 600})
}

/// The object with members of another object added or, if they are null, removed.
pub(super) fn with(object: &Value, changes: &Value) -> Value {
    let mut members: Map<String, Value> = object.as_object().unwrap().clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    Value::Object(members)
}

pub(super) fn key_document(keys: &[Value]) -> Vec<u8> {
    json!({"keys": keys}).to_string().into_bytes()
}

pub(super) fn settings() -> IssuerSettings {
    IssuerSettings::oidc(ISSUER, vec![AUDIENCE.to_owned()])
}

/// An authenticator with one issuer, which has these keys and keeps them fresh, and their source.
pub(super) async fn authenticator(settings: IssuerSettings, keys: &[Value]) -> (Authenticator, Arc<FakeKeySource>) {
    let source = FakeKeySource::new(Answer::Keys(key_document(keys)));
    let verifier = IssuerVerifier::with_key_source(settings, Box::new(Arc::clone(&source))).unwrap();
    verifier.keys().refresh().await.unwrap();
    let keys = Arc::clone(verifier.keys());
    tokio::spawn(async move { keys.keep_fresh().await });
    (Authenticator::new(vec![Arc::new(verifier)], TOKEN_CACHE_BYTES).unwrap(), source)
}

/// What a [`FakeKeySource`] does when it is asked.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Keys(Vec<u8>),
    KeysFor(Vec<u8>, Duration),
    KeysAfter(Vec<u8>, Duration),
    Failure,
    Nothing,
}

/// A key source that counts how often it is asked.
#[derive(Debug)]
pub(super) struct FakeKeySource {
    answer: Mutex<Answer>,
    fetches: AtomicUsize,
}

impl FakeKeySource {
    pub(super) fn new(answer: Answer) -> Arc<Self> {
        Arc::new(Self { answer: Mutex::new(answer), fetches: AtomicUsize::new(0) })
    }

    pub(super) fn answer_with(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(super) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl KeySource for Arc<FakeKeySource> {
    async fn fetch(&self) -> Result<KeyDocument, KeySourceError> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Answer::Keys(bytes) => Ok(KeyDocument { bytes, max_age: None }),
            Answer::KeysFor(bytes, max_age) => Ok(KeyDocument { bytes, max_age: Some(max_age) }),
            Answer::KeysAfter(bytes, delay) => {
                tokio::time::sleep(delay).await;
                Ok(KeyDocument { bytes, max_age: None })
            }
            Answer::Failure => Err(KeySourceError::Status(500)),
            Answer::Nothing => std::future::pending().await,
        }
    }
}
