//! What the server asks of a signer beside signatures.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::signing::BoxFuture;
use access_broker_policy::{BucketName, Operation, Policy};

/// What readiness and metrics ask of a signer.
pub trait SignerStatus: fmt::Debug + Send + Sync + 'static {
    /// Whether URLs can be signed at `now`: for each bucket that the signer serves, by operation. An operation that is
    /// signed by what signs another one is not listed.
    fn availability(&self, now: SystemTime) -> Vec<SigningAvailability>;

    /// The state of everything that the signer signs with. No two signers of a server may give the same name.
    fn credentials(&self) -> Vec<SigningCredentialsStatus>;
}

/// What keeps a signer able to sign.
pub trait SignerUpkeep: SignerStatus {
    /// Takes note of a policy that is put in force: URLs may have longer lives now.
    fn follow(&self, policy: &Policy);

    /// Has everything that the signer signs with read anew, soon. Waits for nothing.
    fn reload(&self);

    /// What must run for as long as the signer is in use. It never returns, and ends by being dropped.
    fn background_tasks(&self) -> Vec<BoxFuture<'static, ()>>;
}

/// Whether an operation on a bucket can be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningAvailability {
    /// The logical bucket.
    pub bucket: BucketName,
    /// Downloads and uploads may be signed by different credentials.
    pub operation: Operation,
    /// At the time of asking.
    pub available: bool,
}

/// The state of one set of credentials, or of a key, at one moment. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningCredentialsStatus {
    /// What operators call them: the label `credentials` of metrics.
    pub name: Arc<str>,
    /// Whether they are read from files that the configuration names.
    pub from_files: bool,
    /// The end of those in force. `None`: they have no end, or there are none.
    pub expiry: Option<SystemTime>,
    /// When those in force came. `None`: there are none.
    pub loaded_at: Option<SystemTime>,
    /// How often asking their provider had each result, by the result's name. Empty: there is no provider to ask.
    pub refreshes: Vec<(&'static str, u64)>,
    /// Whether the provider, when it was asked last, gave those in force. False before it was asked.
    pub last_refresh_is_good: bool,
    /// How many answers had URLs that end early, because the credentials do.
    pub urls_cut: u64,
}
