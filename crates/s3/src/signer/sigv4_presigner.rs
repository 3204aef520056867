//! The presigner for S3.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use super::attribution::attribution_query;
use super::entity_tag_form::EntityTagForm;
use super::sigv4_url::{UnsignedRequest, presign};
use super::{expiry, oversize, terms};
use crate::credentials::{CredentialsCache, CredentialsSnapshot};
use crate::endpoint::BucketEndpoint;
use crate::endpoint::RequiredHeaders;
use crate::presign::Attribution;
use crate::presign::{Expiry, PresignError, PresignedDownload, PresignedUpload, Presigner};
use crate::presign::{HttpMethod, SignedRequest};
use crate::sigv4::QueryParameter;
use crate::sigv4::SignedHeaders;
use crate::sigv4::{ExpiresIn, SigningTime};
use access_broker_policy::{
    BucketName, EndpointName, ExpiryLimit, Operation, Permit, PermittedDownload, PermittedObject, PermittedUpload,
};

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
    /// Who signs uploads; the same, or credentials that need not read.
    pub upload_credentials: Arc<CredentialsCache>,
    /// How the server wants the tag in `If-Match`.
    pub etag_form: EntityTagForm,
    /// What every request must carry.
    pub required_headers: RequiredHeaders,
    /// Whether URLs name their caller and decision.
    pub attribution: bool,
}

impl BucketSigner {
    const fn credentials_for(&self, operation: Operation) -> &Arc<CredentialsCache> {
        match operation {
            Operation::Download => &self.credentials,
            Operation::Upload => &self.upload_credentials,
        }
    }
}

/// Signs permits with Signature Version 4, for the buckets it was given.
#[derive(Debug)]
pub struct SigV4Presigner {
    buckets: HashMap<BucketName, BucketSigner>,
    /// The credentials that read, of all buckets.
    readers: Vec<Arc<CredentialsCache>>,
}

impl SigV4Presigner {
    /// Takes the buckets by their logical names.
    #[must_use]
    pub fn new(buckets: HashMap<BucketName, BucketSigner>) -> Self {
        let mut readers: Vec<Arc<CredentialsCache>> = Vec::new();
        for signer in buckets.values() {
            if !readers.iter().any(|known| Arc::ptr_eq(known, &signer.credentials)) {
                readers.push(Arc::clone(&signer.credentials));
            }
        }
        Self { buckets, readers }
    }

    /// Whether credentials may sign uploads to a bucket. Where uploads have credentials of their own, those must not hold an
    /// access key that reads, here or in another bucket (after a rotation of files, say): an upload URL that they sign could
    /// be used to read. As long as the bucket's reader is not known, nothing is sure.
    fn may_sign_uploads(&self, signer: &BucketSigner, credentials: &CredentialsSnapshot) -> bool {
        if Arc::ptr_eq(&signer.credentials, &signer.upload_credentials) {
            return true;
        }
        let is_another = |reader: &CredentialsSnapshot| {
            reader.credentials().access_key_id() != credentials.credentials().access_key_id()
        };
        let own = signer.credentials.snapshot().is_some_and(|reader| is_another(&reader));
        own && self.readers.iter().filter_map(|reader| reader.snapshot()).all(|reader| is_another(&reader))
    }

    /// The buckets, in no order, each with whether its credentials can sign an operation at `now`. Where uploads are signed
    /// by the bucket's only credentials, these count for downloads. Credentials of uploads that hold an access key that
    /// reads cannot sign.
    pub fn credentials_by_bucket(
        &self,
        operation: Operation,
        now: SystemTime,
    ) -> impl Iterator<Item = (&BucketName, bool)> {
        self.buckets.iter().filter_map(move |(name, signer)| {
            if operation == Operation::Upload && Arc::ptr_eq(&signer.credentials, &signer.upload_credentials) {
                return None;
            }
            let held = signer.credentials_for(operation).snapshot();
            let usable = held.is_some_and(|held| {
                let may_sign = operation == Operation::Download || self.may_sign_uploads(signer, &held);
                may_sign && !held.usable_for(now).is_zero()
            });
            Some((name, usable))
        })
    }

    fn begin<'a, T>(
        &'a self,
        permit: &'a Permit<T>,
        operation: Operation,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<Signing<'a>, PresignError> {
        let signer = self.buckets.get(permit.object().bucket()).ok_or(PresignError::UnknownBucket)?;
        let endpoint = signer.endpoints.get(permit.endpoint()).ok_or(PresignError::UnknownEndpoint)?;
        let lifetime = permit.lifetime();
        let signed_at = SigningTime::floor(lifetime.starts_at).map_err(|_| PresignError::UnsignableTime)?;
        let cache = signer.credentials_for(operation);
        let credentials = if lifetime.stable {
            cache.snapshot_for_window(lifetime.starts_at, lifetime.ends_at(), now)
        } else {
            cache.snapshot()
        };
        let credentials = credentials.ok_or(expiry::CREDENTIALS_UNAVAILABLE)?;
        if operation == Operation::Upload && !self.may_sign_uploads(signer, &credentials) {
            return Err(expiry::CREDENTIALS_UNAVAILABLE);
        }
        let (expires_in, limited_by) = expiry::limit(&lifetime, credentials.signs_until(), now)?;
        if limited_by == ExpiryLimit::SigningCredentialsExpiry {
            cache.note_url_cut();
        }
        let expiry = Expiry { at: signed_at.instant() + expires_in.duration(), limited_by };
        // A URL that is the same for everybody cannot name anybody.
        let attribution = (signer.attribution && !lifetime.stable).then(|| attribution_query(attribution));
        Ok(Signing {
            object: permit.object(),
            endpoint,
            credentials,
            signed_at,
            expires_in,
            expiry,
            required: &signer.required_headers,
            etag_form: signer.etag_form,
            attribution,
        })
    }
}

#[async_trait]
impl Presigner for SigV4Presigner {
    fn presign_download(
        &self,
        permit: &Permit<PermittedDownload>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<PresignedDownload, PresignError> {
        let signing = self.begin(permit, Operation::Download, attribution, now)?;
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
        permit: &Permit<PermittedUpload>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<PresignedUpload, PresignError> {
        let signing = self.begin(permit, Operation::Upload, attribution, now)?;
        let mut headers = SignedHeaders::new();
        signing.required.add_to_write(&mut headers)?;
        terms::add_upload_headers(&mut headers, permit.terms(), signing.etag_form, attribution)?;
        let mut query = vec![QueryParameter::PUT_OBJECT];
        query.extend(signing.attribution.iter().flatten().cloned());
        let fields = || oversize::upload_fields(permit.terms());
        Ok(PresignedUpload { put: signing.sign(HttpMethod::Put, &query, headers, fields)?, expiry: signing.expiry })
    }

    async fn renew_credentials(&self, bucket: &BucketName, operation: Operation) {
        if let Some(signer) = self.buckets.get(bucket) {
            let _outcome = signer.credentials_for(operation).renew_now().await;
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
    etag_form: EntityTagForm,
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
        let url = presign(self.endpoint, &self.credentials, &request, self.signed_at, self.expires_in);
        let header_bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let bytes = url.as_str().len() + header_bytes;
        if bytes > MAX_REQUEST_HEAD_BYTES {
            let violations = oversize::violations(bytes, MAX_REQUEST_HEAD_BYTES, self.object.key(), fields());
            return Err(PresignError::RequestTooLarge(violations));
        }
        Ok(SignedRequest { method, url, headers: headers.into_vec() })
    }
}
