//! Headers and parameters that a bucket requires.

use crate::sigv4::QueryParameter;
use crate::sigv4::{SignedHeaderError, SignedHeaders};
use access_broker_policy::AccountId;

/// What each request to a bucket must have, in its headers or in its query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequiredHeaders {
    /// The account that must own the bucket: otherwise S3 refuses the request
    /// ([AWS: bucket owner condition](https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html)).
    pub expected_bucket_owner: Option<AccountId>,
    /// Whether the signer's account pays for the transfer
    /// ([AWS: requester pays](https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html)).
    pub requester_pays: bool,
}

impl RequiredHeaders {
    /// For a request that reads. The requester's payment is in the query, because links, images, redirects and players
    /// send no headers. The owner is a header, because AWS documents no query parameter for it.
    pub(crate) fn add_to_read(
        &self,
        headers: &mut SignedHeaders,
        query: &mut Vec<QueryParameter>,
    ) -> Result<(), SignedHeaderError> {
        if self.requester_pays {
            query.push(QueryParameter::REQUESTER_PAYS);
        }
        self.add_owner(headers)
    }

    /// For a request that writes, whose client sends headers in any case.
    pub(crate) fn add_to_write(&self, headers: &mut SignedHeaders) -> Result<(), SignedHeaderError> {
        if self.requester_pays {
            headers.insert("x-amz-request-payer", "requester")?;
        }
        self.add_owner(headers)
    }

    fn add_owner(&self, headers: &mut SignedHeaders) -> Result<(), SignedHeaderError> {
        match &self.expected_bucket_owner {
            Some(owner) => headers.insert("x-amz-expected-bucket-owner", owner.as_str()),
            None => Ok(()),
        }
    }
}
