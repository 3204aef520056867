//! The inputs of the sources, which are checked before the SDK is asked.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_config::Region;
use aws_credential_types::provider::error::CredentialsError as ProviderError;

use super::profile_files::ProfileFiles;
use super::progress::Progress;
use super::token_files::{TokenFileKind, check_token};
use super::variables;
use crate::credentials::static_source::ReadEnv;

/// The inputs of the sources.
pub(super) struct Lookup {
    pub(super) region: Region,
    pub(super) profile_files: Arc<ProfileFiles>,
    pub(super) environment: ReadEnv,
    pub(super) progress: Progress,
}

impl Lookup {
    /// Checks the file of the container's token, if the container's endpoint is set up.
    pub(super) fn check_container_token(&self) -> Result<(), ProviderError> {
        let file = (self.environment)(variables::CONTAINER_TOKEN_FILE);
        match file.filter(|_| variables::has_container(&self.environment)) {
            Some(file) => {
                check_token(variables::CONTAINER_TOKEN_FILE, Path::new(&file), TokenFileKind::Always, &self.progress)
            }
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("region", &self.region).finish_non_exhaustive()
    }
}
