//! What the S3 server of a bucket keeps of what AWS's S3 keeps.

use std::collections::BTreeSet;

use access_broker_base::document::{Located, Table};
use access_broker_policy::{ChecksumAlgorithm, UnsignedHeaders};
use access_broker_s3::EntityTagForm;

/// What the operator says of the server of a bucket. docs/SERVERS.md has what is known of several servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerTraits {
    /// What it does with `x-amz-*` headers that the signature does not cover.
    pub(crate) unsigned_headers: Option<UnsignedHeaders>,
    /// Whether it keeps `If-None-Match` and `If-Match` of an upload. `None`: not said.
    pub(crate) conditional_writes: Option<bool>,
    /// How it wants the tag in `If-Match`.
    pub(crate) etag_form: EntityTagForm,
    /// The checksums that it compares with the content. `None`: not said.
    pub(crate) checksums: Option<BTreeSet<ChecksumAlgorithm>>,
    /// Whether a `\` in a key is a character like others, and not taken for a `/`.
    pub(crate) backslash_in_keys: bool,
}

impl ServerTraits {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let unsigned_headers = [("refused", UnsignedHeaders::Refused), ("accepted", UnsignedHeaders::Accepted)];
        let etag_forms = [("quoted", EntityTagForm::Quoted), ("bare", EntityTagForm::Bare)];
        Self {
            unsigned_headers: table.one_of("unsigned_headers", &unsigned_headers),
            conditional_writes: table.boolean("conditional_writes").map(|flag| flag.value),
            etag_form: table.one_of("etag_form", &etag_forms).unwrap_or_default(),
            checksums: read_checksums(table),
            backslash_in_keys: table.boolean("backslash_in_keys").is_none_or(|flag| flag.value),
        }
    }
}

/// An empty list has a meaning: the server compares none.
fn read_checksums(table: &mut Table<'_>) -> Option<BTreeSet<ChecksumAlgorithm>> {
    let names = table.strings("checksums")?;
    let mut checksums = BTreeSet::new();
    for Located { value, location } in names {
        match ChecksumAlgorithm::by_name(&value) {
            Some(algorithm) => _ = checksums.insert(algorithm),
            None => {
                let known = ChecksumAlgorithm::ALL.map(ChecksumAlgorithm::name).join(", ");
                table.report("checksums", &location, format!("holds {value:?}; the algorithms are {known}"));
            }
        }
    }
    Some(checksums)
}
