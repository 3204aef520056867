//! Has a running server read anew what it reads from outside.

use std::sync::Arc;

use tokio::sync::watch;

use access_broker_identity::KeyRing;
use access_broker_s3::presign::SignerUpkeep;

/// Has a running server read anew what it reads from outside. Clones do the same.
#[derive(Debug, Clone)]
pub struct Reloader {
    pub(in crate::server) key_rings: Vec<Arc<KeyRing>>,
    pub(in crate::server) signers: Vec<Arc<dyn SignerUpkeep>>,
    pub(in crate::server) files: watch::Sender<()>,
}

impl Reloader {
    /// Has the keys of every issuer fetched, all credentials asked for anew, and the policy and TLS files looked at now,
    /// and not when it is their time. What is new takes effect as it would have then: a changed key at once, a file once
    /// it counts. What cannot be read leaves what is in force. Waits for nothing.
    pub fn reload(&self) {
        self.key_rings.iter().for_each(|keys| keys.refresh_soon());
        self.signers.iter().for_each(|signer| signer.reload());
        self.files.send_replace(());
    }
}
