//! The rules that settings of a bucket can break.

use thiserror::Error;

/// The rule that a bucket's settings break. The texts are for operators and never repeat a URL, which may hold a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Not `^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`. ARNs fail here too: an access point has a setting of its own.
    #[error(
        "the bucket must be 3 to 63 characters from a-z, 0-9, '.' and '-' and start and end with a letter or digit"
    )]
    BucketName,
    /// Not `^([A-Za-z0-9_-]{1,64}:)?[A-Za-z0-9._-]{2,222}$`, or with dots that clients take for a relative path.
    #[error(
        "the bucket must be 2 to 222 letters, digits, '.', '-' and '_', not begin or end with '.' or contain '..', and \
         may have a tenant of 1 to 64 letters, digits, '-' and '_' before a ':'"
    )]
    BucketNameInPath,
    /// Not a host name, which every bucket name must be.
    #[error("the bucket must not contain '..' and must not be an IP address")]
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
        "the region must be 1 to 63 letters, digits and inner hyphens, in lower case unless the bucket has an endpoint"
    )]
    Region,
    /// Neither HTTP nor HTTPS.
    #[error("the endpoint must be an http or https URL")]
    Scheme,
    /// Credentials in the endpoint.
    #[error("the endpoint must not contain a user name or password")]
    UserInfo,
    /// The URL has a part that no presigned URL could keep.
    #[error("the endpoint must not contain '?' or '#'")]
    QueryOrFragment,
    /// A host that clients may write in more than one way.
    #[error("the endpoint's host must be an IP address or consist of letters, digits, '.', '-' and '_'")]
    Host,
    /// A path that clients may write in more than one way.
    #[error("the endpoint's path must consist of non-empty segments of letters, digits, '-', '.', '_' and '~'")]
    Path,
    /// An endpoint of its own has no dual-stack variant.
    #[error("dual_stack applies only to AWS's endpoints")]
    DualStackWithEndpoint,
    /// An endpoint of its own has no FIPS variant.
    #[error("fips applies only to AWS's endpoints")]
    FipsWithEndpoint,
    /// The bucket or the endpoint cannot be part of a host name: dots with HTTPS, or an IP address.
    #[error("the bucket cannot be part of this endpoint's host name; use path addressing")]
    VirtualHostImpossible,
    /// Transfer Acceleration has hosts at AWS alone.
    #[error("accelerate applies only to AWS's endpoints")]
    AccelerateWithEndpoint,
    /// Transfer Acceleration knows a bucket by its host name.
    #[error("accelerate cannot be combined with path addressing")]
    AccelerateWithPath,
    /// Transfer Acceleration has no FIPS variant.
    #[error("accelerate cannot be combined with fips")]
    AccelerateWithFips,
    /// Transfer Acceleration's certificate covers one label before its domain.
    #[error("accelerate is not possible for a bucket with '.' in its name")]
    AccelerateDottedBucket,
    /// Transfer Acceleration exists in partition `aws`. Pseudo regions such as `aws-global` have no hosts for it.
    #[error("accelerate requires a region of partition aws, such as eu-west-1")]
    AccelerateRegion,
    /// The ARN has other parts than an access point's.
    #[error("the access point must be arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME")]
    AccessPointArn,
    /// Not an AWS account id.
    #[error("the access point's account must be 12 digits")]
    AccessPointAccount,
    /// Not a name that AWS gives to access points.
    #[error(
        "the access point's name must be 3 to 50 characters from a-z, 0-9 and inner '-' and must not end with '-s3alias'"
    )]
    AccessPointName,
    /// An access point elsewhere would move the signature to another region.
    #[error("the access point must be in the bucket's region, which must be a region such as eu-west-1")]
    AccessPointRegion,
    /// Accounts, and so access points, belong to one partition.
    #[error("the access point's partition must be that of its region")]
    AccessPointPartition,
    /// A multi-region access point: it is signed by another scheme, `SigV4A`.
    #[error("multi-region access points are not supported")]
    MultiRegionAccessPoint,
    /// An Object Lambda access point: it is signed for another service.
    #[error("object lambda access points are not supported")]
    ObjectLambdaAccessPoint,
    /// An access point on an Outpost: it is signed for another service.
    #[error("access points of outposts are not supported")]
    OutpostsAccessPoint,
    /// An access point of a directory bucket: it is signed by another scheme, with credentials of its own.
    #[error("access points of directory buckets are not supported")]
    DirectoryAccessPoint,
    /// Access points have no accelerated hosts.
    #[error("accelerate is not possible for an access point")]
    AccessPointWithAccelerate,
    /// Access points are known by their host name.
    #[error("path addressing is not possible for an access point")]
    AccessPointWithPath,
    /// AWS serves access points over TLS alone.
    #[error("the endpoint of an access point must be an https URL with a host name")]
    AccessPointNeedsHttpsHost,
    /// Another rule of AWS's, in its words.
    #[error("AWS's endpoint rules refuse the settings: {0}")]
    Refused(String),
    /// AWS's rules gave an answer that the signer cannot use.
    #[error("AWS's endpoint rules give no endpoint that the broker can sign for")]
    Unresolved,
}
