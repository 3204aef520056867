//! Look at it. The broker's own look at an object, on behalf of a caller who may.

mod inspector;
mod s3_inspector;
mod stored_object;

pub use inspector::{InspectionError, Look, ObjectInspector};
pub use s3_inspector::{BucketAccess, S3Inspector};
pub use stored_object::{StoredMetadata, StoredObject};
