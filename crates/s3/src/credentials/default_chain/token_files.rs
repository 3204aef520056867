//! Checks files before the SDK reads them: it would wait for a FIFO, and read a device endlessly.

use std::path::Path;

use aws_credential_types::provider::error::CredentialsError as ProviderError;

use super::progress::Progress;
use access_broker_base::files::{FileError, read};

/// The largest token file, in bytes. STS accepts tokens of up to 20,000 characters.
const MAX_TOKEN: usize = 64 * 1_024;

/// What writes a token file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenFileKind {
    /// The platform, before the server starts.
    Always,
    /// A program such as `aws sso login`. For a missing token, the SDK's error says what to do.
    AfterLogin,
}

/// Checks that the file of a setting can be read. Blocks on the file system: call it on a thread that may hang.
pub(super) fn check_token(
    setting: &str,
    path: &Path,
    kind: TokenFileKind,
    progress: &Progress,
) -> Result<(), ProviderError> {
    progress.detail(format!("{setting} {}", path.display()));
    let problem = match read(path, MAX_TOKEN) {
        Ok(look) if look.content.is_empty() => FileError::Empty,
        Ok(_) => return Ok(()),
        Err(problem) => problem,
    };
    if kind == TokenFileKind::AfterLogin && matches!(problem, FileError::Absent | FileError::Empty) {
        return Ok(());
    }
    Err(ProviderError::provider_error(UnusableToken(format!("{setting} {} {problem}", path.display()))))
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UnusableToken(String);

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::credentials::CredentialsError;

    #[test]
    fn files_that_cannot_be_tokens_are_named_and_never_read_to_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("token"), "x").unwrap();
        fs::write(path("empty"), "").unwrap();
        fs::write(path("large"), vec![b'x'; MAX_TOKEN + 1]).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
        let check = |name: &str, kind| {
            let progress = Progress::default();
            check_token("SETTING", &path(name), kind, &progress).map_err(|error| {
                let error = CredentialsError::from(error).to_string();
                error.replace(folder.path().to_str().unwrap(), "")
            })
        };
        for (name, expected) in [
            ("token", None),
            ("absent", Some("SETTING /absent does not exist")),
            ("empty", Some("SETTING /empty is empty")),
            ("large", Some("SETTING /large is larger than 64 KiB")),
            ("fifo", Some("SETTING /fifo is not a regular file")),
            ("", Some("SETTING / is not a regular file")),
        ] {
            let error = check(name, TokenFileKind::Always).err();
            assert_eq!(error.is_some(), expected.is_some(), "{name}: {error:?}");
            assert!(error.unwrap_or_default().ends_with(expected.unwrap_or_default()), "{name}");
            let left_to_the_sdk = expected.is_none() || ["absent", "empty"].contains(&name);
            assert_eq!(check(name, TokenFileKind::AfterLogin).is_ok(), left_to_the_sdk, "{name}");
        }
    }
}
