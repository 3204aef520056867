//! An object's bucket and key.

use super::bucket_name::BucketName;
use super::object_key::ObjectKey;

/// One object that a caller names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectReference {
    /// The logical bucket.
    pub bucket: BucketName,
    /// Within the bucket.
    pub key: ObjectKey,
}
