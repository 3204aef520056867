//! Why the whole chain has no credentials, with the useful part first.

use std::error::Error;
use std::fmt;
use std::iter;
use std::time::Duration;

use aws_config::Region;
use aws_credential_types::provider::error::{CredentialsError as ProviderError, TokenError};

/// The longest text about one source, in bytes.
const MAX_REASON: usize = 600;

/// The errors of the sources that are set up, in the order of the chain, and then the names of the others.
#[derive(Debug, Default)]
pub(crate) struct ChainFailure {
    failed: Vec<(&'static str, String)>,
    not_set_up: Vec<&'static str>,
    /// Why the whole chain gave no answer.
    without_answer: Option<String>,
}

impl ChainFailure {
    pub(super) fn not_set_up(&mut self, source: &'static str) {
        self.not_set_up.push(source);
    }

    pub(super) fn failed(&mut self, source: &'static str, error: &ProviderError) {
        self.failed.push((source, reason(error)));
    }

    /// `what` is the current step of the source: empty, or a text that ends in a colon.
    pub(super) fn timed_out(&mut self, source: &'static str, what: &str, within: Duration) {
        let within = within.as_secs_f32();
        self.failed.push((source, format!("{what}timed out: all sources together have {within} seconds")));
    }

    /// The whole chain gave no answer.
    pub(super) fn without_answer(reason: String) -> Self {
        Self { without_answer: Some(reason), ..Self::default() }
    }

    /// The errors so far of the sources that are set up.
    pub(super) fn errors_so_far(&self) -> String {
        let failed = self.failed.iter().map(|(source, reason)| format!("{source}: {reason}"));
        failed.chain(self.without_answer.clone()).collect::<Vec<_>>().join("; ")
    }
}

impl fmt::Display for ChainFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = Some(self.errors_so_far()).filter(|texts| !texts.is_empty());
        let rest = (!self.not_set_up.is_empty()).then(|| format!("not set up: {}", self.not_set_up.join(", ")));
        f.write_str(&texts.into_iter().chain(rest).collect::<Vec<_>>().join("; "))
    }
}

impl Error for ChainFailure {}

/// A role that is requested from STS, and the region. The text is put before STS's error.
#[derive(Debug, Clone)]
pub(super) struct RequestedRole {
    role: String,
    region: String,
}

impl RequestedRole {
    pub(super) fn new(role: &str, region: &Region) -> Self {
        Self { role: role.to_owned(), region: region.to_string() }
    }

    /// Adds the role to an error of STS, or of the connection to STS.
    pub(super) fn wrap(self, error: ProviderError) -> ProviderError {
        match error {
            ProviderError::ProviderError(_) | ProviderError::ProviderTimedOut(_) => {
                ProviderError::provider_error(RoleError { role: self, error })
            }
            other => other,
        }
    }
}

impl fmt::Display for RequestedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role {} of STS in {}", self.role, self.region)
    }
}

#[derive(Debug)]
struct RoleError {
    role: RequestedRole,
    error: ProviderError,
}

impl fmt::Display for RoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.role.fmt(f)
    }
}

impl Error for RoleError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// The causes of an error, without texts that only refer to their cause. This uses only their `Display`: the `Debug`
/// format can hold a whole answer.
fn reason(error: &ProviderError) -> String {
    let chain = iter::successors(Some(error as &(dyn Error + 'static)), |cause| (*cause).source());
    let is_wrapping = |error: &(dyn Error + 'static)| error.is::<ProviderError>() || error.is::<TokenError>();
    let texts = chain.filter(|error| !(is_wrapping(*error) && error.source().is_some()));
    printable(&texts.map(ToString::to_string).collect::<Vec<_>>().join(": "), MAX_REASON)
}

/// A text for one line: without control characters, cut after `limit` bytes.
pub(super) fn printable(text: &str, limit: usize) -> String {
    let words: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    let text = words.split_whitespace().map(without_url_secrets).collect::<Vec<_>>().join(" ");
    if text.len() <= limit { text } else { format!("{} ... (cut)", &text[..text.floor_char_boundary(limit)]) }
}

/// Removes query and user from the URLs in a word: both may hold a password.
fn without_url_secrets(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let end = rest.find(['`', '\'', '"', ')', '>', '<', ',', ';']).unwrap_or(rest.len());
    let (url, after) = rest.split_at(end);
    let (url, cut) = match url.find(['?', '#']) {
        Some(query) => (&url[..query], "?..."),
        None => (url, ""),
    };
    let (authority, path) = url.split_at(url.find('/').unwrap_or(url.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}{cut}{}", without_url_secrets(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_in_reasons_have_no_query_and_no_user() {
        for (given, expected) in [
            ("cannot parse `http://a:b@h:1/x?token=hunter2#y`: no", "cannot parse `http://h:1/x?...`: no"),
            ("http://h?hunter2", "http://h?..."),
            (
                "(http://h/x#hunter2) and \"https://i/?hunter2\", again",
                "(http://h/x?...) and \"https://i/?...\", again",
            ),
            ("http://h/x,http://u@i/y?hunter2", "http://h/x,http://i/y?..."),
            ("why? a://b is kept", "why? a://b is kept"),
        ] {
            assert_eq!(printable(given, MAX_REASON), expected);
        }
    }

    #[test]
    fn role_is_told_before_what_sts_said_and_not_before_wrong_settings() {
        let role = || RequestedRole::new("arn:aws:iam::1:role/x", &Region::new("eu-west-1"));
        let refused = ProviderError::provider_error(std::io::Error::other("connection refused"));
        assert_eq!(reason(&role().wrap(refused)), "role arn:aws:iam::1:role/x of STS in eu-west-1: connection refused");
        assert_eq!(reason(&role().wrap(ProviderError::invalid_configuration("no"))), "no");
    }

    #[test]
    fn useful_reasons_come_first_and_the_rest_is_named() {
        let mut failure = ChainFailure::default();
        failure.not_set_up("environment");
        failure.failed("profile", &ProviderError::not_loaded("no profile `work`"));
        failure.not_set_up("container");
        failure.timed_out("instance metadata", "", Duration::from_millis(9_500));
        assert_eq!(
            failure.to_string(),
            "profile: no profile `work`; instance metadata: timed out: all sources together have 9.5 seconds; not set up: \
             environment, container"
        );
    }

    #[test]
    fn causes_are_told_without_their_wrappings() {
        let inner = ProviderError::provider_error(std::io::Error::other("connection refused"));
        assert_eq!(reason(&ProviderError::provider_error(inner)), "connection refused");
        let token = TokenError::provider_error("the token has expired");
        assert_eq!(reason(&ProviderError::provider_error(token)), "the token has expired");
        assert_eq!(reason(&ProviderError::not_loaded_no_source()), "the credential provider was not enabled");
    }

    #[test]
    fn reasons_are_one_short_line() {
        let long = format!("first\nsecond\u{1b}[31m {}", "\u{e9}".repeat(2_000));
        let texts = reason(&ProviderError::provider_error(long));
        assert!(texts.starts_with("first second [31m") && texts.ends_with(" ... (cut)"), "{texts}");
        assert!(texts.len() < MAX_REASON + 20 && !texts.contains(char::is_control));
    }
}
