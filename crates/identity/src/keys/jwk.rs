//! One JSON Web Key.

use std::fmt;

use aws_lc_rs::signature::{self as primitive, ParsedPublicKey};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jsonwebtoken::{DecodingKey, DecodingKeyKind};
use serde_json::{Map, Value};
use thiserror::Error;

use super::edwards::{self, BadPoint};
use super::{KeyRules, KeyUse, roca, signature};
use crate::algorithm::Algorithm;

/// Members that only a private or symmetric key has (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1).
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The longest `kid`, in bytes.
pub(crate) const MAX_KEY_ID_BYTES: usize = 256;

const RSA_MODULUS_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// The longest RSA exponent that the cryptographic library accepts; usual ones have 17 bits.
const MAX_RSA_EXPONENT_BITS: usize = 33;

/// Base64url by RFC 7515 section 2, and also with padding, which some issuers add.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A public key that verifies signatures of exactly one algorithm
/// ([RFC 8725 section 3.1](https://www.rfc-editor.org/rfc/rfc8725#section-3.1)).
#[derive(Clone)]
pub(crate) struct VerificationKey {
    key_id: Option<String>,
    algorithm: Algorithm,
    public: DecodingKey,
}

/// Equal keys verify the same tokens.
impl PartialEq for VerificationKey {
    fn eq(&self, other: &Self) -> bool {
        self.key_id == other.key_id && self.algorithm == other.algorithm && self.has_public_key_of(other)
    }
}

