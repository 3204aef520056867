//! The credentials that the machine has.

mod failure;
mod lookup;
mod own_thread;
mod process;
mod profile;
mod profile_end;
mod profile_files;
mod progress;
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

use own_thread::OwnThread;
use sources::{CHAIN_TIMEOUT, Sources};

use super::static_source::Environment;

/// How long a question may take before its thread is given up. It is longer than all sources may take together, so that
/// only a thread that hangs is given up, and shorter than the time that the cache gives.
const GIVE_UP_AFTER: Duration = CHAIN_TIMEOUT.saturating_add(Duration::from_millis(250));

/// AWS's default chain: environment, shared profile, web identity, container, instance metadata
/// ([AWS: standardized credential providers](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html)).
///
/// The sources are the SDK's, without its own cache, which may hand out credentials with 5 seconds left and renews them
/// on the request path; [`CredentialsCache`](super::CredentialsCache) does better. They are asked on a thread of their
/// own, because the SDK reads files in a way that blocks the thread.
pub struct DefaultChain {
    region: Region,
    profile_files: Arc<ProfileFiles>,
    thread: OwnThread,
}

impl DefaultChain {
    /// A chain that asks STS in `region`. `environment` says where the profile files are, and `settle` how long one that
    /// was changed in place must be unchanged before it is used. Nothing is read yet.
    #[must_use]
    pub fn new(region: String, environment: &Environment, settle: Duration) -> Self {
        let region = Region::new(region);
        let profile_files = Arc::new(ProfileFiles::new(environment, settle));
        let (files, environment, sts_region) = (Arc::clone(&profile_files), Arc::clone(environment), region.clone());
        let sources = move |progress| {
            let (files, environment) = (Arc::clone(&files), Arc::clone(&environment));
            SharedCredentialsProvider::new(Sources::new(sts_region.clone(), files, environment, progress))
        };
        Self { region, profile_files, thread: OwnThread::new(GIVE_UP_AFTER, sources) }
    }

    #[must_use]
    pub(crate) fn profile_files(&self) -> Arc<ProfileFiles> {
        Arc::clone(&self.profile_files)
    }
}

/// What the SDK's sources begin with. It remembers the profile files once it has read them.
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
