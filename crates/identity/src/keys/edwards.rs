//! Points of the curve of Ed25519: checks that a public key is valid and not of small order.
//!
//! The cryptographic library accepts any 32 bytes as a key. A key of small order accepts signatures that can be made
//! without a private key: for the neutral element, one constant signature is valid for each message.

/// Why 32 bytes are not a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadPoint {
    /// No point of the curve has this encoding (RFC 8032 section 5.1.3).
    NotOnCurve,
    /// The order of the point is 1, 2, 4 or 8.
    SmallOrder,
}

/// Checks that the bytes are the only encoding of a point of the curve, and that its order is not small.
///
/// The curve is -x² + y² = 1 + d·x²·y². A key is y, the lowest byte first, with the sign of x in the highest bit.
pub(super) fn check(key: [u8; 32]) -> Result<(), BadPoint> {
    let mut bytes = key;
    bytes[31] &= 0x7f;
    let y = Residue::from_bytes(bytes);
    let y2 = y.times(y);
    // The points whose eightfold is the neutral element: those with y = 1, y = -1 and y = 0, and the halves of the
    // last, for which x² = -y², hence d·y⁴ + 2·y² = 1.
    let halves = D.times(y2).times(y2).plus(y2).plus(y2);
    if y == Residue::ZERO || y2 == Residue::ONE || halves == Residue::ONE {
        return Err(BadPoint::SmallOrder);
    }
    // After the check above: a value over p that encodes such a y is reported as of small order.
    if y.canonical() != y.0 {
        return Err(BadPoint::NotOnCurve);
    }
    // x² = (y² - 1) / (d·y² + 1), which is a square if numerator times denominator is a square. The denominator is not
    // zero, because -1/d is not a square; the numerator is not zero, because y is neither 1 nor -1.
    let product = y2.minus(Residue::ONE).times(D.times(y2).plus(Residue::ONE));
    if product.is_square() { Ok(()) } else { Err(BadPoint::NotOnCurve) }
}

/// d = -121665/121666 (RFC 8032 section 5.1).
const D: Residue =
    Residue([0x75eb_4dca_1359_78a3, 0x0070_0a4d_4141_d8ab, 0x8cc7_4079_7779_e898, 0x5203_6cee_2b6f_fe73]);

/// A number modulo p = 2²⁵⁵ - 19: four digits of 64 bits, the lowest first. Several values below 2²⁵⁶ represent the
/// same number.
///
/// Not in constant time: public keys are not secret.
#[derive(Debug, Clone, Copy)]
struct Residue([u64; 4]);

impl Residue {
    const ZERO: Self = Self([0; 4]);
    const ONE: Self = Self([1, 0, 0, 0]);
    const P: [u64; 4] = [0xffff_ffff_ffff_ffed, u64::MAX, u64::MAX, 0x7fff_ffff_ffff_ffff];
    /// (p - 1) / 2
    const HALF: [u64; 4] = [0xffff_ffff_ffff_fff6, u64::MAX, u64::MAX, 0x3fff_ffff_ffff_ffff];
    /// 2²⁵⁶ modulo p
    const FOLD: u64 = 38;

    fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut digits = [0; 4];
        for (digit, bytes) in digits.iter_mut().zip(bytes.as_chunks().0) {
            *digit = u64::from_le_bytes(*bytes);
        }
        Self(digits)
    }

    fn plus(self, other: Self) -> Self {
        let mut sum = [0; 4];
        let mut carry = false;
        for (digit, (a, b)) in sum.iter_mut().zip(self.0.into_iter().zip(other.0)) {
            (*digit, carry) = a.carrying_add(b, carry);
        }
        Self::folded(sum, carry.into())
    }

    fn minus(self, other: Self) -> Self {
        // -1 = p - 1
        let minus_one = Self([Self::P[0] - 1, Self::P[1], Self::P[2], Self::P[3]]);
        self.plus(other.times(minus_one))
    }

    fn times(self, other: Self) -> Self {
        let mut wide = [0_u64; 8];
        for (i, a) in self.0.into_iter().enumerate() {
            let mut carry = 0;
            for (j, b) in other.0.into_iter().enumerate() {
                (wide[i + j], carry) = a.carrying_mul_add(b, wide[i + j], carry);
            }
            wide[i + 4] = carry;
        }
        let mut sum = [0; 4];
        let mut carry = 0;
        for (i, digit) in sum.iter_mut().enumerate() {
            (*digit, carry) = wide[i + 4].carrying_mul_add(Self::FOLD, wide[i], carry);
        }
        Self::folded(sum, carry)
    }

    /// `digits` plus `carry` times 2²⁵⁶. `carry` is small.
    fn folded(digits: [u64; 4], carry: u64) -> Self {
        let mut sum = digits;
        let mut rest = carry * Self::FOLD;
        // A second round follows only where the first one went over 2²⁵⁶, and then the sum is below 2¹².
        while rest != 0 {
            let mut carry = false;
            (sum[0], carry) = sum[0].carrying_add(rest, carry);
            for digit in &mut sum[1..] {
                (*digit, carry) = digit.carrying_add(0, carry);
            }
            rest = if carry { Self::FOLD } else { 0 };
        }
        Self(sum)
    }

    /// The digits of the number itself, below p.
    fn canonical(self) -> [u64; 4] {
        let mut digits = self.0;
        // At most twice: 2²⁵⁶ is below 3·p.
        loop {
            let mut difference = [0; 4];
            let mut borrow = false;
            for (digit, (a, b)) in difference.iter_mut().zip(digits.into_iter().zip(Self::P)) {
                (*digit, borrow) = a.borrowing_sub(b, borrow);
            }
            if borrow {
                return digits;
            }
            digits = difference;
        }
    }

    /// Euler's criterion: a number other than zero is a square if its power to (p - 1) / 2 is 1.
    fn is_square(self) -> bool {
        let mut power = Self::ONE;
        for bit in (0..256_usize).rev() {
            power = power.times(power);
            if Self::HALF[bit / 64] >> (bit % 64) & 1 == 1 {
                power = power.times(self);
            }
        }
        power == Self::ONE
    }
}

