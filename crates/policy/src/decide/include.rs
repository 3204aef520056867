//! `include`: which keys below its prefix belong to a tier.

use super::glob::Glob;

/// Globs, one of which must match.
#[derive(Debug)]
pub(crate) struct Include(pub(crate) Vec<Glob>);

impl Include {
    /// Whether a key is included. `below` is its part after the prefix.
    pub(crate) fn matches(&self, below: &str) -> bool {
        self.0.iter().any(|glob| glob.matches(below))
    }
}
