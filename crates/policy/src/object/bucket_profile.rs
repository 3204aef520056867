//! What a policy must know about a bucket, to promise nothing that its server does not do.

use std::collections::BTreeSet;

use super::checksum::ChecksumAlgorithm;
use super::endpoint_name::EndpointName;
use super::object_key::ObjectKey;

/// The part of a bucket's configuration that limits policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketProfile {
    /// Every endpoint of the bucket.
    pub endpoints: BTreeSet<EndpointName>,
    /// The endpoints that are not AWS's: servers that may do less than S3.
    pub other_servers: BTreeSet<EndpointName>,
    /// Whether uploads have separate signing credentials, which may be unable to read.
    pub separate_upload_credentials: bool,
    /// What the operator says about unsigned headers. `None`: nothing.
    pub unsigned_headers: Option<UnsignedHeaders>,
    /// Whether the server obeys `If-None-Match` and `If-Match` of an upload. `None`: the operator has not said.
    pub conditional_writes: Option<bool>,
    /// The checksums that the server compares with the content. `None`: the operator has not said.
    pub checksums: Option<BTreeSet<ChecksumAlgorithm>>,
    /// Whether the server treats a `\` in a key as a `/`, so that one object has keys in several tiers.
    pub takes_backslash_for_slash: bool,
}

/// What a server does with an upload that has more `x-amz-*` headers than its signature covers. AWS refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsignedHeaders {
    /// The server refuses it, as the operator has tested.
    Refused,
    /// The server accepts it, and the operator accepts the risk.
    Accepted,
}

impl BucketProfile {
    /// A bucket at AWS with these endpoints.
    #[must_use]
    pub fn at_aws(endpoints: impl IntoIterator<Item = EndpointName>) -> Self {
        Self { endpoints: endpoints.into_iter().collect(), ..Self::default() }
    }

    /// Whether the server is known to compare such a checksum with the content. AWS does, and another server does if the
    /// operator says so.
    #[must_use]
    pub(crate) fn is_known_to_check(&self, algorithm: ChecksumAlgorithm) -> bool {
        match &self.checksums {
            Some(checked) => checked.contains(&algorithm),
            None => self.other_servers.is_empty(),
        }
    }

    /// Whether the operator says that the server does not check such a checksum.
    pub(crate) fn is_known_to_ignore(&self, algorithm: ChecksumAlgorithm) -> bool {
        self.checksums.as_ref().is_some_and(|checked| !checked.contains(&algorithm))
    }

    /// Whether the operator says that the server ignores the conditions of an upload.
    pub(crate) fn ignores_conditions(&self) -> bool {
        self.conditional_writes == Some(false)
    }

    /// Whether another key names the same object. Such a key is in no tier: the tier of the other key decides about the
    /// object.
    pub(crate) fn has_another_key(&self, key: &ObjectKey) -> bool {
        self.takes_backslash_for_slash && key.as_str().contains('\\')
    }

    /// Whether an upload can have `If-Match`, which needs read access to the object's `ETag`. At AWS that is `s3:GetObject`, and
    /// the operator can grant it to the credentials of uploads. At other servers these credentials may be unable to read.
    pub(crate) fn supports_if_match(&self) -> bool {
        !self.ignores_conditions() && (!self.separate_upload_credentials || self.other_servers.is_empty())
    }

    /// The first of these endpoints at which the holder of an upload URL may be able to read and publish everything that the
    /// signer can, by headers that the signature does not cover.
    pub(crate) fn endpoint_open_to_unsigned_headers(&self, usable: &[EndpointName]) -> Option<&EndpointName> {
        if self.separate_upload_credentials || self.unsigned_headers.is_some() {
            return None;
        }
        self.other_servers.iter().find(|endpoint| usable.contains(endpoint))
    }
}
