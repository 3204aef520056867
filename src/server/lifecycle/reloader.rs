//! Reloads keys, credentials and files of a running server.

use std::sync::Arc;

use tokio::sync::watch;

use access_broker_identity::KeyRing;
use access_broker_s3::presign::SignerUpkeep;

/// Requests reloads from a running server. Clones do the same.
#[derive(Debug, Clone)]
pub struct Reloader {
    pub(in crate::server) key_rings: Vec<Arc<KeyRing>>,
    pub(in crate::server) signers: Vec<Arc<dyn SignerUpkeep>>,
    pub(in crate::server) files: watch::Sender<()>,
}

impl Reloader {
    /// Fetches the keys of every issuer, renews all credentials, and reads the policy and TLS files now instead of at
    /// their next time. The effects are the usual ones: a changed key is used immediately, a file when it is stable. If
    /// something cannot be read, the active one stays. Does not wait.
    pub fn reload(&self) {
        self.key_rings.iter().for_each(|keys| keys.refresh_soon());
        self.signers.iter().for_each(|signer| signer.reload());
        self.files.send_replace(());
    }
}
