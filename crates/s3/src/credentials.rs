//! The credentials that sign: read ahead of need, replaced while serving, and not used after they expire.

mod cache;
mod changes;
mod default_chain;
mod error;
mod origin;
mod readers;
mod refresh_result;
mod schedule;
mod settings;
mod snapshot;
mod source;
mod static_source;

pub use cache::CredentialsCache;
pub(crate) use cache::CredentialsStatus;
pub use default_chain::DefaultChain;
pub use error::CredentialsError;
pub(crate) use readers::{Readers, have_same_key};
pub use refresh_result::RefreshResult;
pub use settings::{CredentialsSettings, DEFAULT_CHAIN_NAME};
pub use snapshot::CredentialsSnapshot;
#[cfg(test)]
pub(crate) use snapshot::SIGNING_MARGIN;
pub use source::{BucketCredentials, CredentialsSource, CredentialsUse};
pub(crate) use static_source::StaticCredentialsSource;
pub use static_source::{ReadEnv, SecretSource, SessionSource};
