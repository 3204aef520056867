//! The state and the upkeep of a signer.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::signing::BoxFuture;
use access_broker_policy::{BucketName, Operation, Policy};

/// The state of a signer, for readiness and metrics.
pub trait SignerStatus: fmt::Debug + Send + Sync + 'static {
    /// Whether URLs can be signed at `now`, for each bucket of the signer and each operation. An operation that has the
    /// credentials of another one is not listed.
    fn availability(&self, now: SystemTime) -> Vec<SigningAvailability>;

    /// The state of all of the signer's credentials. Two signers of a server must not use the same name.
    fn credentials(&self) -> Vec<SigningCredentialsStatus>;
}

/// The upkeep of a signer.
pub trait SignerUpkeep: SignerStatus {
    /// Applies a new active policy: URLs may have longer lifetimes now.
    fn follow(&self, policy: &Policy);

    /// Requests that all credentials are read again. Does not wait.
    fn reload(&self);

    /// The tasks that must run while the signer is in use. They never return; drop them to stop.
    fn background_tasks(&self) -> Vec<BoxFuture<'static, ()>>;
}

/// Whether an operation on a bucket can be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningAvailability {
    /// The logical bucket.
    pub bucket: BucketName,
    /// Downloads and uploads may have different credentials.
    pub operation: Operation,
    /// At the given time.
    pub available: bool,
}

/// The state of one set of credentials, or of a key, at one moment. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningCredentialsStatus {
    /// Their name: the label `credentials` of metrics.
    pub name: Arc<str>,
    /// Whether they are read from configured files.
    pub from_files: bool,
    /// The expiry of the active ones. `None`: they do not expire, or there are none.
    pub expiry: Option<SystemTime>,
    /// When the active ones were loaded. `None`: there are none.
    pub loaded_at: Option<SystemTime>,
    /// The number of attempts by the name of the result. Empty without a provider.
    pub refreshes: Vec<(&'static str, u64)>,
    /// Whether the last attempt returned the active ones. False before the first attempt.
    pub last_refresh_is_good: bool,
    /// The number of answers whose URLs expire early because the credentials do.
    pub urls_cut: u64,
}
