//! The parts of Signature Version 4
//! ([AWS: authenticating requests with query parameters](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html)).

pub(crate) mod encoding;
pub(crate) mod query;
mod signed_headers;
mod signing_key;
mod signing_time;

pub(crate) use query::QueryName;
pub use query::QueryParameter;
pub use signed_headers::{SignedHeaderError, SignedHeaders};
pub(crate) use signing_key::{SigningKey, SigningKeys};
pub use signing_time::{ExpiresIn, ExpiresInError, SigningTime, SigningTimeError};
