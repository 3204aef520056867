//! Finds the tier with the longest prefix of a key. The time depends on the number of folders in the key and not on the
//! number of tiers, unless the token says of a claim in a prefix that it is in another place.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use thiserror::Error;

use super::prefix::{PrefixPart, Template, TemplateLength, TierPrefix};
use super::tier::Tier;
use crate::object::ObjectKey;
use access_broker_identity::Caller;

/// The tiers of one bucket, by the parts of their prefixes.
#[derive(Debug, Default)]
pub(crate) struct TierTree {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    /// In the order of the file. If there are several, each has `include`.
    tiers: Vec<Arc<Tier>>,
    literals: HashMap<Box<str>, Node>,
    template: Option<(Template, Box<Node>)>,
}

/// The tiers of one prefix, and how many segments of the key are that prefix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoundPrefix<'t> {
    /// In the order of the file.
    pub(crate) first: &'t Arc<Tier>,
    pub(crate) others: &'t [Arc<Tier>],
    pub(crate) prefix_segments: usize,
}

impl<'t> FoundPrefix<'t> {
    /// The tiers whose `include` matches the key.
    pub(crate) fn including(self, key: &ObjectKey) -> impl Iterator<Item = &'t Arc<Tier>> {
        let tiers = std::iter::once(self.first).chain(self.others);
        tiers.filter(move |tier| tier.includes(key, self.prefix_segments))
    }
}

impl TierTree {
    pub(crate) fn insert(&mut self, prefix: &TierPrefix, tier: Arc<Tier>) -> Result<(), TierConflict> {
        let mut node = &mut self.root;
        for part in prefix.parts() {
            node = match part {
                PrefixPart::Literal(text) => node.literals.entry(text.clone()).or_default(),
                PrefixPart::Template(template) => {
                    let (present, child) = node.template.get_or_insert_with(|| (template.clone(), Box::default()));
                    if present != template {
                        return Err(TierConflict::OtherTemplate);
                    }
                    child
                }
            };
        }
        // Tiers of one prefix are told apart by `include`.
        let takes_every_key = |tier: &Tier| tier.include.is_none();
        match node.tiers.iter().find(|present| takes_every_key(present) || takes_every_key(&tier)) {
            Some(present) => Err(TierConflict::SamePrefix(Arc::clone(present.name()))),
            None => {
                node.tiers.push(tier);
                Ok(())
            }
        }
    }

    /// The tiers whose prefix is the longest that matches the key for this caller. Of equally long ones, the prefix with the
    /// earlier literal wins over the one with a template there.
    ///
    /// # Errors
    ///
    /// The first tier of another prefix that may be the right one: it depends on a claim that is in another place, as the
    /// token says.
    pub(crate) fn find(&self, key: &ObjectKey, caller: &Caller) -> Result<Option<FoundPrefix<'_>>, &Arc<Tier>> {
        let segments: Vec<&str> = key.segments().collect();
        // A prefix ends with a slash, so the last segment of a key is never part of one.
        let folders = segments.split_last().map_or(&[][..], |(_, folders)| folders);
        let search = Search { folders, caller };
        let certain = self.root.deepest(0, &search);
        if !caller.token().is_some_and(|token| token.claims.has_claims_elsewhere()) {
            return Ok(certain);
        }
        match self.root.deepest_possible(&BTreeSet::from([0]), &search) {
            Some(possible) if !certain.is_some_and(|certain| Arc::ptr_eq(certain.first, possible.first)) => {
                Err(possible.first)
            }
            _ => Ok(certain),
        }
    }

    /// Every tier, in no order.
    pub(crate) fn tiers(&self) -> impl Iterator<Item = &Arc<Tier>> {
        let mut unvisited = vec![&self.root];
        let nodes = std::iter::from_fn(move || {
            let node = unvisited.pop()?;
            unvisited.extend(node.literals.values());
            unvisited.extend(node.template.as_ref().map(|(_, child)| &**child));
            Some(node)
        });
        nodes.flat_map(|node| &node.tiers)
    }
}

