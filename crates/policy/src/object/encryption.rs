//! How S3 encrypts the uploads of a tier.

use super::header_text::HeaderText;

/// Server-side encryption. It comes from the tier, never from a caller
/// ([AWS: specifying encryption](https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// Which keys encrypt.
    pub algorithm: EncryptionAlgorithm,
    /// The ID or ARN of the KMS key. `None`: the account's key for S3.
    pub kms_key_id: Option<HeaderText>,
    /// The encryption context as in the header: base64 of a JSON object.
    pub context: Option<HeaderText>,
    /// Whether S3 can use a bucket key, which saves requests to KMS.
    pub bucket_key: Option<bool>,
}

/// The value of `x-amz-server-side-encryption`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionAlgorithm {
    /// `AES256`: SSE-S3.
    Aes256,
    /// `aws:kms`: SSE-KMS.
    Kms,
    /// `aws:kms:dsse`: two layers of SSE-KMS.
    KmsDualLayer,
}

impl EncryptionAlgorithm {
    /// The header's value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256 => "AES256",
            Self::Kms => "aws:kms",
            Self::KmsDualLayer => "aws:kms:dsse",
        }
    }
}
