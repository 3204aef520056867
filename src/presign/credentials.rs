//! The credentials that sign: read ahead of need, replaced while running, never past their end.

mod cache;
mod default_chain;
mod error;
mod refresh_result;
mod schedule;
mod snapshot;
mod static_source;

pub use cache::{CredentialsCache, CredentialsStatus, Renewal};
pub use default_chain::default_chain;
pub use error::CredentialsError;
pub use refresh_result::RefreshResult;
pub use snapshot::{CredentialsSnapshot, SIGNING_MARGIN};
pub use static_source::{Environment, SecretSource, SecretSourceError, SessionSource, StaticCredentialsSource};
