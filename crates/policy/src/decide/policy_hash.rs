//! The hash that identifies a policy.

use std::fmt;

use access_broker_base::hex::lower_hex_of_32;

/// SHA-256 of a policy: of its file's text and, if the policy can use variables, of their names and values.
///
/// Without variables it is what `sha256sum` prints for the file. Equal hashes mean equal policies, so it can be compared
/// between servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicyHash(pub(crate) [u8; 32]);

impl PolicyHash {
    /// The 32 bytes of the digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PolicyHash {
    /// 64 hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lower_hex_of_32(&self.0).iter().try_for_each(|digit| fmt::Write::write_char(f, char::from(*digit)))
    }
}
