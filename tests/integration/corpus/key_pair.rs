//! Key pairs that are made for one run.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{encoding::PublicKeyX509Der, hmac};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use super::members::Members;

pub(super) enum KeyPair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret([u8; 32]),
}

impl KeyPair {
    /// Makes a pair of the kind that its name begins with.
    pub(super) fn generate(name: &str) -> Self {
        let ecdsa = |signing: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::generate(signing).unwrap();
        match name.split_once('-').unwrap().0 {
            "rsa" => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
            "p256" => Self::P256(ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING)),
            "p384" => Self::P384(ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING)),
            "ed25519" => Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
            "secret" => {
                let mut secret = [0; 32];
                rand::fill(&mut secret).unwrap();
                Self::Secret(secret)
            }
            kind => panic!("no kind of key pair is called {kind}"),
        }
    }

    /// The public key, or the secret, with the members that its type needs.
    pub(super) fn jwk(&self) -> Members {
        let members = |pairs: &[(&str, &str)]| {
            pairs.iter().fold(Members::default(), |members, (name, value)| members.with_text(name, value))
        };
        match self {
            Self::Rsa(pair) => {
                let e = pair.public_key().exponent().big_endian_without_leading_zero();
                members(&[("kty", "RSA"), ("n", &base64url(&self.raw())), ("e", &base64url(e))])
            }
            Self::P256(_) | Self::P384(_) => {
                let curve = if matches!(self, Self::P256(_)) { "P-256" } else { "P-384" };
                let point = self.raw();
                let (x, y) = point[1..].split_at(point.len() / 2);
                members(&[("kty", "EC"), ("crv", curve), ("x", &base64url(x)), ("y", &base64url(y))])
            }
            Self::Ed25519(_) => members(&[("kty", "OKP"), ("crv", "Ed25519"), ("x", &base64url(&self.raw()))]),
            Self::Secret(secret) => members(&[("kty", "oct"), ("k", &base64url(secret))]),
        }
    }

    /// The modulus of an RSA key, the point of any other, or the secret.
    pub(super) fn raw(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => pair.public_key().modulus().big_endian_without_leading_zero().to_vec(),
            Self::P256(pair) | Self::P384(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Self::Secret(secret) => secret.to_vec(),
        }
    }

    /// The public key as `SubjectPublicKeyInfo` (RFC 5280 section 4.1).
    pub(super) fn der(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rsa(pair) => pair.public_key().as_der().unwrap(),
            Self::P256(pair) | Self::P384(pair) => pair.public_key().as_der().unwrap(),
            Self::Ed25519(pair) => pair.public_key().as_der().unwrap(),
            Self::Secret(_) => panic!("a secret has no public half"),
        };
        der.as_ref().to_vec()
    }

    /// The same as PEM (RFC 7468 section 13).
    pub(super) fn pem(&self) -> String {
        let text = BASE64_STANDARD.encode(self.der());
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// Signs as `alg` says (RFC 7518 section 3.1).
    pub(super) fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let rsa = |pair: &RsaKeyPair, encoding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
            signature
        };
        match (self, algorithm) {
            (Self::Rsa(pair), "RS256") => rsa(pair, &RSA_PKCS1_SHA256),
            (Self::Rsa(pair), "RS384") => rsa(pair, &RSA_PKCS1_SHA384),
            (Self::Rsa(pair), "RS512") => rsa(pair, &RSA_PKCS1_SHA512),
            (Self::Rsa(pair), "PS256") => rsa(pair, &RSA_PSS_SHA256),
            (Self::Rsa(pair), "PS384") => rsa(pair, &RSA_PSS_SHA384),
            (Self::Rsa(pair), "PS512") => rsa(pair, &RSA_PSS_SHA512),
            (Self::P256(pair), "ES256") | (Self::P384(pair), "ES384") => {
                pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
            }
            (Self::Ed25519(pair), "EdDSA") => pair.sign(message).as_ref().to_vec(),
            (Self::Secret(secret), "HS256") => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
            _ => panic!("this key cannot sign for {algorithm}"),
        }
    }
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
