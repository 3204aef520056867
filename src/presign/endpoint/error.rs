//! The rules that settings of a bucket can break.

use thiserror::Error;

/// The rule that a bucket's settings break. The texts are for operators and never repeat a URL, which may hold a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Not `^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`. ARNs fail here too: one would move the signature to another account.
    #[error(
        "the bucket must be 3 to 63 characters from a-z, 0-9, '.' and '-' and start and end with a letter or digit"
    )]
    BucketName,
    /// Not a host name, which every bucket name must be.
    #[error("the bucket must not contain '..' or look like an IP address")]
    BucketNotAHost,
    /// A directory bucket (`--x-s3`): it is signed by another scheme, with credentials of its own.
    #[error("directory buckets ('--x-s3') are not supported")]
    DirectoryBucket,
    /// A prefix or suffix that AWS keeps for access points and for itself.
    #[error(
        "the bucket must not start with 'xn--' or 'sthree-' or end with '-s3alias', '--ol-s3', '.mrap' or '--table-s3'"
    )]
    ReservedBucketName,
    /// Not a DNS label (RFC 1123 section 2.1), or not in lower case at AWS.
    #[error(
        "the region must be 1 to 63 letters, digits and inner hyphens, and in lower case without an endpoint of its own"
    )]
    Region,
    /// Neither HTTP nor HTTPS.
    #[error("the endpoint must be an http or https URL")]
    Scheme,
    /// Credentials in the endpoint.
    #[error("the endpoint must not contain a user name or password")]
    UserInfo,
    /// A query or a fragment in the endpoint.
    #[error("the endpoint must not contain '?' or '#'")]
    QueryOrFragment,
    /// A host that clients may write in more than one way.
    #[error("the endpoint's host must be an IP address or consist of letters, digits, '.', '-' and '_'")]
    Host,
    /// A path that clients may write in more than one way.
    #[error("the endpoint's path must consist of non-empty segments of letters, digits, '-', '.', '_' and '~'")]
    Path,
    /// An endpoint of its own has no dual-stack variant.
    #[error("dual_stack is for AWS's own endpoints only")]
    DualStackWithEndpoint,
    /// An endpoint of its own has no FIPS variant.
    #[error("fips is for AWS's own endpoints only")]
    FipsWithEndpoint,
    /// The bucket or the endpoint cannot be part of a host name: dots with HTTPS, or an IP address.
    #[error("the bucket cannot be part of this endpoint's host name; use path addressing")]
    VirtualHostImpossible,
    /// Another rule of AWS's, in its words.
    #[error("AWS's endpoint rules refuse the settings: {0}")]
    Refused(String),
    /// AWS's rules gave an answer that the signer cannot use.
    #[error("AWS's endpoint rules give no endpoint that can be signed for plain S3")]
    Unresolved,
}
