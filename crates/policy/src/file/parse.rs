//! From the text of a policy file to a policy, or to everything that is wrong with it.

use super::compile::compile;
use super::context::PolicyContext;
use super::warnings::{self, CallerOutlook};
use crate::decide::Policy;
use access_broker_base::document::{Document, Overrides, Problems};

impl Policy {
    /// Compiles the text of a policy file. `origin` is its name in messages.
    ///
    /// # Errors
    ///
    /// Every broken rule with its line. Nothing of such a policy is used.
    pub fn parse(origin: &str, text: &str, context: &PolicyContext<'_>) -> Result<Self, Problems> {
        Self::parse_for(origin, text, context, &CallerOutlook::default())
    }

    /// The same, with warnings about what none of these callers can meet.
    ///
    /// # Errors
    ///
    /// Every broken rule with its line. Nothing of such a policy is used.
    pub fn parse_for(
        origin: &str,
        text: &str,
        context: &PolicyContext<'_>,
        outlook: &CallerOutlook,
    ) -> Result<Self, Problems> {
        let document = Document::parse(origin, text, Overrides::new())?;
        let mut compiled = compile(&document, context);
        if document.is_valid() {
            warnings::find(&document, outlook);
            compiled.warnings = document.take_warnings();
        }
        document.into_result(Some(compiled))
    }
}
