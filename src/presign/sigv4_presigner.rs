//! The presigner for S3.

mod expiry;
mod oversize;
mod terms;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use super::attribution::Attribution;
use super::credentials::{CredentialsCache, CredentialsSnapshot};
use super::endpoint::BucketEndpoint;
use super::presigner::{Expiry, PresignError, PresignedDownload, PresignedUpload, Presigner};
use super::required_headers::RequiredHeaders;
use super::signed_headers::SignedHeaders;
use super::signed_request::{HttpMethod, SignedRequest};
use super::signing_time::{ExpiresIn, SigningTime};
use super::sigv4::{self, QueryParameter, UnsignedRequest};
use crate::policy::{BucketName, DownloadTerms, EndpointName, ExpiryLimit, Permit, PermittedObject, UploadTerms};

/// The largest URL with its headers, in bytes: what S3 takes of a PUT
/// ([AWS: `PutObject`](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html), "8 KB"), and what most HTTP
/// servers and proxies take of any request.
const MAX_REQUEST_HEAD_BYTES: usize = 8 * 1_024;

/// What it takes to sign for one bucket.
#[derive(Debug, Clone)]
pub struct BucketSigner {
    /// The ways to the bucket. Which of them a URL takes does not change who signs.
    pub endpoints: HashMap<EndpointName, BucketEndpoint>,
    /// Who signs. Buckets may share it.
    pub credentials: Arc<CredentialsCache>,
    /// What every request must carry.
    pub required_headers: RequiredHeaders,
    /// Whether URLs name their caller and decision.
    pub attribution: bool,
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

    fn begin<'a, T>(
        &'a self,
        permit: &'a Permit<T>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<Signing<'a>, PresignError> {
        let signer = self.buckets.get(permit.object().bucket()).ok_or(PresignError::UnknownBucket)?;
        let endpoint = signer.endpoints.get(permit.endpoint()).ok_or(PresignError::UnknownEndpoint)?;
        let lifetime = permit.lifetime();
        let signed_at = SigningTime::floor(lifetime.starts_at).map_err(|_| PresignError::UnsignableTime)?;
        let credentials = if lifetime.stable {
            signer.credentials.snapshot_for_window(lifetime.starts_at, lifetime.ends_at(), now)
        } else {
            signer.credentials.snapshot()
        };
        let credentials = credentials.ok_or(expiry::CREDENTIALS_UNAVAILABLE)?;
        let (expires_in, limited_by) = expiry::limit(&lifetime, credentials.signs_until(), now)?;
        if limited_by == ExpiryLimit::SigningCredentialsExpiry {
            signer.credentials.note_url_cut();
        }
        let expiry = Expiry { at: signed_at.instant() + expires_in.duration(), limited_by };
        // A URL that is the same for everybody cannot name anybody.
        let attribution = (signer.attribution && !lifetime.stable).then(|| attribution.query());
        Ok(Signing {
            object: permit.object(),
            endpoint,
            credentials,
            signed_at,
            expires_in,
            expiry,
            required: &signer.required_headers,
            attribution,
        })
    }
}

#[async_trait]
impl Presigner for SigV4Presigner {
    fn presign_download(
        &self,
        permit: &Permit<DownloadTerms>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<PresignedDownload, PresignError> {
        let signing = self.begin(permit, attribution, now)?;
        let mut query = terms::download_query(permit.terms())?;
        let mut headers = SignedHeaders::new();
        signing.required.add_to_read(&mut headers, &mut query)?;
        query.extend(signing.attribution.iter().flatten().cloned());
        // A HEAD has the same parameters save the first, `x-id`, as in the SDK.
        let head_query = query.split_first().map_or(&[][..], |(_, others)| others);
        let fields = || oversize::download_fields(permit.terms());
        Ok(PresignedDownload {
            get: signing.sign(HttpMethod::Get, &query, headers.clone(), fields)?,
            head: signing.sign(HttpMethod::Head, head_query, headers, fields)?,
            expiry: signing.expiry,
        })
    }

    fn presign_upload(
        &self,
        permit: &Permit<UploadTerms>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<PresignedUpload, PresignError> {
        let signing = self.begin(permit, attribution, now)?;
        let mut headers = SignedHeaders::new();
        signing.required.add_to_write(&mut headers)?;
        terms::add_upload_headers(&mut headers, permit.terms(), attribution)?;
        let mut query = vec![QueryParameter::PUT_OBJECT];
        query.extend(signing.attribution.iter().flatten().cloned());
        let fields = || oversize::upload_fields(permit.terms());
        Ok(PresignedUpload { put: signing.sign(HttpMethod::Put, &query, headers, fields)?, expiry: signing.expiry })
    }

    async fn renew_credentials(&self, bucket: &BucketName) {
        if let Some(signer) = self.buckets.get(bucket) {
            let _outcome = signer.credentials.renew_now().await;
        }
    }
}

/// What the requests of one call have in common: one object, one instant, one snapshot, one end.
struct Signing<'a> {
    object: &'a PermittedObject,
    endpoint: &'a BucketEndpoint,
    credentials: Arc<CredentialsSnapshot>,
    signed_at: SigningTime,
    expires_in: ExpiresIn,
    expiry: Expiry,
    required: &'a RequiredHeaders,
    attribution: Option<[QueryParameter; 2]>,
}

impl Signing<'_> {
    /// `fields` says how many bytes the caller's fields take, the key aside. It is asked only where they are too many.
    fn sign(
        &self,
        method: HttpMethod,
        query: &[QueryParameter],
        headers: SignedHeaders,
        fields: impl FnOnce() -> Vec<(&'static str, usize)>,
    ) -> Result<SignedRequest, PresignError> {
        let request = UnsignedRequest { method, key: self.object.key(), query, headers: &headers };
        let url = sigv4::presign(self.endpoint, &self.credentials, &request, self.signed_at, self.expires_in);
        let header_bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let bytes = url.as_str().len() + header_bytes;
        if bytes > MAX_REQUEST_HEAD_BYTES {
            let violations = oversize::violations(bytes, MAX_REQUEST_HEAD_BYTES, self.object.key(), fields());
            return Err(PresignError::RequestTooLarge(violations));
        }
        Ok(SignedRequest { method, url, headers: headers.into_vec() })
    }
}
