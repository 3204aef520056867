//! How an expectation and a stored value compare.

use std::collections::BTreeMap;

use super::aspect::Aspect;

/// The result of a comparison; a worse one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Comparison {
    Holds,
    /// S3 does not return the value, or the value proves nothing.
    Unknown,
    Differs,
}

impl Comparison {
    pub(super) const fn from_match(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Differs }
    }

    /// The same where the value is known.
    pub(super) fn from_known<T>(known: Option<T>, holds: impl FnOnce(T) -> bool) -> Self {
        known.map_or(Self::Unknown, |known| Self::from_match(holds(known)))
    }
}

/// What was compared. Of two comparisons of one aspect the worse one counts.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<Aspect, Comparison>);

impl Findings {
    pub(super) fn note(&mut self, aspect: Aspect, comparison: impl Into<Option<Comparison>>) {
        if let Some(comparison) = comparison.into() {
            let found = self.0.entry(aspect).or_insert(comparison);
            *found = comparison.max(*found);
        }
    }

    /// The names of the aspects with this result, in order.
    pub(super) fn names(&self, wanted: Comparison) -> Vec<&'static str> {
        self.0.iter().filter(|(_, found)| **found == wanted).map(|(aspect, _)| aspect.name()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_of_two_comparisons_counts() {
        let all = [Comparison::Holds, Comparison::Unknown, Comparison::Differs];
        for one in all {
            for other in all {
                let mut findings = Findings::default();
                findings.note(Aspect::Etag, one);
                findings.note(Aspect::Etag, other);
                findings.note(Aspect::Etag, None);
                let worse = if one == Comparison::Differs || other == Comparison::Differs {
                    Comparison::Differs
                } else if one == Comparison::Unknown || other == Comparison::Unknown {
                    Comparison::Unknown
                } else {
                    Comparison::Holds
                };
                for kind in all {
                    let names: &[&str] = if kind == worse { &["etag"] } else { &[] };
                    assert_eq!(findings.names(kind), names, "{one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn names_are_in_the_order_of_the_aspects_and_all_different() {
        let mut findings = Findings::default();
        for aspect in Aspect::ALL.into_iter().rev() {
            findings.note(aspect, Comparison::Unknown);
        }
        assert_eq!(findings.names(Comparison::Unknown), Aspect::ALL.map(Aspect::name));
        assert_eq!(findings.names(Comparison::Unknown).len(), 18);
    }
}
