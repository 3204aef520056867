//! From the text of a policy file to a policy, or to all its problems.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::compile;
use super::context::PolicyContext;
use super::hash::policy_hash;
use super::warnings::{self, CallerOutlook};
use crate::decide::Policy;
use access_broker_base::document::{Document, Overrides, Problems, Reference, Variables, Warnings};

/// A policy, and the warnings about its file.
#[derive(Debug)]
pub struct CompiledPolicy {
    /// The policy, without its text.
    pub policy: Policy,
    /// About settings without effect and probable mistakes.
    pub warnings: Warnings,
}

impl CompiledPolicy {
    /// Compiles the text of a policy file. `origin` is its name in messages. A condition that no caller of the outlook can
    /// meet gives a warning.
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
        let policy = compile(&document, context, policy_hash(text, context.variables));
        let mut warnings = Warnings::default();
        if document.is_valid() {
            warnings::find(&document, outlook);
            warnings = document.take_warnings();
        }
        document.into_result(Some(Self { policy, warnings }))
    }

    /// Every table and setting of a policy file.
    #[must_use]
    pub fn reference() -> Reference {
        let (buckets, issuers, trust_domains) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let variables = &Variables::None;
        let context = PolicyContext {
            buckets: &buckets,
            issuers: &issuers,
            trust_domains: &trust_domains,
            variables,
            members: None,
        };
        Document::describe(|document| drop(compile(document, &context, policy_hash("", variables))))
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
