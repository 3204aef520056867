//! From the text of a policy file to a policy, or to everything that is wrong with it.

use super::compile::compile;
use super::context::PolicyContext;
use super::warnings::{self, CallerOutlook};
use crate::decide::Policy;
use access_broker_base::document::{Document, Overrides, Problems, Warnings};

/// A policy as it was read.
#[derive(Debug)]
pub struct CompiledPolicy {
    /// What decides, without the text that it was read from.
    pub policy: Policy,
    /// What the file says without effect, or surely does not mean.
    pub warnings: Warnings,
}

impl CompiledPolicy {
    /// Every table and setting that a policy can have.
    #[must_use]
    pub fn reference() -> access_broker_base::document::Reference {
        access_broker_base::document::Reference::default()
    }

    /// Compiles the text of a policy file. `origin` is its name in messages. What none of the callers of the outlook can
    /// meet becomes a warning.
    ///
    /// # Errors
    ///
    /// Every broken rule with its line. Nothing of such a policy is used.
    pub fn parse(
        origin: &str,
        text: &str,
        context: &PolicyContext<'_>,
        outlook: &CallerOutlook,
    ) -> Result<Self, Problems> {
        let document = Document::parse(origin, text, Overrides::new(), context.variables)?;
        let policy = compile(&document, context);
        let mut warnings = Warnings::default();
        if document.is_valid() {
            warnings::find(&document, outlook);
            warnings = document.take_warnings();
        }
        document.into_result(Some(Self { policy, warnings }))
    }
}

impl Policy {
    /// Compiles the text of a policy file, and drops its warnings. `origin` is its name in messages.
    ///
    /// # Errors
    ///
    /// Every broken rule with its line. Nothing of such a policy is used.
    pub fn parse(origin: &str, text: &str, context: &PolicyContext<'_>) -> Result<Self, Problems> {
        CompiledPolicy::parse(origin, text, context, &CallerOutlook::default()).map(|compiled| compiled.policy)
    }
}
