//! Finds the tier with the longest prefix of a key. The time depends on the key's depth, not on the number of tiers.

use std::collections::HashMap;
use std::sync::Arc;

use thiserror::Error;

use super::fit::Fit;
use super::prefix::{ClaimReference, PrefixSegment, TierPrefix};
use super::tier::Tier;
use crate::object::ObjectKey;
use access_broker_identity::Caller;

/// The tiers of one bucket, by the segments of their prefixes.
#[derive(Debug, Default)]
pub(crate) struct TierTree {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    tier: Option<Arc<Tier>>,
    literals: HashMap<Box<str>, Node>,
    template: Option<(ClaimReference, Box<Node>)>,
}

impl TierTree {
    pub(crate) fn insert(&mut self, prefix: &TierPrefix, tier: Arc<Tier>) -> Result<(), TierConflict> {
        let mut node = &mut self.root;
        for segment in prefix.segments() {
            node = match segment {
                PrefixSegment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                PrefixSegment::Claim(claim) => {
                    let (present, child) = node.template.get_or_insert_with(|| (claim.clone(), Box::default()));
                    if present != claim {
                        return Err(TierConflict::OtherTemplate);
                    }
                    child
                }
            };
        }
        match &node.tier {
            Some(present) => Err(TierConflict::SamePrefix(Arc::clone(present.name()))),
            None => {
                node.tier = Some(tier);
                Ok(())
            }
        }
    }

    /// The tier whose prefix is the longest that matches the key for this caller. At equal depth the prefix with the
    /// earlier literal wins over the one with a template there.
    ///
    /// # Errors
    ///
    /// Another tier that may be the right one: it depends on a claim that is in another place, as the token says.
    pub(crate) fn find(&self, key: &ObjectKey, caller: &Caller) -> Result<Option<&Arc<Tier>>, &Arc<Tier>> {
        let segments: Vec<&str> = key.segments().collect();
        // A prefix ends with a slash, so the last segment of a key is never part of one.
        let folders = segments.split_last().map_or(&[][..], |(_, folders)| folders);
        let deepest = |matching| self.root.deepest(folders, caller, matching).map(|(tier, _)| tier);
        let certain = deepest(Matching::Certain);
        if !caller.token().is_some_and(|token| token.claims.has_claims_elsewhere()) {
            return Ok(certain);
        }
        match deepest(Matching::Possible) {
            Some(possible) if !certain.is_some_and(|certain| Arc::ptr_eq(certain, possible)) => Err(possible),
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
        nodes.filter_map(|node| node.tier.as_ref())
    }
}

impl Node {
    /// The deepest tier at or below this node, with the number of segments left below it. Every node of the tree is
    /// visited at most once, and the depth is bounded by the longest prefix.
    fn deepest(&self, folders: &[&str], caller: &Caller, matching: Matching) -> Option<(&Arc<Tier>, usize)> {
        let mut best = self.tier.as_ref().map(|tier| (tier, folders.len()));
        let Some((first, rest)) = folders.split_first() else {
            return best;
        };
        let literal = self.literals.get(*first);
        let template = self.template.as_ref().filter(|(claim, _)| match claim.fits(first, caller) {
            Fit::Yes => true,
            Fit::Elsewhere => matching == Matching::Possible,
            Fit::No => false,
        });
        // Literals come first: only a strictly deeper match replaces the best one so far.
        for child in literal.into_iter().chain(template.map(|(_, child)| &**child)) {
            if let Some(found) = child.deepest(rest, caller, matching)
                && best.is_none_or(|(_, left)| found.1 < left)
            {
                best = Some(found);
            }
        }
        best
    }
}

/// Which templates match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matching {
    /// Those whose claim has the value of the segment.
    Certain,
    /// Also those whose claim is in another place and may have that value.
    Possible,
}

/// Why a tier cannot have its prefix.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum TierConflict {
    #[error("repeats the prefix of tier \"{0}\"")]
    SamePrefix(Arc<str>),
    #[error("has a template where another tier has a different one, so that a key could match both")]
    OtherTemplate,
}
