//! The fingerprint of RSA keys that can be factored.

/// The odd primes whose product divides the constant of the faulty generator.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

const GENERATOR: u32 = 65_537;

/// Whether an RSA modulus (big-endian) was made by the generator of CVE-2017-15361, whose keys can be factored
/// ([Nemec et al.: The Return of Coppersmith's Attack](https://crocs.fi.muni.cz/public/papers/rsa_ccs17), section 2.2).
///
/// Such a modulus is a power of 65,537 modulo each of many small primes. Any other modulus has this property by chance
/// with a probability of 2^-154.
pub(super) fn has_fingerprint(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|&prime| is_power_of_generator(remainder(modulus, prime), prime))
}

fn remainder(modulus: &[u8], prime: u32) -> u32 {
    modulus.iter().fold(0, |remainder, &byte| (remainder * 256 + u32::from(byte)) % prime)
}

fn is_power_of_generator(value: u32, prime: u32) -> bool {
    let mut power = 1;
    loop {
        if power == value {
            return true;
        }
        power = power * (GENERATOR % prime) % prime;
        if power == 1 {
            return false;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RsaKeyPair, RsaPublicKeyComponents};

    use super::*;

    /// 65,537 to the power of 128: a modulus of 2,049 bits that has the property for every prime.
    pub(in crate::keys) fn modulus_with_fingerprint() -> Vec<u8> {
        let mut little_endian = vec![1_u8];
        for _ in 0..128 {
            // Times 65,537: the number plus the number shifted by two bytes.
            let shifted: Vec<u8> = [0, 0].into_iter().chain(little_endian.iter().copied()).collect();
            little_endian.resize(shifted.len() + 1, 0);
            let mut carry = 0;
            for (index, byte) in little_endian.iter_mut().enumerate() {
                let sum = u16::from(*byte) + u16::from(shifted.get(index).copied().unwrap_or(0)) + carry;
                *byte = sum.to_le_bytes()[0];
                carry = sum >> 8;
            }
            while little_endian.last() == Some(&0) {
                little_endian.pop();
            }
        }
        little_endian.reverse();
        little_endian
    }

    #[test]
    fn a_power_of_the_generator_has_the_fingerprint() {
        let modulus = modulus_with_fingerprint();
        assert_eq!(modulus.len(), 257);
        assert!(has_fingerprint(&modulus));
        let mut other = modulus;
        other[256] ^= 2;
        assert!(!has_fingerprint(&other));
    }

    #[test]
    fn a_key_of_another_generator_has_not() {
        for _ in 0..3 {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
            assert!(!has_fingerprint(&public.n));
        }
    }
}
