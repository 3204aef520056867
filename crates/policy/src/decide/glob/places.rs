//! The places in a text that a pattern may have come to.

use std::mem;

/// For each place in a text, from before its first item to behind its last, whether a pattern can match exactly what
/// lies before it.
///
/// A pattern that can go on in several ways goes on in all of them at once. So nothing is tried twice, and the time is
/// at most the length of the pattern times that of the text.
#[derive(Debug, Clone)]
pub(super) struct Places(Vec<bool>);

impl Places {
    /// Before the first item.
    pub(super) fn at_start_of<T>(text: &[T]) -> Self {
        let mut places = vec![false; text.len()];
        places.insert(0, true);
        Self(places)
    }

    /// Goes past one item that fits. `text` is the one that the places are in.
    pub(super) fn pass_one<T>(&mut self, text: &[T], fits: impl Fn(&T) -> bool) {
        let mut arrives = false;
        let mut items = text.iter();
        for place in &mut self.0 {
            let leaves = mem::replace(place, arrives);
            arrives = items.next().is_some_and(|item| leaves && fits(item));
        }
    }

    /// Goes past any number of items, also none.
    pub(super) fn pass_any(&mut self) {
        let mut reached = false;
        for place in &mut self.0 {
            reached |= *place;
            *place = reached;
        }
    }

    /// Goes past what one of several ways goes past.
    pub(super) fn pass_one_of<W>(&mut self, ways: &[W], pass: impl Fn(&W, &mut Self)) {
        let start = mem::replace(self, Self(vec![false; self.0.len()]));
        for way in ways {
            let mut places = start.clone();
            pass(way, &mut places);
            for (place, reached) in self.0.iter_mut().zip(places.0) {
                *place |= reached;
            }
        }
    }

    /// Whether no place is left: the pattern does not match.
    pub(super) fn are_none(&self) -> bool {
        !self.0.contains(&true)
    }

    /// Whether the pattern can match the whole text.
    pub(super) fn include_end(&self) -> bool {
        self.0.last() == Some(&true)
    }
}
