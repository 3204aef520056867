//! Hexadecimal digits in lower case.

/// Bytes as hexadecimal digits, two for each byte.
#[must_use]
pub fn lower_hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        hex.push(digit(byte >> 4).into());
        hex.push(digit(byte & 0x0F).into());
    }
    hex
}

/// 32 bytes, such as a SHA-256 digest or an HMAC-SHA-256 tag, without an allocation. Further bytes are ignored; for
/// fewer, zero bytes follow the digits.
// Called for every signature, from another crate.
#[inline]
#[must_use]
pub fn lower_hex_of_32(bytes: &[u8]) -> [u8; 64] {
    let mut hex = [0; 64];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0x0F)]);
    }
    hex
}

#[inline]
const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        let all: Vec<u8> = (0..=255).collect();
        let hex = lower_hex(&all);
        assert_eq!(hex.len(), 512);
        for (byte, digits) in all.iter().zip(hex.as_bytes().chunks(2)) {
            assert_eq!(digits, format!("{byte:02x}").as_bytes());
        }
        assert_eq!(lower_hex(&[]), "");
    }

    #[test]
    fn digest_is_lower_case_hexadecimal() {
        let mut bytes = [0; 32];
        bytes[0] = 0xAB;
        bytes[31] = 0x0F;
        let hex = String::from_utf8(lower_hex_of_32(&bytes).to_vec()).unwrap();
        assert_eq!(hex, format!("ab{}0f", "00".repeat(30)));
        assert_eq!(hex, lower_hex(&bytes));
    }
}
