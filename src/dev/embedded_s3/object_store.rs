//! The operations that the embedded server offers on its one bucket.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, ETagCondition,
    GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput, HeadBucketInput,
    HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput, ListObjectsInput,
    ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, PutObjectInput,
    PutObjectOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;

use super::creations::Creations;
use super::verified_body::VerifiedBody;
use crate::policy::ObjectKey;

/// The content type that S3 stores for an object uploaded without one.
const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// The longest file name on the usual file systems, in bytes.
const MAX_FILE_NAME_BYTES: usize = 255;

/// One bucket in a folder.
///
/// Whatever is not implemented here answers 501: copying and deleting in bulk name keys outside the path, where
/// [`super::request_guard`] does not look, and nothing in the broker's contract needs them.
pub(super) struct ObjectStore {
    files: FileSystem,
    bucket: String,
    bucket_dir: PathBuf,
    creations: Creations,
}

impl ObjectStore {
    /// Opens the bucket, creating its folder when missing.
    pub(super) async fn open(data_dir: &Path, bucket: String) -> anyhow::Result<Self> {
        anyhow::ensure!(s3s::path::check_bucket_name(&bucket), "{bucket:?} is no name that S3 allows for a bucket");
        let bucket_dir = data_dir.join(&bucket);
        let unusable = || format!("cannot use the folder {}", data_dir.display());
        tokio::fs::create_dir_all(&bucket_dir).await.with_context(unusable)?;
        let files = FileSystem::new(data_dir).map_err(|error| anyhow!("{error:?}")).with_context(unusable)?;
        Ok(Self { files, bucket, bucket_dir, creations: Creations::default() })
    }

    fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if bucket == self.bucket { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }

    /// Keys in form fields do not pass the guard of the path, so every key is checked here again.
    fn check_object(&self, bucket: &str, key: &str) -> S3Result<()> {
        self.check_bucket(bucket)?;
        ObjectKey::parse(key).map(drop).map_err(|error| s3_error!(InvalidArgument, "the key {error}"))
    }

    /// The attributes of an object are kept in a file that is named after the whole key. When that name is too long,
    /// `s3s-fs` finds out only after it has stored the content.
    fn check_key_fits(&self, key: &str) -> S3Result<()> {
        let base64_length = |text: &str| (text.len() * 4).div_ceil(3);
        let name_length = ".bucket-.object-.metadata.json".len() + base64_length(&self.bucket) + base64_length(key);
        if name_length <= MAX_FILE_NAME_BYTES { Ok(()) } else { Err(s3_error!(KeyTooLongError)) }
    }

    /// The bucket has no versions, so the only version id is `null`; and a folder on disk is no object.
    fn check_readable(&self, bucket: &str, key: &str, version_id: Option<&str>) -> S3Result<()> {
        self.check_object(bucket, key)?;
        if version_id.is_some_and(|id| id != "null") {
            return Err(s3_error!(NoSuchVersion));
        }
        if self.bucket_dir.join(key).is_dir() {
            return Err(s3_error!(NoSuchKey));
        }
        Ok(())
    }
}

#[async_trait]
impl S3 for ObjectStore {
    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = &request.input;
        self.check_readable(&input.bucket, &input.key, input.version_id.as_deref())?;
        let mut response = self.files.get_object(request).await?;
        response.output.content_type.get_or_insert_with(|| DEFAULT_CONTENT_TYPE.to_owned());
        Ok(response)
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = &request.input;
        self.check_readable(&input.bucket, &input.key, input.version_id.as_deref())?;
        let mut response = self.files.head_object(request).await?;
        response.output.content_type.get_or_insert_with(|| DEFAULT_CONTENT_TYPE.to_owned());
        Ok(response)
    }

    async fn put_object(&self, mut request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.check_object(&request.input.bucket, &request.input.key)?;
        self.check_key_fits(&request.input.key)?;
        let creates_only = request.input.if_none_match.as_ref().is_some_and(ETagCondition::is_any);
        let claim = creates_only.then(|| self.creations.claim(&request.input.key));
        if matches!(claim, Some(None)) {
            return Err(s3_error!(ConditionalRequestConflict));
        }
        let verdict = VerifiedBody::install(&mut request.input);
        match self.files.put_object(request).await {
            Err(_) if verdict.is_mismatch() => Err(s3_error!(BadDigest, "the content does not match its checksum")),
            answer => answer,
        }
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.check_object(&request.input.bucket, &request.input.key)?;
        self.files.delete_object(request).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.check_object(&request.input.bucket, &request.input.key)?;
        self.files.create_multipart_upload(request).await
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.check_object(&request.input.bucket, &request.input.key)?;
        self.files.upload_part(request).await
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.check_object(&request.input.bucket, &request.input.key)?;
        self.files.list_parts(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.check_object(&request.input.bucket, &request.input.key)?;
        self.files.complete_multipart_upload(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.check_object(&request.input.bucket, &request.input.key)?;
        self.files.abort_multipart_upload(request).await
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.check_bucket(&request.input.bucket)?;
        self.files.head_bucket(request).await
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.check_bucket(&request.input.bucket)?;
        self.files.get_bucket_location(request).await
    }

    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        self.files.list_buckets(request).await
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        self.check_bucket(&request.input.bucket)?;
        self.files.list_objects(request).await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.check_bucket(&request.input.bucket)?;
        self.files.list_objects_v2(request).await
    }
}
