//! Tokens from somebody who has no key.
//!
//! An input of three lines is the header, the payload and the signature of a token, which are encoded here; where one
//! of the first two is empty, one that nothing is wrong with takes its place. Any other input is the value of
//! `authorization`.

#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use access_broker::identity::{
    Algorithm, AuthenticationError, Authenticator, BearerToken, IssuerSettings, IssuerVerifier, KeyDocument, KeySource,
    KeySourceError, Rejection,
};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

/// The seconds since 1970 at which every input is read.
const NOW: u64 = 1_800_000_000;
const HEADER: &[u8] = br#"{"alg":"RS256","kid":"rsa"}"#;
const PAYLOAD: &[u8] = br#"{"iss":"https://issuer.example","aud":"access-broker","sub":"a","exp":1800000600}"#;

static SERVICE: LazyLock<Service> = LazyLock::new(Service::start);

fuzz_target!(|input: &[u8]| {
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

struct Service {
    runtime: Runtime,
    authenticator: Authenticator,
}

impl Service {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let settings = IssuerSettings {
            algorithms: vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa],
            ..IssuerSettings::oidc("https://issuer.example", vec!["access-broker".to_owned()])
        };
        let verifier = IssuerVerifier::with_key_source(settings, Box::new(PublicKeys)).expect("valid settings");
        let keys = Arc::clone(verifier.keys());
        runtime.block_on(keys.refresh()).expect("usable keys");
        // Without it, every token with an unknown key would wait its second in vain.
        runtime.spawn(async move { keys.keep_fresh().await });
        let service =
            Self { runtime, authenticator: Authenticator::new(vec![Arc::new(verifier)], 0).expect("one issuer") };
        service.check_that_every_key_is_used();
        service
    }

    /// Why the token is not accepted.
    ///
    /// # Panics
    ///
    /// When it is: nobody has the private half of any of the keys.
    fn refusal(&self, token: BearerToken<'_>) -> AuthenticationError {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        let result = self.runtime.block_on(self.authenticator.authenticate(token.as_str(), now));
        result.expect_err("a token without a signature of the issuer's was accepted")
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

/// Keys whose private halves were thrown away.
#[derive(Debug)]
struct PublicKeys;

#[async_trait]
impl KeySource for PublicKeys {
    async fn fetch(&self) -> Result<KeyDocument, KeySourceError> {
        Ok(KeyDocument { bytes: include_bytes!("../public-keys.json").to_vec(), max_age: None })
    }
}
