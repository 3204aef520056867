//! What a URL can be traced back to.

/// Who a URL was issued to and by which decision, for the access log of S3.
///
/// S3 ignores query parameters that begin with `x-`, and logs them
/// ([AWS: custom access log information](https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html)). They are
/// signed, so that whoever holds the URL cannot change them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// A UUID, as the audit record has it.
    pub decision_id: String,
    /// A pseudonym of the caller.
    pub caller_id: String,
}
