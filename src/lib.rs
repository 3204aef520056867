//! access-broker decides who may read or write which S3 object and issues presigned URLs for exactly that.

pub mod clock;
pub mod document;
pub mod identity;
pub mod policy;
