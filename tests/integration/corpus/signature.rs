//! The third part of a token: the right one, and the ways to get it wrong.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::prelude::BASE64_STANDARD_NO_PAD;

use super::data::{Secret, Signature};
use super::key_pair::{KeyPair, base64url};

/// The order of P-256 (NIST SP 800-186 section 3.2.1.3), big-endian.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The order of edwards25519 (RFC 8032 section 5.1), little-endian.
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Who signs, and as what.
pub(super) struct Signer<'a> {
    pub(super) pair: &'a KeyPair,
    pub(super) algorithm: &'a str,
    /// The public key as it is published.
    pub(super) jwk: &'a str,
}

impl Signer<'_> {
    /// The third part of a token, for its first two.
    pub(super) fn third_part(&self, signature: &Signature, message: &[u8]) -> String {
        let own = || self.pair.sign(self.algorithm, message);
        let hmac = |algorithm, secret: Secret| {
            let key = hmac::Key::new(algorithm, &self.known_bytes(secret));
            base64url(hmac::sign(&key, message).as_ref())
        };
        match signature {
            Signature::Own => base64url(&own()),
            Signature::Empty => String::new(),
            Signature::Text(text) => text.clone(),
            Signature::Hs256(secret) => hmac(hmac::HMAC_SHA256, *secret),
            Signature::Hs384(secret) => hmac(hmac::HMAC_SHA384, *secret),
            Signature::Hs512(secret) => hmac(hmac::HMAC_SHA512, *secret),
            Signature::OfAnotherToken => base64url(&self.pair.sign(self.algorithm, &[message, b"x"].concat())),
            Signature::Zeros => base64url(&vec![0; own().len()]),
            Signature::Truncated => base64url(own().split_last().unwrap().1),
            Signature::Extended => base64url(&[own().as_slice(), &[0]].concat()),
            Signature::BitFlipped => base64url(&bit_flipped(own())),
            Signature::HalvesSwapped => base64url(&halves_swapped(&own())),
            Signature::NegatedS => base64url(&negated_s(&own())),
            Signature::OrderAdded => base64url(&order_added(&own())),
            Signature::Der => base64url(&der(&own())),
            Signature::Padded => format!("{}==", base64url(&own())),
            Signature::NonCanonical => non_canonical(&base64url(&own())),
            Signature::StandardAlphabet => in_standard_alphabet(own),
        }
    }

    fn known_bytes(&self, secret: Secret) -> Vec<u8> {
        match secret {
            Secret::Pem => self.pair.pem().into_bytes(),
            Secret::PemWithoutLastNewline => self.pair.pem().trim_end().into(),
            Secret::Der => self.pair.der(),
            Secret::Jwk => self.jwk.into(),
            Secret::Raw => self.pair.raw(),
            Secret::Nothing => Vec::new(),
        }
    }
}

fn bit_flipped(mut signature: Vec<u8>) -> Vec<u8> {
    let middle = signature.len() / 2;
    signature[middle] ^= 1;
    signature
}

fn halves_swapped(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    [s, r].concat()
}

/// The other valid signature of P-256 with the same `r`: with `n - s` for `s`.
fn negated_s(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(P256_ORDER.len());
    let mut negated = P256_ORDER;
    let mut borrow = false;
    for (digit, subtracted) in negated.iter_mut().zip(s).rev() {
        let (difference, first) = digit.overflowing_sub(*subtracted);
        let (difference, second) = difference.overflowing_sub(u8::from(borrow));
        (*digit, borrow) = (difference, first || second);
    }
    [r, &negated].concat()
}

/// The signature that a verifier of Ed25519 takes as well if it does not check that `S` is below the order.
fn order_added(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(ED25519_ORDER.len());
    let mut carry = 0;
    let sum = s.iter().zip(ED25519_ORDER).map(|(digit, added)| {
        let [low, high] = (u16::from(*digit) + u16::from(added) + carry).to_le_bytes();
        carry = u16::from(high);
        low
    });
    [r, &sum.collect::<Vec<_>>()].concat()
}

/// The form that ECDSA signatures have outside JOSE: a sequence of two integers (RFC 3279 section 2.2.3).
fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |half: &[u8]| {
        let digits: Vec<u8> = half.iter().copied().skip_while(|&digit| digit == 0).collect();
        let sign = if digits[0] >= 0x80 { vec![0] } else { vec![] };
        [vec![2, u8::try_from(sign.len() + digits.len()).unwrap()], sign, digits].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let content = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(content.len()).unwrap()], content].concat()
}

/// The same bytes in another spelling: with bits in the last character that no byte has.
fn non_canonical(segment: &str) -> String {
    assert_ne!(segment.len() % 4, 0, "the last character has no unused bits");
    let (rest, last) = segment.split_at(segment.len() - 1);
    let alphabet = URL_SAFE.as_str();
    let next = alphabet.find(last).unwrap() + 1;
    format!("{rest}{}", &alphabet[next..=next])
}

/// The signature of a randomised algorithm, with `+` and `/` where base64url has `-` and `_`.
fn in_standard_alphabet(sign: impl Fn() -> Vec<u8>) -> String {
    let mut segments = (0..100).map(|_| BASE64_STANDARD_NO_PAD.encode(sign()));
    segments.find(|segment| segment.contains(['+', '/'])).unwrap()
}
