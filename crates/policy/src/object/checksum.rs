//! Checksums that bind an upload to its content.

use std::fmt;

use thiserror::Error;

/// An algorithm that S3 verifies on upload
/// ([AWS: checking object integrity](https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChecksumAlgorithm {
    /// CRC-32, 4 bytes big-endian.
    Crc32,
    /// CRC-32C (Castagnoli), 4 bytes big-endian.
    Crc32c,
    /// CRC-64/NVME, 8 bytes big-endian.
    Crc64Nvme,
    /// MD5, 16 bytes.
    Md5,
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
}

impl ChecksumAlgorithm {
    /// Every algorithm, in the order of their names.
    pub const ALL: [Self; 6] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Md5, Self::Sha1, Self::Sha256];

    /// The name used in policy files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64Nvme => "crc64nvme",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// By a name in lower case, such as `crc64nvme`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The length of the raw checksum in bytes.
    #[must_use]
    pub const fn byte_length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The request header, in lower case, that carries the checksum in base64.
    #[must_use]
    pub const fn header_name(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Md5 => "content-md5",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }
}

impl fmt::Display for ChecksumAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A checksum of the right length for its algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    algorithm: ChecksumAlgorithm,
    bytes: Box<[u8]>,
}

impl Checksum {
    /// A checksum from its raw bytes.
    ///
    /// # Errors
    ///
    /// When the number of bytes is not the algorithm's.
    pub fn new(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Result<Self, ChecksumLengthError> {
        if bytes.len() == algorithm.byte_length() {
            Ok(Self { algorithm, bytes: bytes.into() })
        } else {
            Err(ChecksumLengthError { algorithm })
        }
    }

    /// The algorithm; the value has its length.
    #[must_use]
    pub const fn algorithm(&self) -> ChecksumAlgorithm {
        self.algorithm
    }

    /// The raw bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A checksum of the wrong length for its algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be exactly {} raw bytes for {algorithm}", algorithm.byte_length())]
pub struct ChecksumLengthError {
    algorithm: ChecksumAlgorithm,
}