impl VerificationKey {
    /// Imports a public signature key that fits the rules.
    pub(super) fn from_jwk(jwk: &Map<String, Value>, rules: &KeyRules) -> Result<Self, SkipReason> {
        let allowed = rules.algorithms.as_slice();
        let kind = text(jwk, "kty")?;
        if kind == "oct" {
            return Err(SkipReason::Symmetric);
        }
        if SECRET_MEMBERS.iter().any(|name| jwk.get(*name).is_some_and(|value| !value.is_null())) {
            return Err(SkipReason::PrivateMembers);
        }
        check_purpose(jwk, rules.key_use)?;
        if let Some(issuer) = &rules.issuer
            && optional_text(jwk, "issuer")?.is_some_and(|named| !issuer.is_named_by(named))
        {
            return Err(SkipReason::OtherIssuer);
        }
        let key_id = optional_text(jwk, "kid")?;
        if key_id.is_some_and(|key_id| key_id.len() > MAX_KEY_ID_BYTES) {
            return Err(SkipReason::KeyIdTooLong);
        }
        let stated = match optional_text(jwk, "alg")? {
            None => None,
            Some(Algorithm::NOT_YET) => return Err(SkipReason::Es512),
            Some(name) => Some(Algorithm::parse(name).ok_or(SkipReason::UnsupportedAlgorithm)?),
        };
        let (algorithm, public) = match kind {
            "RSA" => {
                let algorithm = stated.or_else(|| rsa_algorithm(allowed)).ok_or(SkipReason::AlgorithmNotAllowed)?;
                (algorithm, rsa_key(jwk, algorithm)?)
            }
            "EC" => match text(jwk, "crv")? {
                "P-256" => (Algorithm::Es256, ec_key::<32>(jwk, &primitive::ECDSA_P256_SHA256_FIXED)?),
                "P-384" => (Algorithm::Es384, ec_key::<48>(jwk, &primitive::ECDSA_P384_SHA384_FIXED)?),
                "P-521" => return Err(SkipReason::Es512),
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

    pub(crate) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether both have the same public key, regardless of name and algorithm.
    pub(super) fn has_public_key_of(&self, other: &Self) -> bool {
        use DecodingKeyKind::{RsaModulusExponent, SecretOrDer};
        match (self.public.kind(), other.public.kind()) {
            (RsaModulusExponent { n, e }, RsaModulusExponent { n: other_n, e: other_e }) => {
                n == other_n && e == other_e
            }
            (SecretOrDer(point), SecretOrDer(other_point)) => {
                self.public.family() == other.public.family() && point == other_point
            }
            _ => false,
        }
    }

    /// Whether `signature`, in base64url, over `message` was made with the private half of this key.
    pub(crate) fn has_signed(&self, message: &str, signature: &str) -> bool {
        signature::is_valid(signature, message, &self.public, self.algorithm)
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

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum SkipReason {
    /// Not a JSON object with distinct member names.
    #[error("is not a JSON object with distinct member names")]
    NotAnObject,
    /// The named member is missing, has the wrong JSON type, or is not valid base64url.
    #[error("has an invalid member {0:?}: it is missing, of the wrong type or malformed")]
    MalformedMember(&'static str),
    /// A different key of the set has the same `kid` and the same algorithm.
    #[error("has the kid and the algorithm of a different key")]
    DuplicateKeyId,
    /// `kid` is over 256 bytes.
    #[error("has a kid over 256 bytes")]
    KeyIdTooLong,
    /// `kty` is `oct`: every reader of the set could sign with it.
    #[error("is symmetric")]
    Symmetric,
    /// A private key was published.
    #[error("has private members")]
    PrivateMembers,
    /// `use` has another value than the issuer's keys must have, or `key_ops` lacks `verify`.
    #[error("is not for verifying signatures")]
    NotForVerifying,
    /// The key names another issuer, or another tenant of it.
    #[error("is for another issuer or tenant")]
    OtherIssuer,
    /// `kty` is not `RSA`, `EC` or `OKP`.
    #[error("is of an unsupported type")]
    UnsupportedKeyType,
    /// `crv` is not `P-256`, `P-384` or `Ed25519`.
    #[error("is on an unsupported curve")]
    UnsupportedCurve,
    /// `alg` is not an [`Algorithm`].
    #[error("is for an unsupported algorithm")]
    UnsupportedAlgorithm,
    /// `alg` is `ES512` or `crv` is `P-521`: the cryptographic library cannot verify it yet.
    #[error("is for ES512 (P-521), which cannot be verified yet")]
    Es512,
    /// `alg` does not match `kty` and `crv`.
    #[error("is for an algorithm that does not fit its type or curve")]
    AlgorithmMismatch,
    /// The issuer's configuration does not list the algorithm, or the algorithm of an RSA key is ambiguous.
    #[error("is for an algorithm that the issuer's setting algorithms does not list")]
    AlgorithmNotAllowed,
    /// The RSA modulus does not have 2,048 to 8,192 bits.
    #[error("has an RSA modulus of fewer than 2,048 or more than 8,192 bits")]
    ModulusSize,
    /// The RSA exponent is even, below 3 or over 33 bits.
    #[error("has an unsafe RSA exponent")]
    ExponentUnsafe,
    /// The RSA modulus has the fingerprint of keys that can be factored (CVE-2017-15361).
    #[error("is an RSA key that can be factored (CVE-2017-15361)")]
    Factorable,
    /// An Ed25519 key has small order: signatures that it accepts can be made without the private key.
    #[error("is an Ed25519 key of small order, whose signatures can be forged")]
    SmallOrder,
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
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(Value::Array(_)) => Err(SkipReason::NotForVerifying),
        Some(_) => Err(SkipReason::MalformedMember("key_ops")),
    }
}

/// The algorithm of an RSA key without `alg`.
fn rsa_algorithm(allowed: &[Algorithm]) -> Option<Algorithm> {
    let mut candidates = allowed.iter().copied().filter(|algorithm| algorithm.is_rsa());
    match (candidates.next(), candidates.next()) {
        (only, None) => only,
        _ => allowed.contains(&Algorithm::Rs256).then_some(Algorithm::Rs256),
    }
}

fn rsa_key(jwk: &Map<String, Value>, algorithm: Algorithm) -> Result<DecodingKey, SkipReason> {
    if !algorithm.is_rsa() {
        return Err(SkipReason::AlgorithmMismatch);
    }
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
    // jsonwebtoken does not check a key, so this does. The choice of the RSA algorithm does not matter for that.
    let components = primitive::RsaPublicKeyComponents { n: &modulus, e: &exponent };
    let parsed = components.to_parsed_public_key(&primitive::RSA_PKCS1_2048_8192_SHA256);
    parsed.map_err(|_| SkipReason::InvalidKey)?;
    Ok(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

/// A point of a curve whose coordinates have this number of bytes.
fn ec_key<const COORDINATE_BYTES: usize>(
    jwk: &Map<String, Value>,
    algorithm: &'static primitive::EcdsaVerificationAlgorithm,
) -> Result<DecodingKey, SkipReason> {
    // SEC 1 section 2.3.3: 4 means an uncompressed point.
    let mut point = vec![4];
    for name in ["x", "y"] {
        point.extend(coordinate::<COORDINATE_BYTES>(&bytes(jwk, name)?).ok_or(SkipReason::InvalidKey)?);
    }
    ParsedPublicKey::new(algorithm, &point).map_err(|_| SkipReason::InvalidKey)?;
    Ok(DecodingKey::from_ec_der(&point))
}

/// A number in its full length (RFC 7518 section 6.2.1.2). Some issuers omit leading zeros or add one: the number is
/// the same.
fn coordinate<const BYTES: usize>(big_endian: &[u8]) -> Option<[u8; BYTES]> {
    let digits = without_leading_zeros(big_endian);
    let mut number = [0; BYTES];
    number.get_mut(BYTES.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    (!big_endian.is_empty()).then_some(number)
}

fn ed25519_key(jwk: &Map<String, Value>) -> Result<DecodingKey, SkipReason> {
    let x = bytes(jwk, "x")?;
    let point = x.as_slice().try_into().map_err(|_| SkipReason::InvalidKey)?;
    edwards::check(point).map_err(|problem| match problem {
        BadPoint::NotOnCurve => SkipReason::InvalidKey,
        BadPoint::SmallOrder => SkipReason::SmallOrder,
    })?;
    ParsedPublicKey::new(&primitive::ED25519, &x).map_err(|_| SkipReason::InvalidKey)?;
    Ok(DecodingKey::from_ed_der(&x))
}

/// A `Base64urlUInt` (RFC 7518 section 2): big-endian. Leading zeros are removed: it should have none, but issuers with
/// signed numbers add one to about half of all moduli.
fn unsigned_integer(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, SkipReason> {
    let bytes = bytes(jwk, name)?;
    let digits = without_leading_zeros(&bytes);
    if digits.is_empty() { Err(SkipReason::MalformedMember(name)) } else { Ok(digits.to_vec()) }
}

fn without_leading_zeros(big_endian: &[u8]) -> &[u8] {
    let zeros = big_endian.iter().take_while(|&&byte| byte == 0).count();
    big_endian.get(zeros..).unwrap_or_default()
}

fn bits(big_endian: &[u8]) -> usize {
    let leading_zeros = big_endian.first().map_or(0, |first| first.leading_zeros() as usize);
    big_endian.len() * 8 - leading_zeros
}

fn is_even(big_endian: &[u8]) -> bool {
    big_endian.last().is_none_or(|last| last % 2 == 0)
}

/// Base64url. The alphabet of plain base64 and padding are accepted as well: the meaning is unambiguous.
fn bytes(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, SkipReason> {
    let text = text(jwk, name)?.replace('+', "-").replace('/', "_");
    LENIENT_BASE64.decode(text).map_err(|_| SkipReason::MalformedMember(name))
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, SkipReason> {
    optional_text(jwk, name)?.ok_or(SkipReason::MalformedMember(name))
}

fn optional_text<'a>(jwk: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, SkipReason> {
    match jwk.get(name) {
        // Some libraries write all members that they know, with null for an absent one.
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(SkipReason::MalformedMember(name)),
    }
}
