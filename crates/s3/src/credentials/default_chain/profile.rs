//! The credentials of the selected profile.

use std::path::Path;

use aws_config::profile::{Profile, ProfileFileCredentialsProvider, ProfileSet};
use aws_credential_types::provider::error::CredentialsError as ProviderError;
use aws_credential_types::provider::{ProvideCredentials, Result as ProviderResult};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::os_shim_internal::{Env, Fs};

use super::failure::RequestedRole;
use super::lookup::Lookup;
use super::process::{PROCESS_TIMEOUT, run};
use super::profile_end::{ProfileEnd, end_of, is_for_credentials};
use super::profile_files::Contents;
use super::token_files::{TokenFileKind, check_token};
use super::{provider_config, variables};
use crate::credentials::origin::CredentialsOrigin;
use access_broker_base::error_chain::error_chain;

/// The name of the profile with a program's credentials, for the role that is assumed with them.
const GIVEN: &str = "access-broker.credential_process";

/// Loads the credentials of the profile that `AWS_PROFILE` selects.
///
/// The error is `CredentialsNotLoaded`, after which the chain continues, only if no profile is set up: with an invalid
/// profile, no other identity may sign.
///
/// `credential_process` is run here and not by the SDK, which does not limit the time and the output of a program.
pub(super) async fn load(lookup: &Lookup) -> ProviderResult {
    let contents = lookup.profile_files.settled().await.map_err(ProviderError::provider_error)?;
    if let Some(unusable) = &contents.failure {
        return Err(ProviderError::invalid_configuration(unusable.clone()));
    }
    let Ok(profiles) = parse(&texts(&contents, "")).await else {
        return Err(ProviderError::invalid_configuration(parse_problem(&contents).await));
    };
    let selected = profiles.selected_profile();
    let Some(profile) = profiles.get_profile(selected) else {
        let (text, is_named) = (absent(&contents, &profiles), (lookup.environment)(variables::PROFILE).is_some());
        return Err(if is_named {
            ProviderError::invalid_configuration(format!("{text}; {} names the profile", variables::PROFILE))
        } else {
            ProviderError::not_loaded(text)
        });
    };
    let origin = CredentialsOrigin::new(&format!("profile `{selected}`"));
    let mut keys = String::new();
    if let Some(end) = end_of(&profiles) {
        check_tokens_of(&end, &profiles, lookup)?;
        if let Some(process) = end.process() {
            lookup.progress.detail(format!("credential_process of the profile `{}`", process.name));
            let given = run(process.command, PROCESS_TIMEOUT).await;
            let given = given
                .map_err(|error| ProviderError::provider_error(ProfileProcessError(process.name.to_owned(), error)))?;
            let Some(role) = process.role else { return Ok(origin.mark(given.into())) };
            // The later definition of a profile wins, and the SDK uses only the keys of a source that has keys.
            keys = format!("[{role}]\nsource_profile = {GIVEN}\n{}", given.as_profile(GIVEN));
        }
    }
    let answer = ask_sdk(&contents, &keys, profile, lookup).await;
    answer.map(|credentials| origin.mark(credentials)).map_err(|error| judged(error, profile))
}

#[derive(Debug, thiserror::Error)]
#[error("credential_process of the profile `{0}`: {1}")]
struct ProfileProcessError(String, super::process::ProcessError);

/// Loads the credentials of the profile by the SDK.
async fn ask_sdk(contents: &Contents, keys: &str, profile: &Profile, lookup: &Lookup) -> ProviderResult {
    let provider = ProfileFileCredentialsProvider::builder()
        .configure(&provider_config(&lookup.region))
        .profile_files(texts(contents, keys))
        .build();
    let role = profile.get("role_arn").map(|role| RequestedRole::new(role, &lookup.region));
    lookup.progress.detail(role.as_ref().map(ToString::to_string).unwrap_or_default());
    let answer = provider.provide_credentials().await;
    answer.map_err(|error| match role {
        Some(role) => role.wrap(error),
        None => error,
    })
}

/// The SDK skips a profile that it cannot load, for instance because its `source_profile` does not exist. Here the
/// chain continues only after a profile without settings for credentials.
fn judged(error: ProviderError, profile: &Profile) -> ProviderError {
    if !matches!(error, ProviderError::CredentialsNotLoaded(_)) {
        return error;
    }
    let name = profile.name();
    if !is_for_credentials(profile) {
        ProviderError::not_loaded(format!("the profile `{name}` has no credentials"))
    } else if std::error::Error::source(&error).is_none() {
        ProviderError::invalid_configuration(format!("the profile `{name}` leads to no credentials"))
    } else {
        ProviderError::invalid_configuration(error)
    }
}

/// Checks the token files that the SDK will read.
fn check_tokens_of(end: &ProfileEnd<'_>, profiles: &ProfileSet, lookup: &Lookup) -> Result<(), ProviderError> {
    let (profile, progress) = (end.profile, &lookup.progress);
    let check = |setting: &str, path: &Path, kept| {
        check_token(&format!("{setting} of the profile `{}`:", profile.name()), path, kept, progress)
    };
    if profile.get("credential_source").is_some() {
        return lookup.check_container_token();
    }
    if let Some(file) = profile.get("web_identity_token_file") {
        return check("web_identity_token_file", Path::new(file), TokenFileKind::Always);
    }
    let session = profile.get("sso_session").filter(|session| profiles.sso_session(session).is_some());
    if let Some(session) = session.or_else(|| profile.get("sso_start_url")) {
        return check("the SSO token", &lookup.profile_files.sso_token(session), TokenFileKind::AfterLogin);
    }
    match profile.get("login_session") {
        Some(session) => {
            check("the login token", &lookup.profile_files.login_token(session), TokenFileKind::AfterLogin)
        }
        None => Ok(()),
    }
}

