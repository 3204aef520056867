//! The rules for a bucket's settings.

use thiserror::Error;

/// The rule that a bucket's settings break. The texts are for operators and never repeat a URL, which may hold a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Not `^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`. This includes ARNs: an access point has a separate setting.
    #[error(
        "the bucket must be 3 to 63 characters from a-z, 0-9, '.' and '-' and start and end with a letter or digit"
    )]
    BucketName,
    /// Not `^([A-Za-z0-9_-]{1,64}:)?[A-Za-z0-9._-]{2,222}$`, or with dots that clients resolve as a relative path.
    #[error(
        "the bucket must be 2 to 222 letters, digits, '.', '-' and '_', not begin or end with '.' or contain '..', and \
         may have a tenant of 1 to 64 letters, digits, '-' and '_' before a ':'"
    )]
    BucketNameInPath,
    /// Not a host name, which every bucket name must be.
    #[error("the bucket must not contain '..' and must not be an IP address")]
    BucketNotAHost,
    /// A directory bucket (`--x-s3`): it has another signing scheme and separate credentials.
    #[error("directory buckets ('--x-s3') are not supported")]
    DirectoryBucket,
    /// A prefix or suffix that AWS reserves.
    #[error(
        "the bucket must not start with 'xn--' or 'sthree-' or end with '-s3alias', '--ol-s3', '.mrap' or '--table-s3'"
    )]
    ReservedBucketName,
    /// Not a DNS label (RFC 1123 section 2.1), or not in lower case at AWS.
    #[error(
        "the region must be 1 to 63 letters, digits and inner hyphens, in lower case unless the bucket has an endpoint"
    )]
    Region,
    /// Neither HTTP nor HTTPS.
    #[error("the endpoint must be an http or https URL")]
    Scheme,
    /// Credentials in the endpoint.
    #[error("the endpoint must not contain a user name or password")]
    UserInfo,
    /// The URL has a part that a presigned URL cannot keep.
    #[error("the endpoint must not contain '?' or '#'")]
    QueryOrFragment,
    /// A host with more than one spelling.
    #[error("the endpoint's host must be an IP address or consist of letters, digits, '.', '-' and '_'")]
    Host,
    /// A path with more than one spelling.
    #[error("the endpoint's path must consist of non-empty segments of letters, digits, '-', '.', '_' and '~'")]
    Path,
    /// A configured endpoint has no dual-stack variant.
    #[error("dual_stack applies only to AWS's endpoints")]
    DualStackWithEndpoint,
    /// A configured endpoint has no FIPS variant.
    #[error("fips applies only to AWS's endpoints")]
    FipsWithEndpoint,
    /// The bucket's name cannot be in the host name: it has dots with HTTPS, or the endpoint is an IP address.
    #[error("the bucket cannot be part of this endpoint's host name; use path addressing")]
    VirtualHostImpossible,
    /// Only AWS has Transfer Acceleration.
    #[error("accelerate applies only to AWS's endpoints")]
    AccelerateWithEndpoint,
    /// Transfer Acceleration identifies a bucket by its host name.
    #[error("accelerate cannot be combined with path addressing")]
    AccelerateWithPath,
    /// Transfer Acceleration has no FIPS variant.
    #[error("accelerate cannot be combined with fips")]
    AccelerateWithFips,
    /// The certificate of Transfer Acceleration has one label before its domain.
    #[error("accelerate is not possible for a bucket with '.' in its name")]
    AccelerateDottedBucket,
    /// Only partition `aws` has Transfer Acceleration. Pseudo regions such as `aws-global` have no hosts for it.
    #[error("accelerate requires a region of partition aws, such as eu-west-1")]
    AccelerateRegion,
    /// The ARN has other parts than an access point's.
    #[error("the access point must be arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME")]
    AccessPointArn,
    /// Not an AWS account id.
    #[error("the access point's account must be 12 digits")]
    AccessPointAccount,
    /// Not a valid name of an access point.
    #[error(
        "the access point's name must be 3 to 50 characters from a-z, 0-9 and inner '-' and must not end with '-s3alias'"
    )]
    AccessPointName,
    /// An access point in another region would change the region of the signature.
    #[error("the access point must be in the bucket's region, which must be a region such as eu-west-1")]
    AccessPointRegion,
    /// Accounts, and so access points, belong to one partition.
    #[error("the access point's partition must be that of its region")]
    AccessPointPartition,
    /// A multi-region access point: it has another signing scheme, `SigV4A`.
    #[error("multi-region access points are not supported")]
    MultiRegionAccessPoint,
    /// An Object Lambda access point: it is signed for another service.
    #[error("object lambda access points are not supported")]
    ObjectLambdaAccessPoint,
    /// An access point on an Outpost: it is signed for another service.
    #[error("access points of outposts are not supported")]
    OutpostsAccessPoint,
    /// An access point of a directory bucket: it has another signing scheme and separate credentials.
    #[error("access points of directory buckets are not supported")]
    DirectoryAccessPoint,
    /// Access points have no accelerated hosts.
    #[error("accelerate is not possible for an access point")]
    AccessPointWithAccelerate,
    /// AWS identifies access points by their host name.
    #[error("path addressing is not possible for an access point")]
    AccessPointWithPath,
    /// AWS serves access points only over TLS.
    #[error("the endpoint of an access point must be an https URL with a host name")]
    AccessPointNeedsHttpsHost,
    /// Another rule of AWS, with its error text.
    #[error("AWS's endpoint rules refuse the settings: {0}")]
    Refused(String),
    /// AWS's rules returned an endpoint that the signer does not support.
    #[error("AWS's endpoint rules give no endpoint that the broker can sign for")]
    Unresolved,
}
