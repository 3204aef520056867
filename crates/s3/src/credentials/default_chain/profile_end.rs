//! Follows the selected profile to the profile with the first credentials.

use aws_config::profile::{Profile, ProfileSet};

/// The program for the first credentials of the selected profile.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProcessProfile<'p> {
    /// The profile that names the program.
    pub(super) name: &'p str,
    /// The command line, for the shell. It may hold a secret.
    pub(super) command: &'p str,
    /// The profile whose role is assumed with the program's credentials.
    pub(super) role: Option<&'p str>,
}

/// The settings that the SDK prefers to `credential_process`.
const BEFORE_PROCESS: [&str; 8] = [
    "credential_source",
    "web_identity_token_file",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_start_url",
    "sso_session",
    "login_session",
];

/// The other settings of a profile for credentials.
const OTHER_SETTINGS: [&str; 6] = [
    "role_arn",
    "source_profile",
    "credential_process",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
];

/// Whether a profile has settings for credentials, and not only a region, for instance.
pub(super) fn is_for_credentials(profile: &Profile) -> bool {
    BEFORE_PROCESS.iter().chain(&OTHER_SETTINGS).any(|key| profile.get(key).is_some())
}

/// The last profile of the chain, if its credentials are not keys, and the profile whose role is assumed with them.
#[derive(Debug)]
pub(super) struct ProfileEnd<'p> {
    pub(super) profile: &'p Profile,
    pub(super) role: Option<&'p str>,
}

/// Follows `source_profile` from the selected profile as the SDK does. `None` if that leads to keys of a source or to
/// an error, which the SDK handles. A profile with a role may be its own source.
pub(super) fn end_of(profiles: &ProfileSet) -> Option<ProfileEnd<'_>> {
    let mut visited: Vec<&str> = Vec::new();
    let mut profile = profiles.get_profile(profiles.selected_profile())?;
    loop {
        // The SDK uses only the keys of a source that has keys.
        if !visited.is_empty() && has_keys(profile) {
            return None;
        }
        match next(profile) {
            Next::End => break,
            Next::Source(source) => {
                visited.push(profile.name());
                if source == profile.name() {
                    break;
                }
                if visited.contains(&source) {
                    return None;
                }
                profile = profiles.get_profile(source)?;
            }
            Next::Other => {
                visited.push(profile.name());
                break;
            }
        }
    }
    Some(ProfileEnd { profile, role: visited.last().copied() })
}

impl<'p> ProfileEnd<'p> {
    /// The program, if the SDK would run it.
    pub(super) fn process(&self) -> Option<ProcessProfile<'p>> {
        let Self { profile, role } = *self;
        let has_role_of_no_source = matches!(next(profile), Next::Other);
        if has_role_of_no_source || BEFORE_PROCESS.iter().any(|key| profile.get(key).is_some()) {
            return None;
        }
        let command = profile.get("credential_process")?;
        Some(ProcessProfile { name: profile.name(), command, role })
    }
}

fn has_keys(profile: &Profile) -> bool {
    ["aws_access_key_id", "aws_secret_access_key"].iter().all(|key| profile.get(key).is_some())
}

enum Next<'p> {
    /// It has no role: its own credentials are the first.
    End,
    /// It has a role, which is assumed with the credentials of another profile.
    Source(&'p str),
    /// It has a role, which is assumed with other credentials, or cannot be assumed.
    Other,
}

fn next(profile: &Profile) -> Next<'_> {
    if profile.get("role_arn").is_none() || profile.get("web_identity_token_file").is_some() {
        return Next::End;
    }
    match (profile.get("source_profile"), profile.get("credential_source")) {
        (Some(source), None) => Next::Source(source),
        _ => Next::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::profile::tests::profiles;
    use super::*;

    fn process_of(profiles: &ProfileSet) -> Option<ProcessProfile<'_>> {
        end_of(profiles)?.process()
    }

    #[tokio::test]
    async fn profiles_for_credentials_are_told_from_others() {
        for (setting, expected) in [
            ("region = a", false),
            ("output = json", false),
            ("role_arn = r", true),
            ("sso_session = s", true),
            ("credential_process = p", true),
            ("aws_session_token = t", true),
        ] {
            let set = profiles(&format!("[profile work]\n{setting}\n"), "work").await;
            assert_eq!(is_for_credentials(set.get_profile("work").unwrap()), expected, "{setting}");
        }
    }

    const WORK: &str = "[profile work]\ncredential_process = give --user me\n";

    #[tokio::test]
    async fn a_program_is_found_in_the_profile_and_behind_roles() {
        let set = profiles(WORK, "work").await;
        let found = process_of(&set).unwrap();
        assert_eq!(found, ProcessProfile { name: "work", command: "give --user me", role: None });

        let two_roles = "[profile top]\nrole_arn = arn:aws:iam::1:role/T\nsource_profile = middle\n\
                         [profile middle]\nrole_arn = arn:aws:iam::1:role/M\nsource_profile = work\n";
        let set = profiles(&format!("{two_roles}{WORK}"), "top").await;
        let found = process_of(&set).unwrap();
        assert_eq!(found, ProcessProfile { name: "work", command: "give --user me", role: Some("middle") });

        let set = profiles(&format!("{WORK}role_arn = r\nsource_profile = work\n"), "work").await;
        let found = process_of(&set).unwrap();
        assert_eq!(found, ProcessProfile { name: "work", command: "give --user me", role: Some("work") });
    }

    #[tokio::test]
    async fn what_the_sdk_prefers_or_refuses_is_left_to_it() {
        let role = "[profile top]\nrole_arn = arn:aws:iam::1:role/T\nsource_profile = work\n";
        for (text, selected) in [
            ("[profile other]\nregion = eu-west-1\n", "other"),
            ("[profile other]\n", "absent"),
            (&*format!("{WORK}sso_session = s\n"), "work"),
            (&format!("{WORK}login_session = arn\n"), "work"),
            (&format!("{WORK}role_arn = r\nweb_identity_token_file = f\n"), "work"),
            (&format!("{role}{WORK}role_arn = r\nsource_profile = top\n"), "top"),
            (&format!("{WORK}role_arn = r\ncredential_source = Environment\n"), "work"),
            (&format!("{WORK}role_arn = r\n"), "work"),
            (&format!("{role}{WORK}aws_access_key_id = a\naws_secret_access_key = b\n"), "top"),
            (
                &format!(
                    "{role}[profile work]\nrole_arn = r\nsource_profile = last\naws_access_key_id = a\n\
                     aws_secret_access_key = b\n[profile last]\ncredential_process = give\n"
                ),
                "top",
            ),
            (&format!("{role}[profile work]\nrole_arn = r\nsource_profile = top\n"), "top"),
            (role, "top"),
        ] {
            assert_eq!(process_of(&profiles(text, selected).await), None, "{text}");
        }
    }
}
