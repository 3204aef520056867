//! The presigner for S3.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::attribution::attribution_query;
use super::entity_tag_form::EntityTagForm;
use super::sigv4_url::{UnsignedRequest, presign_url};
use super::{expiry, oversize, terms};
use crate::credentials::{CredentialsCache, CredentialsSnapshot, CredentialsSource, CredentialsUse, Readers};
use crate::endpoint::BucketEndpoint;
use crate::endpoint::RequiredHeaders;
use crate::presign::{Attribution, PresignError, Presigner};
use crate::presign::{Expiry, PresignedDownload, PresignedUpload};
use crate::presign::{HttpMethod, SignedRequest};
use crate::presign::{Signing, SigningAvailability, Waiting};
use crate::sigv4::QueryParameter;
use crate::sigv4::SignedHeaders;
use crate::sigv4::{ExpiresIn, SigningTime};
use access_broker_policy::{
    BucketName, EndpointName, ExpiryLimit, Operation, Permit, PermittedDownload, PermittedObject, PermittedUpload,
};

/// The largest URL with its headers, in bytes: the limit of S3 for a PUT
/// ([AWS: `PutObject`](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html), "8 KB"), and of most HTTP
/// servers and proxies for any request.
const MAX_REQUEST_HEAD_BYTES: usize = 8 * 1_024;

/// The parameters of signatures for one bucket.
#[derive(Debug, Clone)]
pub struct BucketSigner {
    /// The bucket's endpoints. All have the same credentials.
    pub endpoints: HashMap<EndpointName, BucketEndpoint>,
    /// The credentials. Buckets may share them.
    pub credentials: Arc<dyn CredentialsSource>,
    /// The format of the tag in `If-Match`.
    pub etag_form: EntityTagForm,
    /// What each request must have.
    pub required_headers: RequiredHeaders,
    /// Whether URLs name their caller and decision.
    pub attribution: bool,
}

impl BucketSigner {
    fn credentials_for(&self, object: &PermittedObject, operation: Operation) -> Arc<CredentialsCache> {
        self.credentials.find(CredentialsUse { bucket: object.bucket(), tier: object.tier(), operation })
    }
}

/// Signs permits with Signature Version 4, for the configured buckets.
#[derive(Debug)]
pub struct SigV4Presigner {
    buckets: HashMap<BucketName, BucketSigner>,
    readers: Readers,
}

impl SigV4Presigner {
    /// Takes the buckets by their logical names.
    #[must_use]
    pub fn new(buckets: HashMap<BucketName, BucketSigner>) -> Self {
        let readers = buckets.iter().flat_map(|(name, signer)| signer.credentials.all(name, Operation::Download));
        let readers = Readers::new(readers);
        Self { buckets, readers }
    }

    /// Whether each operation on each bucket can be signed at `now`, in no order. A bucket with one set of credentials
    /// is listed for downloads only. Credentials of uploads that hold an access key that is used to read cannot sign.
    pub(crate) fn availability(&self, now: SystemTime) -> impl Iterator<Item = SigningAvailability> {
        let can_sign = move |held: &CredentialsSnapshot| !held.usable_for(now).is_zero();
        self.buckets.iter().flat_map(move |(name, signer)| {
            let [readers, mut writers] = Operation::ALL.map(|operation| signer.credentials.all(name, operation));
            writers.retain(|writer| !readers.iter().any(|reader| Arc::ptr_eq(reader, writer)));
            let downloads = readers.iter().all(|reader| reader.snapshot().is_some_and(|held| can_sign(&held)));
            let uploads = writers.iter().all(|writer| {
                let may_sign = |held: &CredentialsSnapshot| {
                    readers.iter().all(|reader| self.readers.may_sign_uploads(held, writer, reader))
                };
                writer.snapshot().is_some_and(|held| may_sign(&held) && can_sign(&held))
            });
            let found = |operation, available| SigningAvailability { bucket: name.clone(), operation, available };
            let separate = (!writers.is_empty()).then(|| found(Operation::Upload, uploads));
            [found(Operation::Download, downloads)].into_iter().chain(separate)
        })
    }