/// The files for the SDK, with further profiles appended.
fn texts(contents: &Contents, more: &str) -> EnvConfigFiles {
    let [config, credentials] = &contents.texts;
    EnvConfigFiles::builder()
        .with_contents(EnvConfigFileKind::Config, config.as_str())
        .with_contents(EnvConfigFileKind::Credentials, format!("{}\n{more}", credentials.as_str()))
        .build()
}

async fn parse(files: &EnvConfigFiles) -> Result<ProfileSet, aws_config::profile::ProfileFileLoadError> {
    aws_config::profile::load(&Fs::real(), &Env::real(), files, None).await
}

/// The parse error with the file's name: the SDK knows only the content.
async fn parse_problem(contents: &Contents) -> String {
    let kinds = [EnvConfigFileKind::Config, EnvConfigFileKind::Credentials];
    for ((kind, path), text) in kinds.into_iter().zip(&contents.paths).zip(&contents.texts) {
        let file = EnvConfigFiles::builder().with_contents(kind, text.as_str()).build();
        if let Err(error) = parse(&file).await {
            return format!("{}: {}", path.display(), error_chain(&error));
        }
    }
    "the profile files cannot be parsed".to_owned()
}

/// Says that the profile does not exist, names the others, and a possible reason.
fn absent(contents: &Contents, profiles: &ProfileSet) -> String {
    let selected = profiles.selected_profile();
    let mut names: Vec<&str> = profiles.profiles().collect();
    names.sort_unstable();
    let mut text = format!("there is no profile `{selected}`");
    if !names.is_empty() {
        text = format!("{text}, but there are {}", names.join(", "));
    }
    let headings =
        [(selected.to_owned(), format!("profile {selected}")), (format!("profile {selected}"), selected.to_owned())];
    for ((path, content), (wrong, right)) in contents.paths.iter().zip(&contents.texts).zip(headings) {
        if has_heading(content, &wrong) {
            text = format!("{text}; {} has [{wrong}], which must be [{right}] there", path.display());
        }
    }
    contents.problems.iter().fold(text, |text, problem| format!("{text}; {problem}"))
}

fn has_heading(content: &str, heading: &str) -> bool {
    let headings = content.lines().filter_map(|line| line.trim().strip_prefix('[')?.split_once(']'));
    headings.into_iter().any(|(found, _)| found.split_whitespace().eq(heading.split_whitespace()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Profiles of a configuration file.
    pub(in super::super) async fn profiles(config: &str, selected: &str) -> ProfileSet {
        let files = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, config).build();
        let env = Env::from_slice(&[("AWS_PROFILE", selected)]);
        aws_config::profile::load(&Fs::real(), &env, &files, None).await.unwrap()
    }

    fn contents(config: &str, credentials: &str) -> Contents {
        Contents {
            paths: ["/a/config", "/a/credentials"].map(Into::into),
            texts: [config, credentials].map(|text| text.to_owned().into()),
            problems: Vec::new(),
            failure: None,
        }
    }

    #[tokio::test]
    async fn broken_file_is_named_and_not_quoted() {
        let contents = contents("[profile a]\nregion = b\n", "[work]\nhunter2\n");
        let problem = parse_problem(&contents).await;
        assert!(problem.starts_with("/a/credentials: ") && problem.contains("line 2"), "{problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
    }

    #[tokio::test]
    async fn profiles_that_there_are_instead_are_named() {
        let set = profiles("[profile b]\nregion = b\n[profile a]\n", "work").await;
        assert_eq!(absent(&contents("", ""), &set), "there is no profile `work`, but there are a, b");
    }

    #[tokio::test]
    async fn wrong_headings_are_named() {
        let set = profiles("", "work").await;
        let text = absent(&contents("[default]\n[ work ]\n", "[profile  work]\n"), &set);
        assert_eq!(
            text,
            "there is no profile `work`; /a/config has [work], which must be [profile work] there; /a/credentials has \
             [profile work], which must be [work] there"
        );
        let text = absent(&contents("[profile other]\nwork = [work]\n", "[other]\n"), &set);
        assert_eq!(text, "there is no profile `work`");
    }

    #[tokio::test]
    async fn chain_goes_on_only_after_a_profile_without_a_word_on_credentials() {
        for (settings, goes_on) in [
            ("region = eu-west-1", true),
            ("role_arn = r\nsource_profile = absent", false),
            ("role_arn = r\nsource_profile = work", false),
            ("sso_session = s", false),
        ] {
            let set = profiles(&format!("[profile work]\n{settings}\n"), "work").await;
            let profile = set.get_profile("work").unwrap();
            for error in [ProviderError::not_loaded_no_source(), ProviderError::not_loaded("no profile `absent`")] {
                let judged = judged(error, profile);
                assert_eq!(matches!(judged, ProviderError::CredentialsNotLoaded(_)), goes_on, "{settings}");
            }
        }
    }
}
