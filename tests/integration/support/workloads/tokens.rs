//! Tokens of an OIDC issuer and of a SPIFFE trust domain, signed with one key.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Value, json};

pub(crate) use crate::support::{AUDIENCE, ISSUER};

const KEY_ID: &str = "a";

/// An ES256 key.
pub(crate) struct TokenKey(KeyPair);

impl TokenKey {
    pub(crate) fn generate() -> Self {
        Self(KeyPair::generate().unwrap())
    }

    /// The public key as a JWK set, for a `use` (RFC 7517 section 4.2).
    pub(crate) fn jwks(&self, key_use: &str) -> Value {
        // The point without compression: 4, then the coordinates (SEC 1 section 2.3.3).
        let (x, y) = self.0.public_key_raw()[1..].split_at(32);
        let coordinate = |bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "kid": KEY_ID, "use": key_use, "x": coordinate(x), "y": coordinate(y),
        });
        json!({ "keys": [jwk] })
    }

    /// A token of a person.
    pub(crate) fn of_person(&self, subject: &str) -> String {
        self.sign(&json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": in_ten_minutes() }))
    }

    /// A token of a person that is of use only over a connection with this client certificate.
    pub(crate) fn of_person_bound_to(&self, subject: &str, certificate: &[u8]) -> String {
        let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, certificate));
        let bound = json!({ "x5t#S256": thumbprint });
        self.sign(&json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": in_ten_minutes(), "cnf": bound }))
    }

    /// The JWT-SVID of a workload.
    pub(crate) fn of_workload(&self, id: &str) -> String {
        self.sign(&json!({ "aud": AUDIENCE, "sub": id, "exp": in_ten_minutes() }))
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(self.0.serialized_der())).unwrap()
    }
}

/// In seconds since 1970.
pub(crate) fn in_ten_minutes() -> u64 {
    let end = SystemTime::now() + Duration::from_mins(10);
    end.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}
