//! The key that the embedded issuer signs with.

use std::fmt;

use anyhow::{Context, anyhow};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// An RSA key of 2,048 bits that lives as long as the process, for RS256 (RFC 7518 section 3.3).
pub(super) struct SigningKey {
    key_pair: KeyPair,
    /// The protected header of every token, already encoded: `kid` and `alg`, as Cognito has it.
    encoded_header: String,
    jwks: Value,
}

impl SigningKey {
    /// Generates a key. This takes some tenths of a second: do not call it on an async thread.
    pub(super) fn generate() -> anyhow::Result<Self> {
        let key_pair = KeyPair::generate(KeySize::Rsa2048).context("cannot make an RSA key")?;
        let public_key = key_pair.public_key();
        let n = URL_SAFE_NO_PAD.encode(public_key.modulus().big_endian_without_leading_zero());
        let e = URL_SAFE_NO_PAD.encode(public_key.exponent().big_endian_without_leading_zero());
        let key_id = thumbprint(&n, &e);
        let header = json!({ "kid": key_id, "alg": "RS256" });
        let encoded_header = URL_SAFE_NO_PAD.encode(header.to_string());
        let jwk = json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": key_id, "n": n, "e": e });
        Ok(Self { key_pair, encoded_header, jwks: json!({ "keys": [jwk] }) })
    }

    /// The public key as a JWK set (RFC 7517 section 5).
    pub(super) const fn jwks(&self) -> &Value {
        &self.jwks
    }

    /// Signs a payload as a compact JWS (RFC 7515 section 7.1).
    pub(super) fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        let signing_input = format!("{}.{}", self.encoded_header, URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.key_pair.public_modulus_len()];
        self.key_pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signing_input.as_bytes(), &mut signature)
            .map_err(|_| anyhow!("cannot sign a token"))?;
        Ok(format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("jwks", &self.jwks).finish_non_exhaustive()
    }
}

/// The thumbprint of an RSA key from its encoded parameters (RFC 7638 section 3.2: these members, in this order,
/// without spaces).
fn thumbprint(n: &str, e: &str) -> String {
    let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7638 section 3.1.
    #[test]
    fn thumbprint_is_that_of_the_rfc() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        assert_eq!(thumbprint(n, "AQAB"), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn debug_output_holds_the_public_key_only() {
        let key = SigningKey::generate().unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains("\"n\"") || shown.contains("AQAB"), "{shown}");
        assert!(!shown.contains("key_pair"), "{shown}");
    }
}
