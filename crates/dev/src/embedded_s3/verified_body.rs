//! Uploads that are verified before they become objects.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::{Checksum, PutObjectInput, StreamingBlob};
use s3s::stream::{ByteStream, RemainingLength};
use s3s::{S3Result, StdError, s3_error};
use tokio_stream::Stream;

use super::key_locks::WriteGuard;

/// A body that fails at its end if its content differs from the request's headers, or if the object may not be written.
///
/// `s3s-fs` compares checksums only after the new object has replaced the old one, and conditions only before it reads
/// the content. A body that fails makes it drop the upload, as S3 does.
pub(super) struct VerifiedBody {
    body: StreamingBlob,
    inspection: Option<Inspection>,
    // A stream must be `Sync`, which a future is not.
    permission: Mutex<Option<Permission>>,
    verdict: Verdict,
}

/// Waits for the right to write the object.
pub(super) type Permission = Pin<Box<dyn Future<Output = S3Result<WriteGuard>> + Send>>;

/// The result at the end of the body: the right to write the object, or the error.
#[derive(Clone, Default)]
pub(super) struct Verdict(Arc<Mutex<Option<S3Result<WriteGuard>>>>);

impl Verdict {
    /// `None` before the end of the body, and when the body was cut off.
    pub(super) fn take(&self) -> Option<S3Result<WriteGuard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, verdict: S3Result<WriteGuard>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
    }
}

impl VerifiedBody {
    /// Wraps the body of an upload. Checksums in trailers are left to `s3s-fs`.
    pub(super) fn install(input: &mut PutObjectInput, permission: Permission) -> Verdict {
        let verdict = Verdict::default();
        if let Some(body) = input.body.take() {
            let inspection = Some(Inspection::new(input));
            let permission = Mutex::new(Some(permission));
            input.body = Some(StreamingBlob::new(Self { body, inspection, permission, verdict: verdict.clone() }));
        }
        verdict
    }

    fn poll_permission(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, StdError>>> {
        let permission = self.permission.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = permission else {
            return Poll::Ready(None);
        };
        let verdict = ready!(waiting.as_mut().poll(context));
        *permission = None;
        let refused = verdict.is_err();
        self.verdict.set(verdict);
        Poll::Ready(refused.then(|| Err("the upload is refused".into())))
    }
}

/// What the headers announced, and what has been read so far.
struct Inspection {
    expected: Checksum,
    expected_md5: Option<String>,
    hasher: ChecksumHasher,
    md5: Md5,
}

impl Inspection {
    fn new(input: &PutObjectInput) -> Self {
        Self {
            expected: Checksum {
                checksum_crc32: input.checksum_crc32.clone(),
                checksum_crc32c: input.checksum_crc32c.clone(),
                checksum_crc64nvme: input.checksum_crc64nvme.clone(),
                checksum_sha1: input.checksum_sha1.clone(),
                checksum_sha256: input.checksum_sha256.clone(),
                ..Checksum::default()
            },
            expected_md5: input.content_md5.clone(),
            hasher: ChecksumHasher {
                crc32: input.checksum_crc32.is_some().then(Crc32::new),
                crc32c: input.checksum_crc32c.is_some().then(Crc32c::new),
                crc64nvme: input.checksum_crc64nvme.is_some().then(Crc64Nvme::new),
                sha1: input.checksum_sha1.is_some().then(Sha1::new),
                sha256: input.checksum_sha256.is_some().then(Sha256::new),
            },
            md5: Md5::new(),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        if self.expected_md5.is_some() {
            self.md5.update(bytes);
        }
    }

    fn content_matches(self) -> bool {
        let md5 = self.md5.finalize();
        self.hasher.finalize() == self.expected
            && self.expected_md5.is_none_or(|expected| expected == STANDARD.encode(md5))
    }
}

impl Stream for VerifiedBody {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.inspection.is_none() {
            return self.poll_permission(context);
        }
        let next = ready!(Pin::new(&mut self.body).poll_next(context));
        match (&next, &mut self.inspection) {
            (Some(Ok(bytes)), Some(inspection)) => inspection.update(bytes),
            (None, inspection) => {
                if inspection.take().is_some_and(|inspection| !inspection.content_matches()) {
                    self.permission = Mutex::new(None);
                    self.verdict.set(Err(s3_error!(BadDigest, "the content does not match its checksum")));
                    return Poll::Ready(Some(Err("the content does not match its checksum".into())));
                }
                return self.poll_permission(context);
            }
            _ => {}
        }
        Poll::Ready(next)
    }
}

impl ByteStream for VerifiedBody {
    fn remaining_length(&self) -> RemainingLength {
        self.body.remaining_length()
    }
}
