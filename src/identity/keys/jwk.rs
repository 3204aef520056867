//! One JSON Web Key.

use std::fmt;

use aws_lc_rs::signature::{self as primitive, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use thiserror::Error;

use super::{KeyRules, KeyUse, roca};
use crate::identity::algorithm::Algorithm;
use crate::identity::token::MAX_KEY_ID_BYTES;

/// Members that only a private or symmetric key has (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1).
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const RSA_MODULUS_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// The longest RSA exponent that the cryptographic library takes; usual ones have 17 bits.
const MAX_RSA_EXPONENT_BITS: usize = 33;

/// A public key that verifies signatures of exactly one algorithm
/// ([RFC 8725 section 3.1](https://www.rfc-editor.org/rfc/rfc8725#section-3.1)).
pub(in crate::identity) struct VerificationKey {
    key_id: Option<String>,
    algorithm: Algorithm,
    public: ParsedPublicKey,
}

impl PartialEq for VerificationKey {
    fn eq(&self, other: &Self) -> bool {
        self.key_id == other.key_id
            && self.algorithm == other.algorithm
            && self.public.as_ref() == other.public.as_ref()
    }
}

impl VerificationKey {
    /// Takes a public signature key that fits the rules.
    pub(super) fn from_jwk(jwk: &Map<String, Value>, rules: &KeyRules) -> Result<Self, SkipReason> {
        let allowed = rules.algorithms.as_slice();
        let kind = text(jwk, "kty")?;
        if kind == "oct" {
            return Err(SkipReason::Symmetric);
        }
        if SECRET_MEMBERS.iter().any(|name| jwk.contains_key(*name)) {
            return Err(SkipReason::PrivateMembers);
        }
        check_purpose(jwk, rules.key_use)?;
        let key_id = optional_text(jwk, "kid")?;
        if key_id.is_some_and(|key_id| key_id.len() > MAX_KEY_ID_BYTES) {
            return Err(SkipReason::KeyIdTooLong);
        }
        let stated = match optional_text(jwk, "alg")? {
            None => None,
            Some(name) => Some(Algorithm::parse(name).ok_or(SkipReason::UnsupportedAlgorithm)?),
        };
        let (algorithm, public) = match kind {
            "RSA" => {
                let algorithm = stated.or_else(|| rsa_algorithm(allowed)).ok_or(SkipReason::AlgorithmNotAllowed)?;
                (algorithm, rsa_key(jwk, algorithm)?)
            }
            "EC" => match text(jwk, "crv")? {
                "P-256" => (Algorithm::Es256, ec_key(jwk, 32, &primitive::ECDSA_P256_SHA256_FIXED)?),
                "P-384" => (Algorithm::Es384, ec_key(jwk, 48, &primitive::ECDSA_P384_SHA384_FIXED)?),
                _ => return Err(SkipReason::UnsupportedCurve),
            },
            "OKP" => match text(jwk, "crv")? {
                "Ed25519" => (Algorithm::EdDsa, ed25519_key(jwk)?),
                _ => return Err(SkipReason::UnsupportedCurve),
            },
            _ => return Err(SkipReason::UnsupportedKeyType),
        };
        if stated.is_some_and(|stated| stated != algorithm) {
            return Err(SkipReason::AlgorithmMismatch);
        }
        if !allowed.contains(&algorithm) {
            return Err(SkipReason::AlgorithmNotAllowed);
        }
        Ok(Self { key_id: key_id.map(str::to_owned), algorithm, public })
    }

    pub(in crate::identity) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    pub(in crate::identity) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` over `message` was made with the private half of this key.
    pub(in crate::identity) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("key_id", &self.key_id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Why a key is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum SkipReason {
    /// Not a JSON object with distinct member names.
    #[error("is not a JSON object with distinct member names")]
    NotAnObject,
    /// A member is missing or has the wrong JSON type.
    #[error("has a member that is missing or of the wrong type")]
    MalformedMember,
    /// Another key of the set has the same `kid`.
    #[error("shares its kid with another key")]
    DuplicateKeyId,
    /// `kid` is over 256 bytes.
    #[error("has a kid over 256 bytes")]
    KeyIdTooLong,
    /// `kty` is `oct`: whoever can read the set could sign with it.
    #[error("is symmetric")]
    Symmetric,
    /// A private key was published.
    #[error("has private members")]
    PrivateMembers,
    /// `use` is not the one that the issuer's keys have, or `key_ops` lacks `verify`.
    #[error("is not for verifying signatures")]
    NotForVerifying,
    /// `kty` is not `RSA`, `EC` or `OKP`.
    #[error("is of an unsupported type")]
    UnsupportedKeyType,
    /// `crv` is not `P-256`, `P-384` or `Ed25519`.
    #[error("is on an unsupported curve")]
    UnsupportedCurve,
    /// `alg` is not an [`Algorithm`].
    #[error("is for an unsupported algorithm")]
    UnsupportedAlgorithm,
    /// `alg` does not go with `kty` and `crv`.
    #[error("is for an algorithm that does not fit its type or curve")]
    AlgorithmMismatch,
    /// The issuer's configuration does not allow the algorithm, or leaves open which one an RSA key is for.
    #[error("is for an algorithm that the issuer's configuration does not allow")]
    AlgorithmNotAllowed,
    /// The RSA modulus does not have 2,048 to 8,192 bits.
    #[error("has an RSA modulus of fewer than 2,048 or more than 8,192 bits")]
    ModulusSize,
    /// The RSA exponent is even, below 3 or over 33 bits.
    #[error("has an unsafe RSA exponent")]
    ExponentUnsafe,
    /// The RSA modulus has the fingerprint of keys that can be factored (CVE-2017-15361).
    #[error("is an RSA key of the kind that can be factored (CVE-2017-15361)")]
    Factorable,
    /// A coordinate has the wrong length, or the point is not on the curve, or the modulus is even.
    #[error("is not a valid public key")]
    InvalidKey,
}

/// `use` and `key_ops` (RFC 7517 sections 4.2 and 4.3).
fn check_purpose(jwk: &Map<String, Value>, key_use: KeyUse) -> Result<(), SkipReason> {
    let stated = optional_text(jwk, "use")?;
    let fits = match key_use {
        KeyUse::Signature => stated.is_none_or(|stated| stated == "sig"),
        KeyUse::JwtSvid => stated == Some("jwt-svid"),
    };
    if !fits {
        return Err(SkipReason::NotForVerifying);
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(Value::Array(_)) => Err(SkipReason::NotForVerifying),
        Some(_) => Err(SkipReason::MalformedMember),
    }
}

/// The algorithm of an RSA key that does not say.
fn rsa_algorithm(allowed: &[Algorithm]) -> Option<Algorithm> {
    let mut candidates = allowed.iter().copied().filter(|algorithm| algorithm.is_rsa());
    match (candidates.next(), candidates.next()) {
        (only, None) => only,
        _ => allowed.contains(&Algorithm::Rs256).then_some(Algorithm::Rs256),
    }
}

fn rsa_key(jwk: &Map<String, Value>, algorithm: Algorithm) -> Result<ParsedPublicKey, SkipReason> {
    let parameters = match algorithm {
        Algorithm::Rs256 => &primitive::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &primitive::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &primitive::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &primitive::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &primitive::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &primitive::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return Err(SkipReason::AlgorithmMismatch),
    };
    let modulus = unsigned_integer(jwk, "n")?;
    let exponent = unsigned_integer(jwk, "e")?;
    if !RSA_MODULUS_BITS.contains(&bits(&modulus)) {
        return Err(SkipReason::ModulusSize);
    }
    let is_one = exponent == [1];
    if is_even(&exponent) || is_one || bits(&exponent) > MAX_RSA_EXPONENT_BITS {
        return Err(SkipReason::ExponentUnsafe);
    }
    if roca::has_fingerprint(&modulus) {
        return Err(SkipReason::Factorable);
    }
    if is_even(&modulus) {
        return Err(SkipReason::InvalidKey);
    }
    let components = primitive::RsaPublicKeyComponents { n: &modulus, e: &exponent };
    components.to_parsed_public_key(parameters).map_err(|_| SkipReason::InvalidKey)
}

fn ec_key(
    jwk: &Map<String, Value>,
    coordinate_bytes: usize,
    algorithm: &'static primitive::EcdsaVerificationAlgorithm,
) -> Result<ParsedPublicKey, SkipReason> {
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    if x.len() != coordinate_bytes || y.len() != coordinate_bytes {
        return Err(SkipReason::InvalidKey);
    }
    // SEC 1 section 2.3.3: 4 stands for an uncompressed point.
    let point = [[4].as_slice(), &x, &y].concat();
    ParsedPublicKey::new(algorithm, &point).map_err(|_| SkipReason::InvalidKey)
}

fn ed25519_key(jwk: &Map<String, Value>) -> Result<ParsedPublicKey, SkipReason> {
    let x = bytes(jwk, "x")?;
    if x.len() != primitive::ED25519_PUBLIC_KEY_LEN {
        return Err(SkipReason::InvalidKey);
    }
    ParsedPublicKey::new(&primitive::ED25519, &x).map_err(|_| SkipReason::InvalidKey)
}

/// A `Base64urlUInt` (RFC 7518 section 2): big-endian, without leading zeros.
fn unsigned_integer(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, SkipReason> {
    let bytes = bytes(jwk, name)?;
    if bytes.first().is_none_or(|&first| first == 0) { Err(SkipReason::MalformedMember) } else { Ok(bytes) }
}

fn bits(big_endian: &[u8]) -> usize {
    let leading_zeros = big_endian.first().map_or(0, |first| first.leading_zeros() as usize);
    big_endian.len() * 8 - leading_zeros
}

fn is_even(big_endian: &[u8]) -> bool {
    big_endian.last().is_none_or(|last| last % 2 == 0)
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, SkipReason> {
    URL_SAFE_NO_PAD.decode(text(jwk, name)?).map_err(|_| SkipReason::MalformedMember)
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Result<&'a str, SkipReason> {
    optional_text(jwk, name)?.ok_or(SkipReason::MalformedMember)
}

fn optional_text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, SkipReason> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(SkipReason::MalformedMember),
    }
}
