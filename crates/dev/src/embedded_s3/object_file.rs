//! The files of an object on disk.

use std::path::{Path, PathBuf};

use access_broker_base::hex::lower_hex;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The longest file name on common file systems, in bytes.
const MAX_FILE_NAME_BYTES: usize = 255;

/// The directory and the file that hold an object. `s3s-fs` is given them as bucket and key.
///
/// An object is an ordinary file at `<bucket>/<key>` if each name fits into a file name: each segment of the key, and
/// the names of the files that `s3s-fs` derives from bucket and key. Any other object is in the directory
/// `<bucket>_long`, named by the SHA-256 of its key, and is missing in listings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObjectFile {
    pub(super) bucket: String,
    pub(super) key: String,
}

impl ObjectFile {
    /// Maps an object to its files.
    pub(super) fn new(bucket: &str, key: &str) -> Self {
        let plain = Self { bucket: bucket.to_owned(), key: key.to_owned() };
        if plain.fits() { plain } else { Self { bucket: extra_directory(bucket, "long"), key: sha256_hex(key) } }
    }

    /// The file with the content.
    pub(super) fn path(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(&self.bucket).join(&self.key)
    }

    /// The file in which `s3s-fs` keeps the object's headers and metadata.
    pub(super) fn metadata_path(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(self.derived_name(".metadata.json"))
    }

    /// The file in which `s3s-fs` keeps the object's `ETag` and checksums.
    pub(super) fn internal_path(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(self.derived_name(".internal.json"))
    }

    fn fits(&self) -> bool {
        let longest = ".upload-00000000-0000-0000-0000-000000000000.metadata.json";
        self.derived_name(longest).len() <= MAX_FILE_NAME_BYTES
            && self.key.split('/').all(|segment| segment.len() <= MAX_FILE_NAME_BYTES)
    }

    fn derived_name(&self, ending: &str) -> String {
        let (bucket, key) = (URL_SAFE_NO_PAD.encode(&self.bucket), URL_SAFE_NO_PAD.encode(&self.key));
        format!(".bucket-{bucket}.object-{key}{ending}")
    }
}

/// The name of an extra directory of a bucket. No bucket can have that name, because of the underscore.
pub(super) fn extra_directory(bucket: &str, purpose: &str) -> String {
    format!("{bucket}_{purpose}")
}

/// The SHA-256 of a text in hexadecimal.
pub(super) fn sha256_hex(text: &str) -> String {
    lower_hex(digest(&SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_keys_are_ordinary_files() {
        let file = ObjectFile::new("media", "tier 1/cute-cat.jpg");
        assert_eq!(file.path(Path::new("/data")), Path::new("/data/media/tier 1/cute-cat.jpg"));
        let name = ".bucket-bWVkaWE.object-dGllciAxL2N1dGUtY2F0LmpwZw.metadata.json";
        assert_eq!(file.metadata_path(Path::new("/data")), Path::new("/data").join(name));
    }

    #[test]
    fn every_key_and_bucket_gives_names_that_fit() {
        for bucket in ["abc".to_owned(), "b".repeat(63)] {
            for key in (1..=1_024).map(|length| "k".repeat(length)) {
                let file = ObjectFile::new(&bucket, &key);
                assert!(file.fits() && file.bucket.len() <= MAX_FILE_NAME_BYTES, "{bucket} {}", key.len());
                assert_eq!(file.bucket == bucket, file.key == key);
            }
        }
    }

    #[test]
    fn long_keys_are_told_apart_and_no_bucket_reaches_them() {
        let (one, other) = (ObjectFile::new("media", &"k".repeat(1_024)), ObjectFile::new("media", &"k".repeat(1_023)));
        assert_eq!(one.bucket, other.bucket);
        assert_ne!(one.key, other.key);
        assert!(!s3s::path::check_bucket_name(&one.bucket));
    }

    #[test]
    fn digests_are_those_of_the_standard() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex("abc"), abc);
    }
}
