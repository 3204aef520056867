//! Warnings about a valid policy: settings without effect, and probable mistakes.
//!
//! The document is read a second time, independently of the compiled policy: a warning never changes a decision. Rules with
//! settings that are unknown here are not compared.

mod callers;
mod conditions;
mod coverage;
mod literals;
mod overlap;
mod pictures;
mod sketch;
mod subjects;

pub use callers::CallerOutlook;
pub use literals::looks_like_path;

use sketch::PolicySketch;

use access_broker_base::document::Document;

/// Adds the warnings about a valid policy to its document.
pub(super) fn find(document: &Document<'_>, outlook: &CallerOutlook) {
    let policy = PolicySketch::read(document);
    literals::find(&policy);
    pictures::find(&policy);
    overlap::find(&policy);
    coverage::find(&policy);
    conditions::find(&policy, outlook);
    subjects::find(&policy);
}

#[cfg(test)]
mod tests;
