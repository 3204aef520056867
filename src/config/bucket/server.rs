//! Which promises of AWS's S3 the server of a bucket honors.

use std::collections::BTreeSet;

use access_broker_base::document::Table;
use access_broker_policy::{ChecksumAlgorithm, UnsignedHeaders};
use access_broker_s3::EntityTagForm;

/// What the operator says about the server of a bucket. docs/SERVERS.md has results for several servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerTraits {
    /// What it does with `x-amz-*` headers that the signature does not cover.
    pub(crate) unsigned_headers: Option<UnsignedHeaders>,
    /// Whether it honors `If-None-Match` and `If-Match` of an upload. `None`: not set.
    pub(crate) conditional_writes: Option<bool>,
    /// The form of the tag that it requires in `If-Match`.
    pub(crate) etag_form: EntityTagForm,
    /// The checksums that it compares with the content; an empty set for none. `None`: not set.
    pub(crate) checksums: Option<BTreeSet<ChecksumAlgorithm>>,
    /// Whether a `\` in a key stays a `\`, and does not become a `/`.
    pub(crate) backslash_in_keys: bool,
}

impl ServerTraits {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let unsigned_headers = table
            .setting(
                "unsigned_headers",
                "What the server does with unsigned `x-amz-*` headers of an upload. See [credentials for \
                 uploads](#credentials-for-uploads).",
            )
            .choice(&[("refused", UnsignedHeaders::Refused), ("accepted", UnsignedHeaders::Accepted)])
            .optional();
        let conditional_writes = table
            .setting(
                "conditional_writes",
                "Whether the server honors `If-None-Match` and `If-Match` of uploads. See \
                 [servers](#what-a-server-honors).",
            )
            .flag()
            .absent("true at AWS; unknown for other servers")
            .optional();
        let etag_form = table
            .setting("etag_form", "The form of the ETag in `If-Match` that the server requires: `bare` for Ceph RGW.")
            .choice(&[("quoted", EntityTagForm::Quoted), ("bare", EntityTagForm::Bare)])
            .or(EntityTagForm::default());
        let checksums = table
            .setting(
                "checksums",
                "The checksums that the server compares with the content; an empty list for none. Others are refused, \
                 and `VerifyUpload` does not trust them.",
            )
            .list("string")
            .limits("`crc32`, `crc32c`, `crc64nvme`, `md5`, `sha1`, `sha256`")
            .absent("all at AWS; unknown for other servers")
            .each(checksum);
        let backslash_in_keys = table
            .setting(
                "backslash_in_keys",
                "`false` for a server that changes `\\` in a key to `/`, such as SeaweedFS: keys with `\\` are then in \
                 no tier.",
            )
            .flag()
            .or(true);
        Self {
            unsigned_headers: unsigned_headers.map(|headers| headers.value),
            conditional_writes: conditional_writes.map(|flag| flag.value),
            etag_form,
            checksums: checksums.map(|names| names.into_iter().map(|name| name.value).collect()),
            backslash_in_keys,
        }
    }
}

fn checksum(name: &str) -> Result<ChecksumAlgorithm, String> {
    ChecksumAlgorithm::by_name(name).ok_or_else(|| {
        let known = ChecksumAlgorithm::ALL.map(ChecksumAlgorithm::name).join(", ");
        format!("has invalid algorithm {name:?}; must be {known}")
    })
}
