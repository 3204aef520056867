//! `include`: which keys below its prefix belong to a tier.

use super::glob::Glob;

/// Globs, any of which may match.
#[derive(Debug)]
pub(crate) struct Include(pub(crate) Vec<Glob>);

impl Include {
    /// Whether what follows the prefix in a key is included.
    pub(crate) fn matches(&self, below: &str) -> bool {
        self.0.iter().any(|glob| glob.matches(below))
    }
}
