//! Keys that are made for one run, by the algorithms that the providers sign with.

use std::collections::BTreeMap;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The keys that were needed so far, by algorithm and number.
#[derive(Default)]
pub(super) struct SigningKeys(BTreeMap<(String, usize), SigningKey>);

impl SigningKeys {
    pub(super) fn get(&mut self, algorithm: &str, number: usize) -> &SigningKey {
        self.0.entry((algorithm.to_owned(), number)).or_insert_with(|| SigningKey::generate(algorithm))
    }
}

/// A key pair.
pub(super) enum SigningKey {
    Rsa(RsaKeyPair),
    /// With the name of its curve.
    Elliptic(EcdsaKeyPair, &'static str),
}

impl SigningKey {
    fn generate(algorithm: &str) -> Self {
        let (signing, curve) = match algorithm {
            "RS256" => return Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
            "ES256" => (&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            "ES384" => (&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            other => panic!("no provider signs with {other}"),
        };
        Self::Elliptic(EcdsaKeyPair::generate(signing).unwrap(), curve)
    }

    /// The public key, without `kid`, `alg` and `use`.
    pub(super) fn jwk(&self) -> Value {
        match self {
            Self::Rsa(pair) => {
                let key = pair.public_key();
                let number = |number: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(number);
                let modulus = number(key.modulus().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "n": modulus, "e": number(key.exponent().big_endian_without_leading_zero()) })
            }
            Self::Elliptic(pair, curve) => {
                // The point without compression: 4, then the coordinates (SEC 1 section 2.3.3).
                let coordinates = &pair.public_key().as_ref()[1..];
                let (x, y) = coordinates.split_at(coordinates.len() / 2);
                let [x, y] = [x, y].map(|coordinate| BASE64_URL_SAFE_NO_PAD.encode(coordinate));
                json!({ "kty": "EC", "crv": curve, "x": x, "y": y })
            }
        }
    }

    /// A token in compact form (RFC 7515 section 3.1).
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let [header, claims] = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            Self::Elliptic(pair, _) => pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}
