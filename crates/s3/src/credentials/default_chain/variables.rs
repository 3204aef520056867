//! The variables that set up a source, completely or in part.

use std::time::SystemTime;

use aws_credential_types::provider::error::CredentialsError as ProviderError;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::credentials::static_source::ReadEnv;

pub(super) const PROFILE: &str = "AWS_PROFILE";
pub(super) const ROLE_ARN: &str = "AWS_ROLE_ARN";
pub(super) const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
pub(super) const CONTAINER_TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
/// The SDK accepts this name as well.
const OTHER_SECRET: &str = "SECRET_ACCESS_KEY";
/// The expiry of temporary keys, as `aws configure export-credentials --format env` prints it. The AWS CLI and boto3
/// read it, the SDK does not.
const EXPIRATION: &str = "AWS_CREDENTIAL_EXPIRATION";
const CONTAINER_URIS: [&str; 2] = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];

/// The value of a variable, unless it is blank.
pub(super) fn set(environment: &ReadEnv, name: &str) -> Option<String> {
    environment(name).filter(|value| !value.trim().is_empty())
}

/// Checks that both parts of an access key are set. With one part alone, no other identity may sign.
pub(super) fn check_keys(environment: &ReadEnv) -> Result<(), ProviderError> {
    let is_set = |name| set(environment, name).is_some();
    match (is_set(KEY_ID), is_set(SECRET), is_set(OTHER_SECRET)) {
        (true, false, false) => Err(half_set(KEY_ID, SECRET)),
        (false, true, _) => Err(half_set(SECRET, KEY_ID)),
        _ => Ok(()),
    }
}

/// The expiry of the environment's keys, if the variable is set.
pub(super) fn expiration(environment: &ReadEnv) -> Result<Option<SystemTime>, ProviderError> {
    let Some(value) = set(environment, EXPIRATION) else { return Ok(None) };
    let end = OffsetDateTime::parse(value.trim(), &Rfc3339).map_err(|_| {
        ProviderError::invalid_configuration(format!(
            "{EXPIRATION} is invalid: it must be a time such as 2026-01-31T12:00:00Z"
        ))
    })?;
    Ok(Some(end.into()))
}

/// Whether web identity is set up. A role without a token file is ignored, as by the SDK: some platforms set it for
/// other purposes.
pub(super) fn has_web_identity(environment: &ReadEnv) -> Result<bool, ProviderError> {
    match (set(environment, TOKEN_FILE), set(environment, ROLE_ARN)) {
        (Some(_), Some(_)) => Ok(true),
        (Some(_), None) => Err(half_set(TOKEN_FILE, ROLE_ARN)),
        (None, _) => Ok(false),
    }
}

/// Whether the container's endpoint is set up.
pub(super) fn has_container(environment: &ReadEnv) -> bool {
    CONTAINER_URIS.iter().any(|name| environment(name).is_some())
}

fn half_set(set: &str, missing: &str) -> ProviderError {
    ProviderError::invalid_configuration(format!("{set} is set and {missing} is not; set both or neither"))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;
    use std::error::Error as _;
    use std::sync::Arc;

    use super::*;

    pub(in super::super) fn environment(variables: &[(&str, &str)]) -> ReadEnv {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables: HashMap<String, String> = owned.collect();
        Arc::new(move |name| variables.get(name).cloned())
    }

    fn text(error: &ProviderError) -> String {
        error.source().unwrap().to_string()
    }

    #[test]
    fn end_of_the_keys_is_a_time_or_an_error() {
        let end = |value| expiration(&environment(&[(EXPIRATION, value)])).map_err(|error| text(&error));
        assert_eq!(expiration(&environment(&[])).unwrap(), None);
        assert_eq!(end(" "), Ok(None));
        for same in ["2030-01-01T00:00:00+00:00", "2030-01-01T02:00:00+02:00", " 2030-01-01T00:00:00Z"] {
            assert_eq!(end(same), Ok(Some(humantime::parse_rfc3339("2030-01-01T00:00:00Z").unwrap())), "{same}");
        }
        for bad in ["tomorrow", "1893456000", "2030-01-01"] {
            assert_eq!(
                end(bad),
                Err("AWS_CREDENTIAL_EXPIRATION is invalid: it must be a time such as 2026-01-31T12:00:00Z".to_owned())
            );
        }
    }

    #[test]
    fn half_of_an_access_key_is_an_error_that_names_the_other_half() {
        for (variables, expected) in [
            (&[][..], None),
            (&[(KEY_ID, "A"), (SECRET, "s")], None),
            (&[(KEY_ID, "A"), (OTHER_SECRET, "s")], None),
            (&[(OTHER_SECRET, "s")], None),
            (&[(KEY_ID, " "), (SECRET, "")], None),
            (&[(KEY_ID, "A")], Some("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not; set both or neither")),
            (
                &[(KEY_ID, "A"), (SECRET, " ")],
                Some("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not; set both or neither"),
            ),
            (&[(SECRET, "s")], Some("AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not; set both or neither")),
        ] {
            let checked = check_keys(&environment(variables)).map_err(|error| text(&error));
            assert_eq!(checked.err().as_deref(), expected, "{variables:?}");
        }
    }

    #[test]
    fn web_identity_needs_a_role_and_a_role_alone_is_nothing() {
        let has = |variables: &[(&str, &str)]| has_web_identity(&environment(variables)).map_err(|error| text(&error));
        assert_eq!(has(&[]), Ok(false));
        assert_eq!(has(&[(ROLE_ARN, "r")]), Ok(false));
        assert_eq!(has(&[(ROLE_ARN, "r"), (TOKEN_FILE, "")]), Ok(false));
        assert_eq!(has(&[(ROLE_ARN, "r"), (TOKEN_FILE, "/t")]), Ok(true));
        let error = has(&[(TOKEN_FILE, "/t")]).unwrap_err();
        assert_eq!(error, "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not; set both or neither");
    }
}
