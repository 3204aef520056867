//! The objects' files, without access rules.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use axum::http::{Extensions, HeaderMap, Method, Uri};
use s3s::dto::{ETag, HeadObjectInput};
use s3s::{S3, S3Error, S3Request, S3Result};
use s3s_fs::FileSystem;
use serde_json::{Map, Value};
use tokio::fs;

use super::object_file::ObjectFile;

/// The directory of all buckets, and the library that reads and writes it.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) files: FileSystem,
    data_dir: PathBuf,
}

impl Contents {
    /// Opens the directory, which must exist.
    pub(super) fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let files = FileSystem::new(data_dir).map_err(|error| anyhow!("{error:?}"))?;
        Ok(Self { files, data_dir: data_dir.to_owned() })
    }

    /// Whether an object exists. A directory is not an object.
    pub(super) fn exists(&self, file: &ObjectFile) -> bool {
        file.path(&self.data_dir).is_file()
    }

    /// The `ETag` of an object, or `None` if the object does not exist.
    pub(super) async fn current_etag(&self, file: &ObjectFile) -> S3Result<Option<ETag>> {
        if !self.exists(file) {
            return Ok(None);
        }
        let ObjectFile { bucket, key } = file.clone();
        let head = S3Request {
            input: HeadObjectInput { bucket, key, ..HeadObjectInput::default() },
            method: Method::HEAD,
            uri: Uri::default(),
            headers: HeaderMap::default(),
            extensions: Extensions::default(),
            credentials: None,
            region: None,
            service: None,
            trailing_headers: None,
        };
        Ok(self.files.head_object(head).await?.output.e_tag)
    }

    /// Removes the files that `s3s-fs` leaves of a deleted object.
    pub(super) async fn remove_leftovers(&self, file: &ObjectFile) {
        for path in [file.metadata_path(&self.data_dir), file.internal_path(&self.data_dir)] {
            // It is missing if the object's file was not uploaded.
            let _ = fs::remove_file(path).await;
        }
    }

    /// Removes the checksums of the object that a multipart upload replaced: `s3s-fs` keeps them.
    pub(super) async fn forget_checksums(&self, file: &ObjectFile) -> S3Result<()> {
        let path = file.internal_path(&self.data_dir);
        let json = fs::read(&path).await.map_err(S3Error::internal_error)?;
        #[expect(clippy::disallowed_methods, reason = "a file that this program wrote")]
        let mut info: Map<String, Value> = serde_json::from_slice(&json).map_err(S3Error::internal_error)?;
        info.retain(|name, _| !name.starts_with("checksum_"));
        let json = serde_json::to_vec(&info).map_err(S3Error::internal_error)?;
        fs::write(&path, json).await.map_err(S3Error::internal_error)
    }
}
