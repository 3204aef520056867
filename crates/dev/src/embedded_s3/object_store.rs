//! The operations that the embedded server offers on its one bucket.

mod downloads;
mod multipart;
mod uploads;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput,
    GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput, GetObjectTaggingInput,
    GetObjectTaggingOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput,
    ListBucketsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput,
    ListPartsOutput, PutObjectInput, PutObjectOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use super::attributes::AttributeStore;
use super::contents::Contents;
use super::key_locks::KeyLocks;
use super::object_file::ObjectFile;
use access_broker_policy::ObjectKey;

/// One bucket in a directory.
///
/// Operations that are not implemented here answer 501. Copies and bulk deletions have keys outside the path, which
/// [`super::request_guard`] does not check, and the broker does not need them.
pub(super) struct ObjectStore {
    bucket: String,
    contents: Arc<Contents>,
    attributes: AttributeStore,
    locks: KeyLocks,
}

impl ObjectStore {
    /// Opens the bucket, and creates its directories if they are missing.
    pub(super) async fn open(data_dir: &Path, bucket: String) -> anyhow::Result<Self> {
        anyhow::ensure!(s3s::path::check_bucket_name(&bucket), "{bucket:?} is not a valid bucket name");
        let unusable = || format!("cannot use the directory {}", data_dir.display());
        tokio::fs::create_dir_all(data_dir.join(&bucket)).await.with_context(unusable)?;
        let attributes = AttributeStore::open(data_dir, &bucket).await.with_context(unusable)?;
        let contents = Arc::new(Contents::open(data_dir).with_context(unusable)?);
        Ok(Self { bucket, contents, attributes, locks: KeyLocks::new() })
    }

    fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if bucket == self.bucket { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }

    /// The files of an object. Keys in form fields do not pass the guard of the path, so each key is checked here
    /// again.
    fn file(&self, bucket: &str, key: &str) -> S3Result<ObjectFile> {
        self.check_bucket(bucket)?;
        let key = ObjectKey::parse(key).map_err(|error| s3_error!(InvalidArgument, "the key {error}"))?;
        Ok(ObjectFile::new(bucket, key.as_str()))
    }
}

#[async_trait]
impl S3 for ObjectStore {
    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        self.read(request).await
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        self.head(request).await
    }

    async fn get_object_tagging(
        &self,
        request: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        self.tags(request).await
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.write(request).await
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.delete(request).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.begin_parts(request).await
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.write_part(request).await
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.parts(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.complete_parts(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.abort_parts(request).await
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.check_bucket(&request.input.bucket)?;
        self.contents.files.head_bucket(request).await
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.check_bucket(&request.input.bucket)?;
        self.contents.files.get_bucket_location(request).await
    }

    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let mut response = self.contents.files.list_buckets(request).await?;
        let is_ours = |name: Option<&str>| name == Some(self.bucket.as_str());
        response.output.buckets.get_or_insert_default().retain(|bucket| is_ours(bucket.name.as_deref()));
        Ok(response)
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        self.check_bucket(&request.input.bucket)?;
        self.contents.files.list_objects(request).await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.check_bucket(&request.input.bucket)?;
        self.contents.files.list_objects_v2(request).await
    }
}
