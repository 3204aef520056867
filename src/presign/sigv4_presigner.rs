//! The presigner for S3.

mod expiry;
mod terms;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::credentials::{CredentialsCache, CredentialsSnapshot};
use super::endpoint::BucketEndpoint;
use super::presigner::{Expiry, PresignError, PresignedDownload, PresignedUpload, Presigner};
use super::signed_headers::SignedHeaders;
use super::signed_request::{HttpMethod, SignedRequest};
use super::signing_time::{ExpiresIn, SigningTime};
use super::sigv4::{self, QueryParameter, UnsignedRequest};
use crate::policy::{BucketName, DownloadTerms, ExpiryLimit, Lifetime, ObjectKey, Permit, UploadTerms};

/// What it takes to sign for one bucket.
#[derive(Debug, Clone)]
pub struct BucketSigner {
    /// Where the bucket is.
    pub endpoint: BucketEndpoint,
    /// Who signs. Buckets may share it.
    pub credentials: Arc<CredentialsCache>,
}

/// Signs permits with Signature Version 4, for the buckets it was given.
#[derive(Debug)]
pub struct SigV4Presigner {
    buckets: HashMap<BucketName, BucketSigner>,
}

impl SigV4Presigner {
    /// Takes the buckets by their logical names.
    #[must_use]
    pub const fn new(buckets: HashMap<BucketName, BucketSigner>) -> Self {
        Self { buckets }
    }

    /// Whether every bucket has credentials that can sign at `now`.
    #[must_use]
    pub fn is_ready(&self, now: SystemTime) -> bool {
        self.buckets_without_credentials(now).next().is_none()
    }

    /// The buckets without credentials that can sign at `now`, in no order.
    pub fn buckets_without_credentials(&self, now: SystemTime) -> impl Iterator<Item = &BucketName> {
        self.buckets.iter().filter_map(move |(name, signer)| {
            let usable = signer.credentials.snapshot().is_some_and(|held| !held.usable_for(now).is_zero());
            (!usable).then_some(name)
        })
    }

    fn begin(&self, bucket: &BucketName, lifetime: Lifetime, now: SystemTime) -> Result<Signing<'_>, PresignError> {
        let signer = self.buckets.get(bucket).ok_or(PresignError::UnknownBucket)?;
        let signed_at = SigningTime::floor(now).map_err(|_| PresignError::UnsignableTime)?;
        let credentials = signer.credentials.snapshot().ok_or(expiry::CREDENTIALS_UNAVAILABLE)?;
        // From the signing time, as the life of the signature is.
        let usable = credentials.usable_for(signed_at.instant());
        let (expires_in, limited_by) = expiry::limit(lifetime, usable)?;
        if limited_by == ExpiryLimit::SigningCredentialsExpiry {
            signer.credentials.note_url_cut();
        }
        let expiry = Expiry { at: signed_at.instant() + expires_in.duration(), limited_by };
        Ok(Signing { endpoint: &signer.endpoint, credentials, signed_at, expires_in, expiry })
    }
}

impl Presigner for SigV4Presigner {
    fn presign_download(
        &self,
        permit: &Permit<DownloadTerms>,
        now: SystemTime,
    ) -> Result<PresignedDownload, PresignError> {
        let signing = self.begin(permit.bucket(), permit.lifetime(), now)?;
        let get_query = terms::download_query(permit.terms())?;
        // A HEAD has the same parameters save the first, `x-id`, as in the SDK.
        let head_query = get_query.split_first().map_or(&[][..], |(_, others)| others);
        Ok(PresignedDownload {
            get: signing.sign(HttpMethod::Get, permit.key(), &get_query, SignedHeaders::new()),
            head: signing.sign(HttpMethod::Head, permit.key(), head_query, SignedHeaders::new()),
            expiry: signing.expiry,
        })
    }

    fn presign_upload(&self, permit: &Permit<UploadTerms>, now: SystemTime) -> Result<PresignedUpload, PresignError> {
        let signing = self.begin(permit.bucket(), permit.lifetime(), now)?;
        let headers = terms::upload_headers(permit.terms())?;
        let put = signing.sign(HttpMethod::Put, permit.key(), &[QueryParameter::PUT_OBJECT], headers);
        Ok(PresignedUpload { put, expiry: signing.expiry })
    }
}

/// What the requests of one call have in common: one instant, one snapshot, one end.
struct Signing<'a> {
    endpoint: &'a BucketEndpoint,
    credentials: Arc<CredentialsSnapshot>,
    signed_at: SigningTime,
    expires_in: ExpiresIn,
    expiry: Expiry,
}

impl Signing<'_> {
    fn sign(
        &self,
        method: HttpMethod,
        key: &ObjectKey,
        query: &[QueryParameter],
        headers: SignedHeaders,
    ) -> SignedRequest {
        let request = UnsignedRequest { method, key, query, headers: &headers };
        let url = sigv4::presign(self.endpoint, &self.credentials, &request, self.signed_at, self.expires_in);
        SignedRequest { method, url, headers: headers.into_vec() }
    }
}
