//! The file with the checksum of another file, as `sha256sum` writes it.

use thiserror::Error;

use super::Digest;

/// The SHA-256 that a file should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksum(Digest);

/// Why a checksum does not confirm a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChecksumProblem {
    /// The file with the checksum has an invalid format.
    #[error("does not hold one SHA-256 in hex, as sha256sum writes it")]
    Malformed,
    /// The content has another SHA-256.
    #[error("is the checksum of another content")]
    Wrong,
}

impl Checksum {
    /// Reads one line: 64 hex digits, and after white space a name, which is ignored.
    ///
    /// # Errors
    ///
    /// `Malformed`.
    pub fn parse(text: &[u8]) -> Result<Self, ChecksumProblem> {
        let text = str::from_utf8(text).map_err(|_| ChecksumProblem::Malformed)?.trim();
        let hex = text.split_ascii_whitespace().next().unwrap_or_default();
        if text.lines().count() != 1 || hex.len() != 64 {
            return Err(ChecksumProblem::Malformed);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let mut digits = pair.iter().map(|digit| char::from(*digit).to_digit(16));
            let value = digits.try_fold(0, |value, digit| Some(value * 16 + digit?));
            *byte = value.and_then(|value| u8::try_from(value).ok()).ok_or(ChecksumProblem::Malformed)?;
        }
        Ok(Self(Digest::from_bytes(bytes)))
    }

    /// Checks that a content has this SHA-256.
    ///
    /// # Errors
    ///
    /// `Wrong`.
    pub fn check(self, content: &[u8]) -> Result<(), ChecksumProblem> {
        if Digest::sha256(content) == self.0 { Ok(()) } else { Err(ChecksumProblem::Wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of "a policy\n", by `sha256sum`.
    const HEX: &str = "8f20683e4c9e991589cad8b12dbd690d94972e3638de384889ef7524abb0e11b";

    #[test]
    fn the_forms_of_sha256sum_are_read() {
        let content = b"a policy\n";
        for text in [
            HEX.to_owned(),
            format!("{HEX}\n"),
            format!("{HEX}  policy.toml\n"),
            format!("{HEX} *policy.toml\r\n"),
            HEX.to_uppercase(),
        ] {
            let checksum = Checksum::parse(text.as_bytes()).unwrap();
            assert_eq!(checksum.check(content), Ok(()), "{text}");
            assert_eq!(checksum.check(b"a policy"), Err(ChecksumProblem::Wrong));
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        let short = &HEX[..63];
        for text in ["", "\n", short, &format!("{short}g"), &format!("{HEX}0"), &format!("{HEX}\n{HEX}"), "policy.toml"]
        {
            assert_eq!(Checksum::parse(text.as_bytes()), Err(ChecksumProblem::Malformed), "{text}");
        }
        assert_eq!(Checksum::parse(&[0xFF; 64]), Err(ChecksumProblem::Malformed));
    }
}
