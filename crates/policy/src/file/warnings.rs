//! What a valid policy says without any effect, or surely does not mean.
//!
//! The policy's text is read once more, apart from what compiles it: a warning changes nothing about a decision. Rules
//! with settings that are not known here are left alone where rules are compared.

mod callers;
mod conditions;
mod coverage;
mod literals;
mod pictures;
mod sketch;

pub use callers::CallerOutlook;
pub use literals::looks_like_path;

use sketch::PolicySketch;

use access_broker_base::document::Document;

/// Adds the warnings about a policy without problems to its document.
pub(super) fn find(document: &Document<'_>, outlook: &CallerOutlook) {
    let policy = PolicySketch::read(document);
    literals::find(&policy);
    pictures::find(&policy);
    coverage::find(&policy);
    conditions::find(&policy, outlook);
}

#[cfg(test)]
mod tests;
