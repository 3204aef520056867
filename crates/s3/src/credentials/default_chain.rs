//! The credentials of AWS's default chain.

mod failure;
mod lookup;
mod process;
mod profile;
mod profile_end;
mod profile_files;
mod progress;
mod provider_thread;
mod sources;
mod token_files;
mod variables;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

pub(super) use failure::ChainFailure;
pub(crate) use profile_files::ProfileFiles;

use provider_thread::ProviderThread;
use sources::{CHAIN_TIMEOUT, Sources};

use super::static_source::ReadEnv;

/// The time after which a thread is abandoned. It is longer than the limit of all sources together, so that only a
/// thread that hangs is abandoned, and shorter than the time limit of the cache.
const GIVE_UP_AFTER: Duration = CHAIN_TIMEOUT.saturating_add(Duration::from_millis(250));

/// AWS's default chain: environment, shared profile, web identity, container, instance metadata
/// ([AWS: standardized credential providers](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html)).
///
/// The sources are the SDK's, with [`CredentialsCache`](super::CredentialsCache) in place of the SDK's cache, which may
/// return credentials that expire in 5 seconds and renews them during requests. They are asked on a separate thread,
/// because the SDK's file reads block the thread.
pub struct DefaultChain {
    region: Region,
    profile_files: Arc<ProfileFiles>,
    thread: ProviderThread,
}

impl DefaultChain {
    /// A chain that uses STS in `region`. `environment` has the paths of the profile files, and `settle` is how long a
    /// file must stay unchanged after a change in place, before it is used. Does not read yet.
    #[must_use]
    pub fn new(region: String, environment: &ReadEnv, settle: Duration) -> Self {
        let region = Region::new(region);
        let profile_files = Arc::new(ProfileFiles::new(environment, settle));
        let (files, environment, sts_region) = (Arc::clone(&profile_files), Arc::clone(environment), region.clone());
        let sources = move |progress| {
            let (files, environment) = (Arc::clone(&files), Arc::clone(&environment));
            SharedCredentialsProvider::new(Sources::new(sts_region.clone(), files, environment, progress))
        };
        Self { region, profile_files, thread: ProviderThread::new(GIVE_UP_AFTER, sources) }
    }

    #[must_use]
    pub(crate) fn profile_files(&self) -> Arc<ProfileFiles> {
        Arc::clone(&self.profile_files)
    }
}

/// The configuration of the SDK's sources. It caches the profile files after the first read.
fn provider_config(region: &Region) -> ProviderConfig {
    let config = ProviderConfig::without_region().with_behavior_version(Some(BehaviorVersion::latest()));
    config.with_region(Some(region.clone()))
}

impl ProvideCredentials for DefaultChain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.thread.ask())
    }
}

impl fmt::Debug for DefaultChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultChain").field("region", &self.region).finish_non_exhaustive()
    }
}
