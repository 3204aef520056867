//! What S3 stores for an object in addition to its content, headers and metadata.

mod encryption;
mod store;
mod tags;

use s3s::dto::{CreateMultipartUploadInput, PutObjectInput, StorageClass};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

pub(super) use encryption::Encryption;
pub(super) use store::AttributeStore;

/// The storage classes that an upload may name. GET and HEAD return each but `STANDARD`.
const STORAGE_CLASSES: [&str; 6] =
    ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY"];

/// Tags, storage class and encryption as the upload requested them. They do not change how the object is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    /// Keys and values, in the order of the upload.
    pub(super) tags: Vec<(String, String)>,
    /// `None`: `STANDARD`.
    pub(super) storage_class: Option<String>,
    pub(super) encryption: Option<Encryption>,
}

impl Attributes {
    /// Takes them from an upload. `s3s-fs` supports fewer storage classes, so they are removed from the request.
    pub(super) fn take_from_put(input: &mut PutObjectInput) -> S3Result<Self> {
        Ok(Self {
            tags: tags_of(input.tagging.take().as_deref())?,
            storage_class: storage_class_of(input.storage_class.take())?,
            encryption: encryption::Requested {
                algorithm: input.server_side_encryption.take(),
                kms_key_id: input.ssekms_key_id.take(),
                context: input.ssekms_encryption_context.take(),
                bucket_key_enabled: input.bucket_key_enabled.take(),
                has_customer_key: input.sse_customer_algorithm.is_some() || input.sse_customer_key.is_some(),
            }
            .validate()?,
        })
    }

    /// Takes them from the start of a multipart upload.
    pub(super) fn take_from_multipart(input: &mut CreateMultipartUploadInput) -> S3Result<Self> {
        Ok(Self {
            tags: tags_of(input.tagging.take().as_deref())?,
            storage_class: storage_class_of(input.storage_class.take())?,
            encryption: encryption::Requested {
                algorithm: input.server_side_encryption.take(),
                kms_key_id: input.ssekms_key_id.take(),
                context: input.ssekms_encryption_context.take(),
                bucket_key_enabled: input.bucket_key_enabled.take(),
                has_customer_key: input.sse_customer_algorithm.is_some() || input.sse_customer_key.is_some(),
            }
            .validate()?,
        })
    }

    /// The value of `x-amz-storage-class`.
    pub(super) fn storage_class(&self) -> Option<StorageClass> {
        self.storage_class.clone().map(StorageClass::from)
    }

    /// The value of `x-amz-tagging-count`, which S3 omits for an object without tags.
    pub(super) fn tag_count(&self) -> Option<i32> {
        i32::try_from(self.tags.len()).ok().filter(|&count| count > 0)
    }
}

fn tags_of(header: Option<&str>) -> S3Result<Vec<(String, String)>> {
    header.map_or(Ok(Vec::new()), tags::parse)
}

fn storage_class_of(class: Option<StorageClass>) -> S3Result<Option<String>> {
    match class {
        None => Ok(None),
        Some(class) if class.as_str() == StorageClass::STANDARD => Ok(None),
        Some(class) if STORAGE_CLASSES.contains(&class.as_str()) => Ok(Some(class.as_str().to_owned())),
        Some(_) => Err(s3_error!(InvalidStorageClass, "The storage class you specified is not valid")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_classes_of_s3_that_need_no_restoring_are_taken() {
        let class = |name: &str| storage_class_of(Some(StorageClass::from(name.to_owned())));
        assert_eq!(class("STANDARD").unwrap(), None);
        for name in STORAGE_CLASSES.into_iter().filter(|&name| name != "STANDARD") {
            assert_eq!(class(name).unwrap().as_deref(), Some(name));
        }
        for name in ["", "standard", "GLACIER", "DEEP_ARCHIVE", "EXPRESS_ONEZONE", "STANDARD "] {
            assert_eq!(class(name).unwrap_err().code().as_str(), "InvalidStorageClass", "{name:?}");
        }
    }
}
