//! Multipart uploads.

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, ListPartsInput, ListPartsOutput, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result};

use super::super::attributes::Attributes;
use super::super::precondition::Precondition;
use super::ObjectStore;

impl ObjectStore {
    pub(super) async fn begin_parts(
        &self,
        mut request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = &mut request.input;
        let file = self.file(&input.bucket, &input.key)?;
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let attributes = Attributes::take_from_multipart(input)?;
        (input.bucket, input.key) = (file.bucket, file.key);
        let mut response = self.contents.files.create_multipart_upload(request).await?;
        let output = &mut response.output;
        (output.bucket, output.key) = (Some(bucket), Some(key));
        if let Some(upload_id) = &output.upload_id {
            self.attributes.save_upload(upload_id, &attributes).await?;
        }
        if let Some(encryption) = attributes.encryption {
            output.server_side_encryption = Some(encryption.algorithm());
            output.ssekms_key_id = encryption.kms_key_id;
            output.bucket_key_enabled = encryption.bucket_key_enabled;
        }
        Ok(response)
    }

    pub(super) async fn write_part(
        &self,
        mut request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = &mut request.input;
        let file = self.file(&input.bucket, &input.key)?;
        (input.bucket, input.key) = (file.bucket, file.key);
        self.contents.files.upload_part(request).await
    }

    pub(super) async fn parts(&self, mut request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = &mut request.input;
        let file = self.file(&input.bucket, &input.key)?;
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        (input.bucket, input.key) = (file.bucket, file.key);
        let mut response = self.contents.files.list_parts(request).await?;
        (response.output.bucket, response.output.key) = (Some(bucket), Some(key));
        Ok(response)
    }

    pub(super) async fn complete_parts(
        &self,
        mut request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = &mut request.input;
        let file = self.file(&input.bucket, &input.key)?;
        let precondition = Precondition::take(&mut input.if_match, &mut input.if_none_match)?;
        let (bucket, key, upload_id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
        let _guard = self.locks.write(&key).await;
        self.check_precondition(&precondition, &file).await?;
        (input.bucket, input.key) = (file.bucket.clone(), file.key.clone());
        let mut response = self.contents.files.complete_multipart_upload(request).await?;
        self.contents.forget_checksums(&file).await?;
        self.attributes.complete_upload(&upload_id, &key).await?;
        // `s3s-fs` has done the work and returns the answer in this future.
        if let Some(future) = response.output.future.take() {
            let mut output = future.await?;
            (output.bucket, output.key) = (Some(bucket), Some(key));
            response.output = output;
        }
        Ok(response)
    }

    pub(super) async fn abort_parts(
        &self,
        mut request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = &mut request.input;
        let file = self.file(&input.bucket, &input.key)?;
        let upload_id = input.upload_id.clone();
        (input.bucket, input.key) = (file.bucket, file.key);
        let response = self.contents.files.abort_multipart_upload(request).await?;
        self.attributes.remove_upload(&upload_id).await?;
        Ok(response)
    }
}
