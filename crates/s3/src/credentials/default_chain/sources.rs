//! AWS's sources of credentials, asked one after another.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_config::Region;
use aws_config::default_provider::use_dual_stack::use_dual_stack_provider;
use aws_config::default_provider::use_fips::use_fips_provider;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError as ProviderError;
use aws_credential_types::provider::{ProvideCredentials, Result as ProviderResult, future};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use super::failure::{ChainFailure, RequestedRole};
use super::lookup::Lookup;
use super::profile_files::ProfileFiles;
use super::progress::Progress;
use super::token_files::{TokenFileKind, check_token};
use super::{profile, provider_config, variables};
use crate::credentials::origin::CredentialsOrigin;
use crate::credentials::static_source::ReadEnv;

/// The time limit of the whole chain. It is shorter than the time limit of the cache, so that the errors of the sources
/// that answered are not lost.
pub(super) const CHAIN_TIMEOUT: Duration = Duration::from_millis(9_500);

/// The sources. The one for profiles is created again for each question, because the SDK's source reads the files once
/// and keeps its first error. The others keep no state, except that instance metadata keeps its last credentials for an
/// outage of that service.
#[derive(Debug)]
pub(super) struct Sources {
    lookup: Lookup,
    environment: EnvironmentVariableCredentialsProvider,
    clients: OnceCell<Clients>,
}

/// The SDK's sources that ask a service.
#[derive(Debug)]
struct Clients {
    web_identity: WebIdentityTokenCredentialsProvider,
    container: EcsCredentialsProvider,
    instance_metadata: ImdsCredentialsProvider,
}

/// A source of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Environment,
    Profile,
    WebIdentity,
    Container,
    InstanceMetadata,
}

impl Source {
    /// In the order of the SDK for Rust.
    const ALL: [Self; 5] =
        [Self::Environment, Self::Profile, Self::WebIdentity, Self::Container, Self::InstanceMetadata];

    const fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Profile => "profile",
            Self::WebIdentity => "web identity",
            Self::Container => "container",
            Self::InstanceMetadata => "instance metadata",
        }
    }

    /// Whether the source is set up only by variables, so that without credentials it is not set up.
    const fn is_set_by_variables(self) -> bool {
        matches!(self, Self::Environment | Self::WebIdentity | Self::Container)
    }
}

impl Sources {
    pub(super) fn new(
        region: Region,
        profile_files: Arc<ProfileFiles>,
        environment: ReadEnv,
        progress: Progress,
    ) -> Self {
        Self {
            lookup: Lookup { region, profile_files, environment, progress },
            environment: EnvironmentVariableCredentialsProvider::new(),
            clients: OnceCell::new(),
        }
    }

    /// Asks one source after the other, up to the first one that returns credentials, or that is set up and fails.
    async fn load(&self) -> ProviderResult {
        let deadline = Instant::now() + CHAIN_TIMEOUT;
        let progress = &self.lookup.progress;
        let mut failure = ChainFailure::default();
        for source in Source::ALL {
            progress.begins(source.name(), failure.errors_so_far());
            match timeout_at(deadline, self.ask(source)).await {
                Ok(Ok(credentials)) if CredentialsOrigin::from_credentials(&credentials).is_some() => {
                    return Ok(credentials);
                }
                Ok(Ok(credentials)) => return Ok(CredentialsOrigin::new(source.name()).mark(credentials)),
                Ok(Err(ProviderError::CredentialsNotLoaded(_))) if source.is_set_by_variables() => {
                    failure.not_set_up(source.name());
                }
                Ok(Err(error)) => {
                    failure.failed(source.name(), &error);
                    if !matches!(error, ProviderError::CredentialsNotLoaded(_)) {
                        break;
                    }
                }
                Err(_) => {
                    failure.timed_out(source.name(), &progress.what(), CHAIN_TIMEOUT);
                    break;
                }
            }
        }
        Err(ProviderError::provider_error(failure))
    }

    async fn ask(&self, source: Source) -> ProviderResult {
        match source {
            Source::Environment => {
                variables::check_keys(&self.lookup.environment)?;
                let mut credentials = self.environment.provide_credentials().await?;
                *credentials.expiry_mut() = variables::expiration(&self.lookup.environment)?;
                Ok(credentials)
            }
            Source::Profile => profile::load(&self.lookup).await,
            Source::WebIdentity => self.ask_web_identity().await,
            Source::Container => {
                self.lookup.check_container_token()?;
                self.clients().await.container.provide_credentials().await
            }
            Source::InstanceMetadata => self.clients().await.instance_metadata.provide_credentials().await,
        }
    }

    async fn ask_web_identity(&self) -> ProviderResult {
        let Lookup { region, environment, progress, .. } = &self.lookup;
        if !variables::has_web_identity(environment)? {
            return Err(ProviderError::not_loaded_no_source());
        }
        let (file, role) = (environment(variables::TOKEN_FILE), environment(variables::ROLE_ARN));
        check_token(variables::TOKEN_FILE, Path::new(&file.unwrap_or_default()), TokenFileKind::Always, progress)?;
        let role = RequestedRole::new(&role.unwrap_or_default(), region);
        progress.detail(role.to_string());
        self.clients().await.web_identity.provide_credentials().await.map_err(|error| role.wrap(error))
    }

    /// The SDK's sources, created at their first use: the SDK reads the profile files for them, which is safe only
    /// after these files were checked.
    async fn clients(&self) -> &Clients {
        let make = async || {
            let config = provider_config(&self.lookup.region);
            let (fips, dual_stack) = (use_fips_provider(&config).await, use_dual_stack_provider(&config).await);
            let config = config.with_use_fips(fips).with_use_dual_stack(dual_stack);
            Clients {
                web_identity: WebIdentityTokenCredentialsProvider::builder().configure(&config).build(),
                container: EcsCredentialsProvider::builder().configure(&config).build(),
                instance_metadata: ImdsCredentialsProvider::builder().configure(&config).build(),
            }
        };
        self.clients.get_or_init(make).await
    }
}

impl ProvideCredentials for Sources {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}
