//! Names of a bucket's endpoints.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::bucket_name::is_logical_name;

/// The name of an endpoint of a bucket. The configuration has its URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointName(Arc<str>);

impl EndpointName {
    /// Checks a name by the rule of [`BucketName`](super::BucketName): 1 to 63 characters from `a-z`, `0-9`, `-` and
    /// `_`, the first a letter or digit.
    ///
    /// # Errors
    ///
    /// When the name breaks that rule.
    pub fn parse(text: &str) -> Result<Self, EndpointNameError> {
        if is_logical_name(text) { Ok(Self(text.into())) } else { Err(EndpointNameError) }
    }

    /// `default`: the endpoint that a bucket's own settings describe. Every bucket has it.
    #[must_use]
    pub fn default_endpoint() -> Self {
        Self("default".into())
    }

    /// The name as configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not a valid endpoint name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 1 to 63 characters from a-z, 0-9, '-' and '_' and start with a letter or digit")]
pub struct EndpointNameError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_name_is_no_host_and_no_url() {
        for text in ["", "Public", "-a", "_a", "s3.example.com", "https://a", "a/b", "a b", "a\0", &"m".repeat(64)] {
            assert_eq!(EndpointName::parse(text), Err(EndpointNameError), "{text}");
        }
        assert!(EndpointName::parse(&"m".repeat(10_000_000)).is_err());
        for text in ["vpce", "in-cluster", "v4_only", "0", &"m".repeat(63)] {
            assert_eq!(EndpointName::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_default_endpoint_has_a_name_like_any_other() {
        let default = EndpointName::default_endpoint();
        assert_eq!(EndpointName::parse(default.as_str()), Ok(default));
    }
}
