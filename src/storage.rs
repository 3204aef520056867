//! Look at it. The broker's own look at an object, on behalf of a caller who may.

mod inspector;
mod s3_inspector;

pub use inspector::{InspectionError, ObjectInspector, StoredObject};
pub use s3_inspector::{BucketAccess, S3Inspector};
