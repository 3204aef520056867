//! An error together with its causes, as one text.

use std::error::Error;
use std::iter;

/// The texts of an error and of all its causes. A cause whose text an outer error already contains is not repeated.
///
/// Log lines use it because a JSON log field holds only the first text of an error.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut chain = String::new();
    let mut outer = String::new();
    for cause in iter::successors(Some(error), |cause| (*cause).source()) {
        let text = cause.to_string();
        if chain.ends_with(&text) {
            continue;
        }
        let rest = text.strip_prefix(&outer).and_then(|rest| rest.strip_prefix(": "));
        if !chain.is_empty() {
            chain.push_str(": ");
        }
        chain.push_str(rest.unwrap_or(&text));
        outer = text;
    }
    chain
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("cannot fetch")]
    struct Outer(#[source] std::io::Error);

    /// Its text has that of its cause.
    #[derive(Debug, Error)]
    #[error("{0}: {1}")]
    struct WithCause(&'static str, #[source] std::io::Error);

    #[derive(Debug, Error)]
    #[error("connect error")]
    struct Connect(#[source] WithCause);

    #[test]
    fn no_text_is_repeated() {
        let refused = || std::io::Error::other("connection refused");
        assert_eq!(error_chain(&WithCause("cannot fetch", refused())), "cannot fetch: connection refused");
        let connect = Connect(WithCause("connect error", refused()));
        assert_eq!(error_chain(&connect), "connect error: connection refused");
        let connect = Connect(WithCause("connect errors", refused()));
        assert_eq!(error_chain(&connect), "connect error: connect errors: connection refused");
    }

    #[test]
    fn every_cause_is_in_the_text() {
        let error = Outer(std::io::Error::other("connection refused"));
        assert_eq!(error_chain(&error), "cannot fetch: connection refused");
    }
}
