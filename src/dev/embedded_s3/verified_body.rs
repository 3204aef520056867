//! Uploads whose content is checked before they become objects.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use s3s::StdError;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::{Checksum, PutObjectInput, StreamingBlob};
use s3s::stream::{ByteStream, RemainingLength};
use tokio_stream::Stream;

/// A body that fails at its end when its content is not what the request's headers announced.
///
/// `s3s-fs` compares checksums only once the new object has taken the place of the old one; a body that fails makes it
/// drop the upload instead, as S3 does.
pub(super) struct VerifiedBody {
    body: StreamingBlob,
    inspection: Option<Inspection>,
    mismatch: Arc<AtomicBool>,
}

/// Whether a body failed because of its content. To be asked once the body has been read.
pub(super) struct Verdict(Arc<AtomicBool>);

impl Verdict {
    pub(super) fn is_mismatch(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl VerifiedBody {
    /// Wraps the body of an upload. Checksums in trailers are left to `s3s-fs`.
    pub(super) fn install(input: &mut PutObjectInput) -> Verdict {
        let mismatch = Arc::new(AtomicBool::new(false));
        if let Some(body) = input.body.take() {
            let inspection = Some(Inspection::of(input));
            let verified = Self { body, inspection, mismatch: Arc::clone(&mismatch) };
            input.body = Some(StreamingBlob::new(verified));
        }
        Verdict(mismatch)
    }
}

/// What was announced and what has been read so far.
struct Inspection {
    expected: Checksum,
    expected_md5: Option<String>,
    hasher: ChecksumHasher,
    md5: Md5,
}

impl Inspection {
    fn of(input: &PutObjectInput) -> Self {
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
        let next = ready!(Pin::new(&mut self.body).poll_next(context));
        match &next {
            Some(Ok(bytes)) => {
                if let Some(inspection) = &mut self.inspection {
                    inspection.update(bytes);
                }
            }
            Some(Err(_)) => {}
            None => {
                if self.inspection.take().is_some_and(|inspection| !inspection.content_matches()) {
                    self.mismatch.store(true, Ordering::Relaxed);
                    return Poll::Ready(Some(Err("the content does not match its checksum".into())));
                }
            }
        }
        Poll::Ready(next)
    }
}

impl ByteStream for VerifiedBody {
    fn remaining_length(&self) -> RemainingLength {
        self.body.remaining_length()
    }
}
