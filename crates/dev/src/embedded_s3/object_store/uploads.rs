//! Writing and deleting whole objects.

use std::sync::Arc;

use s3s::dto::{ChecksumType, DeleteObjectInput, DeleteObjectOutput, ETagCondition, PutObjectInput, PutObjectOutput};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use super::super::attributes::Attributes;
use super::super::object_file::ObjectFile;
use super::super::precondition::Precondition;
use super::super::verified_body::{Permission, VerifiedBody};
use super::ObjectStore;

impl ObjectStore {
    pub(super) async fn write(&self, mut request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        check_checksum_is_given(&request)?;
        let input = &mut request.input;
        let file = self.file(&input.bucket, &input.key)?;
        drop_transfer_encoding(&mut input.content_encoding);
        let attributes = Attributes::take_from_put(input)?;
        let precondition = Precondition::take(&mut input.if_match, &mut input.if_none_match)?;
        // Checked twice: now, to refuse early, and when the content has arrived and the object is locked.
        self.check_precondition(&precondition, &file).await?;
        let key = input.key.clone();
        let verdict = VerifiedBody::install(input, self.permission(precondition, file.clone(), key.clone()));
        (input.bucket, input.key) = (file.bucket, file.key);

        let answer = self.contents.files.put_object(request).await;
        match (answer, verdict.take()) {
            (Err(_), Some(Err(refusal))) => Err(refusal),
            (Err(error), _) => Err(error),
            (Ok(mut response), Some(Ok(_guard))) => {
                self.attributes.save(&key, &attributes).await?;
                describe(&mut response.output, attributes);
                Ok(response)
            }
            (Ok(_), _) => Err(s3_error!(InternalError, "the upload was stored before it was checked")),
        }
    }

    pub(super) async fn delete(
        &self,
        mut request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = &mut request.input;
        let file = self.file(&input.bucket, &input.key)?;
        let key = input.key.clone();
        let _guard = self.locks.write(&key).await;
        let Some(current) = self.contents.current_etag(&file).await? else {
            return Ok(S3Response::new(DeleteObjectOutput::default()));
        };
        if let Some(ETagCondition::ETag(wanted)) = &input.if_match
            && !wanted.strong_cmp(&current)
        {
            return Err(s3_error!(PreconditionFailed, "the object has another ETag"));
        }
        (input.bucket, input.key) = (file.bucket.clone(), file.key.clone());
        let response = self.contents.files.delete_object(request).await?;
        self.contents.remove_leftovers(&file).await;
        self.attributes.remove(&key).await?;
        Ok(response)
    }

    /// The right to replace the object, once it is locked and still fulfils the upload's condition.
    fn permission(&self, precondition: Precondition, file: ObjectFile, key: String) -> Permission {
        let (locks, contents) = (self.locks.clone(), Arc::clone(&self.contents));
        Box::pin(async move {
            let guard = locks.write(&key).await;
            if !precondition.demands_nothing() {
                precondition.check(contents.current_etag(&file).await?.as_ref())?;
            }
            Ok(guard)
        })
    }

    pub(super) async fn check_precondition(&self, precondition: &Precondition, file: &ObjectFile) -> S3Result<()> {
        if precondition.demands_nothing() {
            return Ok(());
        }
        precondition.check(self.contents.current_etag(file).await?.as_ref())
    }
}

/// Refuses an algorithm without a checksum. `s3s-fs` would notice only after it has replaced the object.
fn check_checksum_is_given(request: &S3Request<PutObjectInput>) -> S3Result<()> {
    let input = &request.input;
    let names_an_algorithm =
        input.checksum_algorithm.is_some() || request.headers.contains_key("x-amz-sdk-checksum-algorithm");
    let given = request.trailing_headers.is_some()
        || input.checksum_crc32.is_some()
        || input.checksum_crc32c.is_some()
        || input.checksum_crc64nvme.is_some()
        || input.checksum_sha1.is_some()
        || input.checksum_sha256.is_some();
    if names_an_algorithm && !given {
        return Err(s3_error!(InvalidRequest, "x-amz-sdk-checksum-algorithm needs a checksum in a header or trailer"));
    }
    Ok(())
}

/// `aws-chunked` is an encoding of the transfer, not of the content: S3 does not store it.
fn drop_transfer_encoding(content_encoding: &mut Option<String>) {
    let Some(encodings) = content_encoding.take_if(|encodings| encodings.contains("aws-chunked")) else {
        return;
    };
    let stored: Vec<_> = encodings.split(',').map(str::trim).filter(|&name| name != "aws-chunked").collect();
    *content_encoding = Some(stored.join(",")).filter(|encodings| !encodings.is_empty());
}

fn describe(output: &mut PutObjectOutput, attributes: Attributes) {
    let has_checksum = output.checksum_crc32.is_some()
        || output.checksum_crc32c.is_some()
        || output.checksum_crc64nvme.is_some()
        || output.checksum_sha1.is_some()
        || output.checksum_sha256.is_some();
    output.checksum_type = has_checksum.then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT));
    if let Some(encryption) = attributes.encryption {
        output.server_side_encryption = Some(encryption.algorithm());
        output.ssekms_key_id = encryption.kms_key_id;
        output.ssekms_encryption_context = encryption.context;
        output.bucket_key_enabled = encryption.bucket_key_enabled;
    }
}
