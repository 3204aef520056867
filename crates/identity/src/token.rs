//! Parses a token as compact JWS.

use std::fmt;
use std::mem;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::claim_path::ClaimPath;
use super::json;
use super::keys::{MAX_KEY_ID_BYTES, VerificationKey};
use super::rejection::Rejection;

/// The largest token of any configuration, in bytes: that of `limits.max_metadata_size`. A larger one is rejected before
/// it is decoded.
pub(crate) const MAX_TOKEN_BYTES: usize = 64 * 1_024;

/// The largest header segment, in bytes of base64url.
const MAX_HEADER_SEGMENT_BYTES: usize = 2 * 1_024;

/// Header members that are not implemented: a token with any of them is rejected
/// (RFC 7515 section 4.1.11, RFC 7797 section 3, RFC 7516 section 4.1.2).
const UNSUPPORTED_HEADER_MEMBERS: [&str; 3] = ["crit", "b64", "enc"];

/// The `zip` of a token that is not compressed, as the access manager of Ping Identity writes it into signed tokens.
/// `zip` is a member for encrypted tokens (RFC 7516 section 4.1.3), so every other value is rejected.
const NOT_COMPRESSED: &str = "NONE";

/// A well-formed token: a JWS in compact serialisation with a JSON object as its payload
/// ([RFC 7515 section 7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)). It is not verified yet.
///
/// Keys and key URLs in the header (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
pub(super) struct CompactToken<'a> {
    header: TokenHeader,
    signing_input: &'a str,
    /// Base64url of at least one byte.
    signature: &'a str,
    claims: Map<String, Value>,
}

impl<'a> CompactToken<'a> {
    /// Takes a token apart.
    pub(super) fn parse(token: &'a str) -> Result<Self, Rejection> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::TokenTooLarge);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Rejection::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(Rejection::Malformed)?;
        if header.len() > MAX_HEADER_SEGMENT_BYTES {
            return Err(Rejection::HeaderMalformed);
        }
        let header = decode(header)?;
        let payload = decode(payload)?;
        decode(signature)?;
        let header = TokenHeader::read(&header)?;
        let claims = json::parse_object(&payload).map_err(|_| Rejection::ClaimsMalformed)?;
        Ok(Self { header, signing_input, signature, claims })
    }

    pub(super) const fn header(&self) -> &TokenHeader {
        &self.header
    }

    /// An unverified claim. It is used only to select the issuer whose rules then apply.
    pub(super) fn unverified_claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// Verifies the signature with each key until one matches. Then moves the claims out of the token.
    pub(super) fn verify(&mut self, keys: &[&VerificationKey]) -> Result<SignedClaims, Rejection> {
        let fitting = || keys.iter().filter(|key| key.algorithm() == self.header.algorithm);
        if fitting().next().is_none() {
            return Err(Rejection::AlgorithmNotAllowed);
        }
        if fitting().any(|key| key.has_signed(self.signing_input, self.signature)) {
            Ok(SignedClaims(mem::take(&mut self.claims)))
        } else {
            Err(Rejection::SignatureInvalid)
        }
    }
}

impl fmt::Debug for CompactToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompactToken").field("algorithm", &self.header.algorithm).finish_non_exhaustive()
    }
}

/// The claims of a token whose signature was verified. Only [`CompactToken::verify`] makes this.
pub(super) struct SignedClaims(Map<String, Value>);

impl SignedClaims {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Whether a claim on the way to this path is there and is no object.
    pub(super) fn has_other_than_objects_before(&self, path: &ClaimPath) -> bool {
        let Some(([first, inner @ ..], _)) = path.names().split_last().map(|(last, before)| (before, last)) else {
            return false;
        };
        let mut outer = self.0.get(&**first);
        for name in inner {
            outer = match outer {
                Some(Value::Object(members)) => members.get(&**name),
                _ => break,
            };
        }
        outer.is_some_and(|outer| !outer.is_object() && !outer.is_null())
    }

    /// The claim at this path. A claim inside a list has none.
    pub(super) fn find(&self, path: &ClaimPath) -> Option<&Value> {
        let (first, inner) = path.names().split_first()?;
        inner.iter().try_fold(self.0.get(&**first)?, |outer, name| outer.as_object()?.get(&**name))
    }

    pub(super) const fn members(&self) -> &Map<String, Value> {
        &self.0
    }
}

#[cfg(test)]
impl From<Map<String, Value>> for SignedClaims {
    fn from(claims: Map<String, Value>) -> Self {
        Self(claims)
    }
}

fn decode(segment: &str) -> Result<Vec<u8>, Rejection> {
    if segment.is_empty() {
        return Err(Rejection::Malformed);
    }
    URL_SAFE_NO_PAD.decode(segment).map_err(|_| Rejection::Malformed)
}

/// The header members of a token (RFC 7515 section 4) that are used.
pub(super) struct TokenHeader {
    /// `alg`.
    pub(super) algorithm: Algorithm,
    /// `kid`.
    pub(super) key_id: Option<String>,
    /// `typ`.
    pub(super) token_type: Option<TokenType>,
    /// Whether there are members other than `alg`, `kid` and `typ`.
    pub(super) has_other_members: bool,
}

impl TokenHeader {
    fn read(text: &[u8]) -> Result<Self, Rejection> {
        let mut header = json::parse_object(text).map_err(|_| Rejection::HeaderMalformed)?;
        let is_compressed = header.get("zip").is_some_and(|zip| zip != NOT_COMPRESSED);
        if is_compressed || UNSUPPORTED_HEADER_MEMBERS.iter().any(|name| header.contains_key(*name)) {
            return Err(Rejection::HeaderUnsupported);
        }
        let token_type = match header.remove("typ") {
            None => None,
            Some(Value::String(name)) => Some(TokenType::parse(&name).ok_or(Rejection::TypeNotAllowed)?),
            Some(_) => return Err(Rejection::HeaderMalformed),
        };
        let algorithm = match header.remove("alg") {
            Some(Value::String(name)) => Algorithm::parse(&name).ok_or(Rejection::AlgorithmNotAllowed)?,
            _ => return Err(Rejection::HeaderMalformed),
        };
        let key_id = match header.remove("kid") {
            None => None,
            Some(Value::String(key_id)) if key_id.len() <= MAX_KEY_ID_BYTES => Some(key_id),
            Some(_) => return Err(Rejection::HeaderMalformed),
        };
        Ok(Self { algorithm, key_id, token_type, has_other_members: !header.is_empty() })
    }
}

/// The values that `typ` may have. Any other value means a token for another purpose, such as a logout token or a
/// `DPoP` proof (RFC 8725 section 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenType {
    /// A JWT (RFC 7519 section 5.1).
    Jwt,
    /// An access token (RFC 9068 section 2.1).
    AccessToken,
    /// A JWS in compact serialisation (RFC 7515 section 4.1.9).
    Jose,
}

impl TokenType {
    /// Reads a media type, in any case, with or without `application/`.
    fn parse(media_type: &str) -> Option<Self> {
        const PREFIX: &str = "application/";
        let subtype = match media_type.split_at_checked(PREFIX.len()) {
            Some((prefix, subtype)) if prefix.eq_ignore_ascii_case(PREFIX) => subtype,
            _ => media_type,
        };
        let names = [("jwt", Self::Jwt), ("at+jwt", Self::AccessToken), ("jose", Self::Jose)];
        names.into_iter().find(|(name, _)| subtype.eq_ignore_ascii_case(name)).map(|(_, token_type)| token_type)
    }
}

#[cfg(test)]
mod tests;
