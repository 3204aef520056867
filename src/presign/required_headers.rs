//! Headers that a bucket wants with every request.

use super::account_id::AccountId;
use super::signed_headers::{SignedHeaderError, SignedHeaders};

/// What every request to a bucket must carry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequiredHeaders {
    /// The account that owns the bucket: S3 refuses the request if it is another one's by now
    /// ([AWS: bucket owner condition](https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html)).
    pub expected_bucket_owner: Option<AccountId>,
    /// Whether the signer's account pays for the transfer
    /// ([AWS: requester pays](https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html)).
    pub requester_pays: bool,
}

impl RequiredHeaders {
    pub(super) fn add_to(&self, headers: &mut SignedHeaders) -> Result<(), SignedHeaderError> {
        if let Some(owner) = &self.expected_bucket_owner {
            headers.insert("x-amz-expected-bucket-owner", owner.as_str())?;
        }
        if self.requester_pays {
            headers.insert("x-amz-request-payer", "requester")?;
        }
        Ok(())
    }
}
