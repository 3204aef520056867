//! Percent-encoding by the rules of Signature Version 4.

/// Appends an object key as a URL path: each byte other than `A-Z a-z 0-9 - . _ ~ /` becomes `%XX`, upper case, once
/// ([AWS: `UriEncode`](https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html)).
pub(crate) fn push_encoded_path(out: &mut String, path: &str) {
    push_encoded(out, path, |byte| is_unreserved(byte) || byte == b'/');
}

/// Appends a query name or value: like a path, but `/` is encoded as well. A space is `%20`, never `+`.
pub(crate) fn push_encoded_query(out: &mut String, text: &str) {
    push_encoded(out, text, is_unreserved);
}

/// A query name or value, encoded.
pub(crate) fn encoded_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    push_encoded_query(&mut out, text);
    out
}

/// The characters that Signature Version 4 does not encode (RFC 3986 section 2.3).
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
}

fn push_encoded(out: &mut String, text: &str, stays: impl Fn(u8) -> bool) {
    let mut rest = text;
    loop {
        let run = rest.bytes().position(|byte| !stays(byte)).unwrap_or(rest.len());
        // Unencoded characters are ASCII, so a run of them ends at a character boundary.
        let Some((plain, tail)) = rest.split_at_checked(run) else { return };
        out.push_str(plain);
        let mut characters = tail.chars();
        let Some(character) = characters.next() else { return };
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            out.push('%');
            out.push(char::from(upper_hex_digit(byte >> 4)));
            out.push(char::from(upper_hex_digit(byte & 0x0F)));
        }
        rest = characters.as_str();
    }
}

const fn upper_hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> String {
        let mut out = String::new();
        push_encoded_path(&mut out, text);
        out
    }

    #[test]
    fn unreserved_characters_stay() {
        let unreserved = "ABCXYZabcxyz0189-._~";
        assert_eq!(path(unreserved), unreserved);
        assert_eq!(encoded_query(unreserved), unreserved);
    }

    #[test]
    fn slash_stays_in_a_path_and_not_in_a_query() {
        assert_eq!(path("a/b"), "a/b");
        assert_eq!(encoded_query("a/b"), "a%2Fb");
    }

    #[test]
    fn space_is_never_a_plus() {
        assert_eq!(path("a b+c"), "a%20b%2Bc");
        assert_eq!(encoded_query("a b+c"), "a%20b%2Bc");
    }

    #[test]
    fn percent_is_encoded_even_where_it_looks_encoded() {
        assert_eq!(path("100%25"), "100%2525");
    }

    #[test]
    fn every_byte_of_a_character_is_encoded() {
        assert_eq!(path("é"), "%C3%A9");
        assert_eq!(path("e\u{301}🦀א"), "e%CC%81%F0%9F%A6%80%D7%90");
    }

    #[test]
    fn every_other_ascii_character_is_encoded_upper_case() {
        for byte in (0x20..0x7F_u8).filter(|byte| !is_unreserved(*byte)) {
            assert_eq!(encoded_query(&char::from(byte).to_string()), format!("%{byte:02X}"));
        }
    }
}
