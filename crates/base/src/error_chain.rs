//! An error together with its causes, as one text.

use std::error::Error;
use std::iter;

/// The texts of an error and of all its causes.
///
/// Log lines use it because a JSON log field holds only the first text of an error.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let chain = iter::successors(Some(error), |cause| (*cause).source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("cannot fetch")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn every_cause_is_in_the_text() {
        let error = Outer(std::io::Error::other("connection refused"));
        assert_eq!(error_chain(&error), "cannot fetch: connection refused");
    }
}
