//! Reading objects.

use s3s::dto::{
    ChecksumMode, ChecksumType, GetObjectInput, GetObjectOutput, GetObjectTaggingInput, GetObjectTaggingOutput,
    HeadObjectInput, HeadObjectOutput, Tag, Timestamp,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use tokio::sync::OwnedRwLockReadGuard;

use super::super::attributes::Attributes;
use super::super::object_file::ObjectFile;
use super::ObjectStore;

/// The content type that S3 stores for an object uploaded without one.
const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// An object that cannot change while this exists.
struct Found {
    file: ObjectFile,
    attributes: Attributes,
    _unchanged: OwnedRwLockReadGuard<()>,
}

impl ObjectStore {
    /// The bucket has no versions, so the only version id is `null`.
    async fn find(&self, bucket: &str, key: &str, version_id: Option<&str>) -> S3Result<Found> {
        let file = self.file(bucket, key)?;
        if version_id.is_some_and(|id| id != "null") {
            return Err(s3_error!(NoSuchVersion));
        }
        let unchanged = self.locks.read(key).await;
        if !self.contents.exists(&file) {
            return Err(s3_error!(NoSuchKey));
        }
        Ok(Found { file, attributes: self.attributes.load(key).await?, _unchanged: unchanged })
    }

    /// The library applies response overrides itself.
    pub(super) async fn read(&self, mut request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = &mut request.input;
        let wants_checksum = wants_checksum(input.checksum_mode.as_ref());
        let found = self.find(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        (input.bucket, input.key) = (found.file.bucket.clone(), found.file.key.clone());
        let mut response = self.contents.files.get_object(request).await?;
        let output = &mut response.output;
        output.accept_ranges = Some("bytes".to_owned());
        output.content_type.get_or_insert_with(|| DEFAULT_CONTENT_TYPE.to_owned());
        let checksums = [
            &mut output.checksum_crc32,
            &mut output.checksum_crc32c,
            &mut output.checksum_crc64nvme,
            &mut output.checksum_sha1,
            &mut output.checksum_sha256,
        ];
        output.checksum_type = offer_checksums(checksums, wants_checksum);
        output.tag_count = found.attributes.tag_count();
        output.storage_class = found.attributes.storage_class();
        if let Some(encryption) = &found.attributes.encryption {
            output.server_side_encryption = Some(encryption.algorithm());
            output.ssekms_key_id.clone_from(&encryption.kms_key_id);
            output.bucket_key_enabled = encryption.bucket_key_enabled;
        }
        Ok(response)
    }

    pub(super) async fn head(&self, mut request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = &mut request.input;
        let wants_checksum = wants_checksum(input.checksum_mode.as_ref());
        let found = self.find(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        (input.bucket, input.key) = (found.file.bucket.clone(), found.file.key.clone());
        let overrides = Overrides::take(input);
        let mut response = self.contents.files.head_object(request).await?;
        let output = &mut response.output;
        output.accept_ranges = Some("bytes".to_owned());
        output.content_type.get_or_insert_with(|| DEFAULT_CONTENT_TYPE.to_owned());
        let checksums = [
            &mut output.checksum_crc32,
            &mut output.checksum_crc32c,
            &mut output.checksum_crc64nvme,
            &mut output.checksum_sha1,
            &mut output.checksum_sha256,
        ];
        output.checksum_type = offer_checksums(checksums, wants_checksum);
        output.storage_class = found.attributes.storage_class();
        if let Some(encryption) = &found.attributes.encryption {
            output.server_side_encryption = Some(encryption.algorithm());
            output.ssekms_key_id.clone_from(&encryption.kms_key_id);
            output.bucket_key_enabled = encryption.bucket_key_enabled;
        }
        overrides.apply(output);
        Ok(response)
    }

    pub(super) async fn tags(
        &self,
        request: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        let GetObjectTaggingInput { bucket, key, version_id, .. } = request.input;
        let found = self.find(&bucket, &key, version_id.as_deref()).await?;
        let tags = found.attributes.tags.into_iter().map(|(key, value)| Tag { key: Some(key), value: Some(value) });
        Ok(S3Response::new(GetObjectTaggingOutput { tag_set: tags.collect(), version_id: None }))
    }
}

fn wants_checksum(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

/// Checksums are returned only on request, and all cover the whole object.
fn offer_checksums(checksums: [&mut Option<String>; 5], wanted: bool) -> Option<ChecksumType> {
    if !wanted {
        for checksum in checksums {
            *checksum = None;
        }
        return None;
    }
    let known = checksums.iter().any(|checksum| checksum.is_some());
    known.then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT))
}

/// The response overrides of a HEAD, which the library applies to GET only.
struct Overrides {
    cache_control: Option<String>,
    content_disposition: Option<String>,
    content_encoding: Option<String>,
    content_language: Option<String>,
    content_type: Option<String>,
    expires: Option<Timestamp>,
}

impl Overrides {
    fn take(input: &mut HeadObjectInput) -> Self {
        Self {
            cache_control: input.response_cache_control.take(),
            content_disposition: input.response_content_disposition.take(),
            content_encoding: input.response_content_encoding.take(),
            content_language: input.response_content_language.take(),
            content_type: input.response_content_type.take(),
            expires: input.response_expires.take(),
        }
    }

    fn apply(self, output: &mut HeadObjectOutput) {
        replace(&mut output.cache_control, self.cache_control);
        replace(&mut output.content_disposition, self.content_disposition);
        replace(&mut output.content_encoding, self.content_encoding);
        replace(&mut output.content_language, self.content_language);
        replace(&mut output.content_type, self.content_type);
        replace(&mut output.expires, self.expires);
    }
}

fn replace<T>(value: &mut Option<T>, by: Option<T>) {
    if by.is_some() {
        *value = by;
    }
}
