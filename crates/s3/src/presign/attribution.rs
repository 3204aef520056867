//! The caller and the decision of a URL.

/// The caller and the decision of a URL, for the access log of S3.
///
/// S3 ignores query parameters that begin with `x-`, and logs them
/// ([AWS: custom access log information](https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html)). They are
/// signed, so that the holder of the URL cannot change them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// The UUID of the decision in the audit record.
    pub decision_id: String,
    /// A pseudonym of the caller.
    pub caller_id: String,
}
