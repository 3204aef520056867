//! Hexadecimal digits in lower case.

/// The digit of a number below 16.
pub(crate) const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

/// Two digits for each byte.
pub(crate) fn lower(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).map(|nibble| char::from(digit(nibble))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits_in_lower_case() {
        for byte in 0..=u8::MAX {
            assert_eq!(lower(&[byte]), format!("{byte:02x}"));
        }
        assert_eq!(lower(&[]), "");
        assert_eq!(lower(&[0xAB, 0x0C]), "ab0c");
    }
}