/// What the tree is searched for.
struct Search<'s> {
    folders: &'s [&'s str],
    caller: &'s Caller,
}

impl Node {
    /// The tiers at or below this node with the longest prefix. The prefix up to this node is that many folders.
    fn deepest(&self, reached: usize, search: &Search<'_>) -> Option<FoundPrefix<'_>> {
        let rest = search.folders.get(reached..).unwrap_or_default();
        let literal = rest.first().and_then(|name| self.literals.get(*name));
        let literal = literal.and_then(|child| child.deepest(reached + 1, search));
        let template = self.template.as_ref().and_then(|(template, child)| {
            let taken = template.takes(rest, search.caller)?;
            child.deepest(reached + taken, search)
        });
        longest(self.found(reached), literal.into_iter().chain(template))
    }

    /// The same if each claim that is in another place may have the value of the key. `reached` are the numbers of folders
    /// that the prefix up to this node can be: there are several only after a template of any number of segments whose
    /// value is unknown.
    fn deepest_possible(&self, reached: &BTreeSet<usize>, search: &Search<'_>) -> Option<FoundPrefix<'_>> {
        let most = reached.last()?;
        let literals = search.names_after(reached).into_iter().filter_map(|name| {
            let child = self.literals.get(name)?;
            child.deepest_possible(&search.after_literal(name, reached), search)
        });
        let template = self
            .template
            .as_ref()
            .and_then(|(template, child)| child.deepest_possible(&search.after_template(template, reached), search));
        longest(self.found(*most), literals.chain(template))
    }

    /// The tiers of this node.
    fn found(&self, prefix_segments: usize) -> Option<FoundPrefix<'_>> {
        self.tiers.split_first().map(|(first, others)| FoundPrefix { first, others, prefix_segments })
    }
}

/// Literals come before the template: only a strictly longer prefix replaces the best one so far.
fn longest<'t>(own: Option<FoundPrefix<'t>>, below: impl Iterator<Item = FoundPrefix<'t>>) -> Option<FoundPrefix<'t>> {
    below.fold(own, |best, found| match best {
        Some(best) if best.prefix_segments >= found.prefix_segments => Some(best),
        _ => Some(found),
    })
}

impl<'s> Search<'s> {
    /// The different folders that can be the next one.
    fn names_after(&self, reached: &BTreeSet<usize>) -> BTreeSet<&'s str> {
        reached.iter().filter_map(|count| self.folders.get(*count).copied()).collect()
    }

    fn after_literal(&self, name: &str, reached: &BTreeSet<usize>) -> BTreeSet<usize> {
        let is_next = |count: &&usize| self.folders.get(**count) == Some(&name);
        reached.iter().filter(is_next).map(|count| count + 1).collect()
    }

    fn after_template(&self, template: &Template, reached: &BTreeSet<usize>) -> BTreeSet<usize> {
        let is_unknown = template.is_elsewhere(self.caller);
        let (mut after, mut first_unknown) = (BTreeSet::new(), None);
        for &count in reached {
            let rest = self.folders.get(count..).unwrap_or_default();
            // A value in the token counts, even if there may be others.
            if let Some(taken) = template.takes(rest, self.caller) {
                after.insert(count + taken);
            } else if is_unknown {
                match template.length() {
                    TemplateLength::Exactly(taken) => after.extend((taken <= rest.len()).then_some(count + taken)),
                    TemplateLength::OfValue => first_unknown = first_unknown.or(Some(count)),
                }
            }
        }
        // Any number of folders after the first count includes those after each later count.
        after.extend(first_unknown.into_iter().flat_map(|count| count + 1..=self.folders.len()));
        after
    }
}

/// Why a tier cannot have its prefix.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum TierConflict {
    #[error("repeats the prefix of tier \"{0}\": tiers can have the same prefix only if each has include")]
    SamePrefix(Arc<str>),
    #[error("has a template where another tier has a different one, so that a key could match both")]
    OtherTemplate,
}
