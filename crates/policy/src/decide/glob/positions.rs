//! The positions in a text that a pattern can have reached.

use std::mem;

/// For each position in a text, from before its first item to after its last, whether a pattern can match exactly the items
/// before it.
///
/// A pattern with several possible matches follows all of them at once. So nothing is tried twice, and the time is at most
/// the length of the pattern times the length of the text.
#[derive(Debug, Clone)]
pub(super) struct Positions(Vec<bool>);

impl Positions {
    /// Before the first item.
    pub(super) fn at_start_of<T>(text: &[T]) -> Self {
        let mut positions = vec![false; text.len()];
        positions.insert(0, true);
        Self(positions)
    }

    /// Goes past one item that fits. `text` is the text of the positions.
    pub(super) fn pass_one<T>(&mut self, text: &[T], fits: impl Fn(&T) -> bool) {
        let mut arrives = false;
        let mut items = text.iter();
        for position in &mut self.0 {
            let leaves = mem::replace(position, arrives);
            arrives = items.next().is_some_and(|item| leaves && fits(item));
        }
    }

    /// Goes past zero or more items.
    pub(super) fn pass_any(&mut self) {
        let mut reached = false;
        for position in &mut self.0 {
            reached |= *position;
            *position = reached;
        }
    }

    /// Goes past what one of the alternatives matches.
    pub(super) fn pass_one_of<A>(&mut self, alternatives: &[A], pass: impl Fn(&A, &mut Self)) {
        let start = mem::replace(self, Self(vec![false; self.0.len()]));
        for alternative in alternatives {
            let mut positions = start.clone();
            pass(alternative, &mut positions);
            for (position, reached) in self.0.iter_mut().zip(positions.0) {
                *position |= reached;
            }
        }
    }

    /// Whether no position is left: the pattern does not match.
    pub(super) fn are_none(&self) -> bool {
        !self.0.contains(&true)
    }

    /// Whether the pattern can match the whole text.
    pub(super) fn include_end(&self) -> bool {
        self.0.last() == Some(&true)
    }
}
