//! What kinds of servers there are, and in what they differ. docs/SERVERS.md has the whole table, which is measured.

use access_broker_policy::ChecksumAlgorithm;

use crate::requirement::Requirement;

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transfer) enum Peer {
    /// The one of `access-broker dev`.
    Embedded,
    /// `rclone serve s3`: a SigV4 verifier of its own. It keeps content and headers, knows no conditions, and checks no
    /// checksum but MD5.
    Rclone,
    /// `moto_server`, from version 5.2.5 on: verifies no signature. It knows conditions, overrides, versions, tags, storage
    /// classes and encryption.
    Moto,
    /// `weed server -s3`: strict, and knows nearly everything of S3.
    SeaweedFs,
    /// Ceph's gateway of the version in Debian 12: it takes headers that are not signed, those that S3 acts on too.
    Rgw,
}

impl Peer {
    /// Every kind that verifies signatures.
    pub(in crate::transfer) const VERIFIERS: [Self; 4] = [Self::Embedded, Self::Rclone, Self::SeaweedFs, Self::Rgw];

    /// Its name in those of tests.
    pub(in crate::transfer) const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Rclone => "rclone",
            Self::Moto => "moto",
            Self::SeaweedFs => "seaweedfs",
            Self::Rgw => "rgw",
        }
    }

    /// What must be installed for it.
    pub(in crate::transfer) const fn needs(self) -> &'static [Requirement] {
        match self {
            Self::Embedded => &[],
            Self::Rclone => &[Requirement::Rclone],
            Self::Moto => &[Requirement::Moto],
            Self::SeaweedFs => &[Requirement::SeaweedFs],
            Self::Rgw => &[Requirement::Rgw],
        }
    }

    pub(in crate::transfer) const fn verifies_signatures(self) -> bool {
        !matches!(self, Self::Moto)
    }

    /// Whether a request with an `x-amz-*` header beside the signed ones is refused.
    pub(in crate::transfer) const fn refuses_unsigned_headers(self) -> bool {
        self.verifies_signatures() && !matches!(self, Self::Rgw)
    }

    /// Whether the `_` in the name of metadata stays what it is. Ceph makes it a `-`.
    pub(in crate::transfer) const fn keeps_underscores(self) -> bool {
        !matches!(self, Self::Rgw)
    }

    /// Whether a `\` in a key is no `/`.
    pub(in crate::transfer) const fn keeps_backslashes(self) -> bool {
        !matches!(self, Self::SeaweedFs)
    }

    /// What an operator says of it in `[[bucket]]`.
    pub(in crate::transfer) const fn settings(self) -> &'static str {
        match self {
            Self::Rgw => "unsigned_headers = \"accepted\"\netag_form = \"bare\"",
            _ => "unsigned_headers = \"refused\"",
        }
    }

    /// The checksums that content is held to.
    pub(in crate::transfer) const fn checks(self) -> &'static [ChecksumAlgorithm] {
        match self {
            Self::Embedded | Self::SeaweedFs => &ChecksumAlgorithm::ALL,
            Self::Rclone | Self::Rgw => &[ChecksumAlgorithm::Md5],
            Self::Moto => &[],
        }
    }
}