impl PartialEq for Residue {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

    use super::*;

    /// Encodings of the points of small order, without the sign of x. Each represents two points or, if x is zero, one
    /// point with a second encoding. libsodium refuses these in its function `ge25519_has_small_order`.
    pub(in crate::keys) const SMALL_ORDER: [&str; 7] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];

    pub(in crate::keys) fn unhex(text: &str) -> [u8; 32] {
        let byte = |index: usize| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).unwrap();
        std::array::from_fn(byte)
    }

    fn number(value: u64) -> Residue {
        Residue([value, 0, 0, 0])
    }

    #[test]
    fn arithmetic_is_modulo_p() {
        let p = Residue(Residue::P);
        assert_eq!(p, Residue::ZERO);
        let largest = Residue([u64::MAX; 4]);
        assert_eq!(largest, number(37));
        assert_eq!(largest.plus(largest), number(74));
        assert_eq!(largest.times(largest), number(37 * 37));
        assert_eq!(number(3).minus(number(5)).plus(number(2)), Residue::ZERO);
        assert_eq!(D.times(number(121_666)).plus(number(121_665)), Residue::ZERO);
        // The first digits carry into the last.
        let half = Residue([0, 0, 0, 1 << 62]);
        assert_eq!(half.plus(half), number(19));
        // 2^255 - 19 is a prime of the form 8k + 5: 4 and -1 are squares, 2 is not.
        let minus_one = Residue::ZERO.minus(Residue::ONE);
        assert!(number(4).is_square() && minus_one.is_square() && !number(2).is_square());
        assert!(!D.is_square(), "which makes the addition of the curve complete");
    }

    #[test]
    fn every_encoding_of_a_point_of_small_order_is_refused() {
        for text in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut key = unhex(text);
                key[31] |= sign;
                assert_eq!(check(key), Err(BadPoint::SmallOrder), "{text} {sign}");
            }
        }
    }

    /// The list above is complete: the equations have no other solution below 2²⁵⁵.
    #[test]
    fn the_points_of_small_order_are_those_that_the_curve_has() {
        let of_order_eight: Vec<Residue> =
            SMALL_ORDER[2..4].iter().map(|text| Residue::from_bytes(unhex(text))).collect();
        // d·z² + 2·z = 1 has two solutions z, and y² = z has two if z is a square. The two numbers are one pair.
        assert_eq!(of_order_eight[0].plus(of_order_eight[1]), Residue::ZERO);
        let z = of_order_eight[0].times(of_order_eight[0]);
        assert_eq!(D.times(z).times(z).plus(z).plus(z), Residue::ONE);
        // The product of the two z is -1/d. So the other z is not a square and gives no y.
        assert!(!D.times(z).is_square());
    }

    /// Why the check is needed: the library accepts signatures that were made without a private key.
    #[test]
    fn the_library_accepts_a_constant_signature_for_the_neutral_element() {
        let mut signature = [0; 64];
        signature[0] = 1;
        let key = UnparsedPublicKey::new(&ED25519, unhex(SMALL_ORDER[1]));
        assert!(key.verify(b"anything", &signature).is_ok() && key.verify(b"another", &signature).is_ok());
    }

    #[test]
    fn a_value_over_p_is_not_an_encoding() {
        // p + 2 to p + 18 and 2^255 - 1; p and p + 1 are of small order.
        for last in 0xef..=0xff_u8 {
            let mut key = [0xff; 32];
            (key[0], key[31]) = (last, 0x7f);
            assert_eq!(check(key), Err(BadPoint::NotOnCurve), "{last}");
        }
    }

    #[test]
    fn a_value_without_a_point_is_refused_and_keys_are_not() {
        // RFC 8032 section 5.1: the base point, y = 4/5.
        let base = unhex("5866666666666666666666666666666666666666666666666666666666666666");
        assert_eq!(check(base), Ok(()));
        // y = 2: (4 - 1) / (4·d + 1) is not a square.
        let mut two = [0; 32];
        two[0] = 2;
        assert_eq!(check(two), Err(BadPoint::NotOnCurve));
        for _ in 0..50 {
            let pair = Ed25519KeyPair::generate().unwrap();
            assert_eq!(check(pair.public_key().as_ref().try_into().unwrap()), Ok(()));
        }
        // About half of all values have a point.
        let on_curve = (3..=255_u8).filter(|low| {
            let mut key = [0; 32];
            key[0] = *low;
            check(key).is_ok()
        });
        assert!((90..=160).contains(&on_curve.count()));
    }
}
