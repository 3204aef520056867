//! What issued URLs bind in addition to their object, for the record of the decision.

use std::sync::Arc;

use access_broker_policy::{Permit, PermittedDownload, PermittedUpload};

/// The terms of a permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuedTerms {
    /// What the answer to the download contains.
    Download {
        /// The permit's own.
        terms: Arc<PermittedDownload>,
        /// Whether equal requests get the same URLs.
        stable: bool,
    },
    /// Headers that the upload must send.
    Upload(Arc<PermittedUpload>),
}

impl IssuedTerms {
    pub(super) fn from_download(permit: &Permit<PermittedDownload>) -> Self {
        Self::Download { terms: permit.shared_terms(), stable: permit.lifetime().stable }
    }

    pub(super) fn from_upload(permit: &Permit<PermittedUpload>) -> Self {
        Self::Upload(permit.shared_terms())
    }
}
