//! What a policy must know of a bucket, to promise nothing there that its server does not keep.

use std::collections::BTreeSet;

use super::checksum::ChecksumAlgorithm;
use super::endpoint_name::EndpointName;
use super::object_key::ObjectKey;

/// A bucket of the server's configuration, as far as it decides what a policy may say of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketProfile {
    /// Every endpoint of the bucket.
    pub endpoints: BTreeSet<EndpointName>,
    /// Those of them that are not AWS's own: servers that may keep less than S3 does.
    pub other_servers: BTreeSet<EndpointName>,
    /// Whether uploads are signed by credentials of their own, which need not read.
    pub separate_upload_credentials: bool,
    /// What the operator says of headers that are not signed. `None`: nothing.
    pub unsigned_headers: Option<UnsignedHeaders>,
    /// Whether the server keeps `If-None-Match` and `If-Match` of an upload. `None`: the operator has not said.
    pub conditional_writes: Option<bool>,
    /// The checksums that the server compares with the content. `None`: the operator has not said.
    pub checksums: Option<BTreeSet<ChecksumAlgorithm>>,
    /// Whether the server takes a `\` in a key for a `/`, so that one object has keys in several tiers.
    pub takes_backslash_for_slash: bool,
}

/// What a server does with an upload that has more `x-amz-*` headers than its signature covers. AWS refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsignedHeaders {
    /// The server refuses it: the operator has tried it.
    Refused,
    /// The server takes it, and the operator takes the risk.
    Accepted,
}

impl BucketProfile {
    /// Everything but the endpoints is as AWS has it.
    #[must_use]
    pub fn at_aws(endpoints: impl IntoIterator<Item = EndpointName>) -> Self {
        Self { endpoints: endpoints.into_iter().collect(), ..Self::default() }
    }

    /// Whether the server is known to compare such a checksum with the content, so that one that it gives back was true:
    /// AWS does, and another server does where the operator says so.
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

    /// Whether the key names an object that another key names, too. Such a key is in no tier: the tier of the other key
    /// decides over the object.
    pub(crate) fn has_another_key(&self, key: &ObjectKey) -> bool {
        self.takes_backslash_for_slash && key.as_str().contains('\\')
    }

    /// Whether an upload may be bound to the object that is there. AWS reads the object's tag by the permission to read
    /// it (`s3:GetObject`), which credentials of uploads have there where the operator grants it; elsewhere credentials
    /// that need not read cannot be told to.
    pub(crate) fn keeps_if_match(&self) -> bool {
        !self.ignores_conditions() && (!self.separate_upload_credentials || self.other_servers.is_empty())
    }

    /// Whether the holder of an upload URL that goes by one of these endpoints may be able to read and publish what the
    /// upload's signer can, by headers that the signature does not cover. The first such endpoint.
    pub(crate) fn endpoint_open_to_unsigned_headers(&self, usable: &[EndpointName]) -> Option<&EndpointName> {
        if self.separate_upload_credentials || self.unsigned_headers.is_some() {
            return None;
        }
        self.other_servers.iter().find(|endpoint| usable.contains(endpoint))
    }
}
