//! The files that hold attributes.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use s3s::{S3Error, S3Result};
use tokio::fs;

use super::super::object_file::{extra_directory, sha256_hex};
use super::Attributes;

/// One JSON file per object that has attributes, in a directory next to the bucket's, named by the SHA-256 of the key.
///
/// A multipart upload has a separate file until it is completed or aborted.
#[derive(Debug)]
pub(in super::super) struct AttributeStore {
    dir: PathBuf,
}

impl AttributeStore {
    /// Opens the directory, and creates it if it is missing.
    pub(in super::super) async fn open(data_dir: &Path, bucket: &str) -> std::io::Result<Self> {
        let dir = data_dir.join(extra_directory(bucket, "attributes"));
        fs::create_dir_all(&dir).await?;
        Ok(Self { dir })
    }

    /// The attributes of an object. The default for a file that was not uploaded.
    pub(in super::super) async fn load(&self, key: &str) -> S3Result<Attributes> {
        read(&self.object_path(key)).await
    }

    /// Replaces the attributes of an object.
    pub(in super::super) async fn save(&self, key: &str, attributes: &Attributes) -> S3Result<()> {
        write(&self.object_path(key), attributes).await
    }

    /// Removes the attributes of an object.
    pub(in super::super) async fn remove(&self, key: &str) -> S3Result<()> {
        remove(&self.object_path(key)).await
    }

    /// Stores the attributes from the start of a multipart upload.
    pub(in super::super) async fn save_upload(&self, upload_id: &str, attributes: &Attributes) -> S3Result<()> {
        write(&self.upload_path(upload_id), attributes).await
    }

    /// Gives an object the attributes from the start of its multipart upload.
    pub(in super::super) async fn complete_upload(&self, upload_id: &str, key: &str) -> S3Result<()> {
        self.save(key, &read(&self.upload_path(upload_id)).await?).await?;
        self.remove_upload(upload_id).await
    }

    /// Removes the attributes of a multipart upload.
    pub(in super::super) async fn remove_upload(&self, upload_id: &str) -> S3Result<()> {
        remove(&self.upload_path(upload_id)).await
    }

    fn object_path(&self, key: &str) -> PathBuf {
        self.dir.join(format!("{}.json", sha256_hex(key)))
    }

    fn upload_path(&self, upload_id: &str) -> PathBuf {
        self.dir.join(format!("{}.upload.json", sha256_hex(upload_id)))
    }
}

#[expect(clippy::disallowed_methods, reason = "a file that this program wrote")]
async fn read(path: &Path) -> S3Result<Attributes> {
    match fs::read(path).await {
        Ok(json) => serde_json::from_slice(&json).map_err(S3Error::internal_error),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Attributes::default()),
        Err(error) => Err(S3Error::internal_error(error)),
    }
}

async fn write(path: &Path, attributes: &Attributes) -> S3Result<()> {
    if *attributes == Attributes::default() {
        return remove(path).await;
    }
    let json = serde_json::to_vec(attributes).map_err(S3Error::internal_error)?;
    fs::write(path, json).await.map_err(S3Error::internal_error)
}

async fn remove(path: &Path) -> S3Result<()> {
    match fs::remove_file(path).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(S3Error::internal_error(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(value: &str) -> Attributes {
        Attributes { tags: vec![("k".to_owned(), value.to_owned())], ..Attributes::default() }
    }

    #[tokio::test]
    async fn attributes_follow_their_object() {
        let folder = tempfile::tempdir().unwrap();
        let store = AttributeStore::open(folder.path(), "media").await.unwrap();
        assert_eq!(store.load("a").await.unwrap(), Attributes::default());
        store.save("a", &tagged("1")).await.unwrap();
        store.save("b", &tagged("2")).await.unwrap();
        assert_eq!(store.load("a").await.unwrap(), tagged("1"));
        store.save("a", &Attributes::default()).await.unwrap();
        store.remove("b").await.unwrap();
        assert_eq!(store.load("b").await.unwrap(), Attributes::default());
        assert_eq!(std::fs::read_dir(folder.path().join("media_attributes")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn those_of_an_upload_come_with_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = AttributeStore::open(folder.path(), "media").await.unwrap();
        store.save_upload("../a/b", &tagged("1")).await.unwrap();
        assert_eq!(store.load("a").await.unwrap(), Attributes::default());
        store.complete_upload("../a/b", "a").await.unwrap();
        assert_eq!(store.load("a").await.unwrap(), tagged("1"));
        assert_eq!(std::fs::read_dir(folder.path().join("media_attributes")).unwrap().count(), 1);
    }
}