    fn download(
        &self,
        permit: &Permit<PermittedDownload>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<PresignedDownload, PresignError> {
        let request = self.begin(permit, Operation::Download, attribution, now)?;
        let mut query = terms::download_query(permit.terms())?;
        let mut headers = SignedHeaders::new();
        request.required.add_to_read(&mut headers, &mut query)?;
        query.extend(request.attribution.iter().flatten().cloned());
        // A HEAD has the same parameters except the first, `x-id`, as in the SDK.
        let head_query = query.split_first().map_or(&[][..], |(_, others)| others);
        let fields = || oversize::download_fields(permit.terms());
        Ok(PresignedDownload {
            get: request.sign(HttpMethod::Get, &query, headers.clone(), fields)?,
            head: request.sign(HttpMethod::Head, head_query, headers, fields)?,
            expiry: request.expiry,
        })
    }

    fn upload(
        &self,
        permit: &Permit<PermittedUpload>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<PresignedUpload, PresignError> {
        let request = self.begin(permit, Operation::Upload, attribution, now)?;
        let mut headers = SignedHeaders::new();
        request.required.add_to_write(&mut headers)?;
        terms::add_upload_headers(&mut headers, permit.terms(), request.etag_form, attribution)?;
        let mut query = vec![QueryParameter::PUT_OBJECT];
        query.extend(request.attribution.iter().flatten().cloned());
        let fields = || oversize::upload_fields(permit.terms());
        Ok(PresignedUpload { put: request.sign(HttpMethod::Put, &query, headers, fields)?, expiry: request.expiry })
    }

    fn begin<'a, T>(
        &'a self,
        permit: &'a Permit<T>,
        operation: Operation,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<RequestParts<'a>, PresignError> {
        let signer = self.buckets.get(permit.object().bucket()).ok_or(PresignError::UnknownBucket)?;
        let endpoint = signer.endpoints.get(permit.endpoint()).ok_or(PresignError::UnknownEndpoint)?;
        let lifetime = permit.lifetime();
        let signed_at = SigningTime::floor(lifetime.starts_at).map_err(|_| PresignError::UnsignableTime)?;
        let cache = signer.credentials_for(permit.object(), operation);
        let credentials = if lifetime.stable {
            cache.snapshot_for_window(lifetime.starts_at, lifetime.ends_at(), now)
        } else {
            cache.snapshot()
        };
        let credentials = credentials.ok_or(expiry::CREDENTIALS_UNAVAILABLE)?;
        if operation == Operation::Upload {
            let reader = signer.credentials_for(permit.object(), Operation::Download);
            if !self.readers.may_sign_uploads(&credentials, &cache, &reader) {
                return Err(expiry::CREDENTIALS_UNAVAILABLE);
            }
        }
        let (expires_in, limited_by) = expiry::limit(&lifetime, credentials.signs_until(), now)?;
        if limited_by == ExpiryLimit::SigningCredentialsExpiry {
            cache.note_url_cut();
        }
        let expiry = Expiry { at: signed_at.instant() + expires_in.duration(), limited_by };
        // A stable URL is the same for all callers, so it cannot name one.
        let attribution = (signer.attribution && !lifetime.stable).then(|| attribution_query(attribution));
        Ok(RequestParts {
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

    /// Signs. If the caller requires a longer lifetime than the credentials have, they are renewed first, once.
    fn sign_or_renew<'a, T, P>(
        &self,
        permit: &Permit<T>,
        operation: Operation,
        sign: impl Fn() -> Result<P, PresignError> + Send + 'a,
    ) -> Signing<'a, P> {
        let refused = match sign() {
            Err(refused @ PresignError::FullTtlUnavailable { .. }) => refused,
            answer => return Signing::Ready(answer),
        };
        let Some(signer) = self.buckets.get(permit.object().bucket()) else { return Signing::Ready(Err(refused)) };
        let cache = signer.credentials_for(permit.object(), operation);
        let until = Box::pin(async move {
            // The result is not needed: the second attempt reads the expiry of the current credentials.
            let _renewal = cache.renew_now().await;
        });
        Signing::Waiting(Waiting { refused, until, sign: Box::new(sign) })
    }
}

impl Presigner for SigV4Presigner {
    fn sign_download<'a>(
        &'a self,
        permit: &'a Permit<PermittedDownload>,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, PresignedDownload> {
        self.sign_or_renew(permit, Operation::Download, move || self.download(permit, attribution, now))
    }

    fn sign_upload<'a>(
        &'a self,
        permit: &'a Permit<PermittedUpload>,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, PresignedUpload> {
        self.sign_or_renew(permit, Operation::Upload, move || self.upload(permit, attribution, now))
    }
}

/// The common parts of a call's requests: one object, one instant, one snapshot, one expiry.
struct RequestParts<'a> {
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

impl RequestParts<'_> {
    /// `fields` returns the sizes of the caller's fields, without the key. It is called only if the request is too
    /// large.
    fn sign(
        &self,
        method: HttpMethod,
        query: &[QueryParameter],
        headers: SignedHeaders,
        fields: impl FnOnce() -> Vec<(&'static str, usize)>,
    ) -> Result<SignedRequest, PresignError> {
        let request = UnsignedRequest { method, key: self.object.key(), query, headers: &headers };
        let url = presign_url(self.endpoint, &self.credentials, &request, self.signed_at, self.expires_in);
        let header_bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let bytes = url.as_str().len() + header_bytes;
        if bytes > MAX_REQUEST_HEAD_BYTES {
            let violations = oversize::violations(bytes, MAX_REQUEST_HEAD_BYTES, self.object.key(), fields());
            return Err(PresignError::RequestTooLarge(violations));
        }
        Ok(SignedRequest { method, url, headers: headers.into_vec() })
    }
}
