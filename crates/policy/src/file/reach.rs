//! Which rules reach which tiers: those with the tier in `tiers`, and those that the tier inherits.

use std::collections::BTreeSet;

/// The rules that reach one tier, by their numbers in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reaching {
    /// Those with the tier in `tiers`.
    pub(super) own: Vec<usize>,
    /// Those of the tiers that it inherits from, except its own ones.
    pub(super) inherited: Vec<usize>,
}

impl Reaching {
    /// The own rules come first.
    pub(super) fn in_order_of_tiers(&self) -> impl Iterator<Item = usize> {
        self.own.iter().chain(&self.inherited).copied()
    }

    /// All in the order of the file.
    pub(super) fn in_order_of_file(&self) -> BTreeSet<usize> {
        self.in_order_of_tiers().collect()
    }
}

/// The rules that reach each tier. `tiers_of_rules` has the numbers of each rule's tiers, and `parents` the tier that each
/// tier inherits from: the rules that the parent itself inherits reach the tier too.
pub(super) fn reaching(
    tiers_of_rules: impl IntoIterator<Item = impl IntoIterator<Item = usize>>,
    parents: &[Option<usize>],
) -> Vec<Reaching> {
    let mut reaching = vec![Reaching::default(); parents.len()];
    for (rule, tiers) in tiers_of_rules.into_iter().enumerate() {
        for tier in tiers {
            // A rule can name a tier twice.
            if let Some(Reaching { own, .. }) = reaching.get_mut(tier)
                && own.last() != Some(&rule)
            {
                own.push(rule);
            }
        }
    }
    for tier in 0..parents.len() {
        let inherited: BTreeSet<usize> =
            ancestors(tier, parents).flat_map(|tier| reaching[tier].own.iter().copied()).collect();
        let Reaching { own, inherited: into } = &mut reaching[tier];
        into.extend(inherited.into_iter().filter(|rule| own.binary_search(rule).is_err()));
    }
    reaching
}

/// The tiers that a tier inherits from, the nearest first. In a circle, they end.
pub(super) fn ancestors(tier: usize, parents: &[Option<usize>]) -> impl Iterator<Item = usize> {
    let parent = |tier: usize| parents.get(tier).copied().flatten();
    std::iter::successors(parent(tier), move |tier| parent(*tier)).take(parents.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(tiers_of_rules: &[&[usize]], parents: &[Option<usize>]) -> Vec<(Vec<usize>, Vec<usize>)> {
        let tiers_of_rules = tiers_of_rules.iter().map(|tiers| tiers.iter().copied());
        reaching(tiers_of_rules, parents).into_iter().map(|found| (found.own, found.inherited)).collect()
    }

    #[test]
    fn rules_reach_the_tiers_that_they_name_and_those_that_inherit_from_them() {
        // Tier 2 inherits from 1, and 1 from 0. Tier 3 inherits nothing.
        let parents = [None, Some(0), Some(1), None];
        let rules: [&[usize]; 5] = [&[0], &[2, 2], &[1], &[0, 2, 3], &[3]];
        let expected = [(vec![0, 3], vec![]), (vec![2], vec![0, 3]), (vec![1, 3], vec![0, 2]), (vec![3, 4], vec![])];
        assert_eq!(found(&rules, &parents), expected);
    }

    #[test]
    fn own_rules_come_first_or_all_are_in_the_order_of_the_file() {
        let reaching = Reaching { own: vec![1, 3], inherited: vec![0, 2] };
        assert_eq!(reaching.in_order_of_tiers().collect::<Vec<_>>(), [1, 3, 0, 2]);
        assert_eq!(reaching.in_order_of_file().into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_circle_ends() {
        let parents = [Some(1), Some(0), Some(2)];
        assert_eq!(ancestors(0, &parents).take(10).collect::<Vec<_>>(), [1, 0, 1]);
        assert_eq!(found(&[&[0], &[1], &[2]], &parents)[0], (vec![0], vec![1]));
    }
}
