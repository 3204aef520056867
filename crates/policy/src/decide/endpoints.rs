//! Which of a bucket's endpoints a URL uses.

use std::collections::BTreeSet;

use crate::object::EndpointName;

/// The lists of endpoints that limit one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndpointLists<'a> {
    pub(crate) bucket: &'a BTreeSet<EndpointName>,
    /// The tier's, the preferred one first. `None`: every one of the bucket.
    pub(crate) tier: Option<&'a [EndpointName]>,
    /// The grant's, the preferred one first. `None`: those of the tier.
    pub(crate) grant: Option<&'a [EndpointName]>,
}

impl EndpointLists<'_> {
    /// The endpoint that a caller gets: the requested one, or else the first usable one of the grant or the tier, or the
    /// default one. It is in each of the lists. `None`: this grant does not allow it.
    pub(crate) fn choose(self, requested: Option<&EndpointName>) -> Option<EndpointName> {
        let usable = |name: &&EndpointName| {
            self.bucket.contains(*name)
                && [self.tier, self.grant].into_iter().flatten().all(|list| list.contains(*name))
        };
        match (requested, self.grant.or(self.tier)) {
            (Some(requested), _) => Some(requested).filter(usable).cloned(),
            (None, Some(preferred)) => preferred.iter().find(usable).cloned(),
            (None, None) => Some(EndpointName::default_endpoint()).filter(|name| usable(&name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, subsequence};

    use super::*;

    const NAMES: [&str; 5] = ["default", "public", "vpce", "inside", "v6"];

    fn name(text: &str) -> EndpointName {
        EndpointName::parse(text).unwrap()
    }

    /// A list in any order.
    fn list() -> impl Strategy<Value = Option<Vec<EndpointName>>> {
        let names = subsequence(NAMES.map(name).to_vec(), 0..=NAMES.len()).prop_shuffle();
        proptest::option::of(names)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_choice_is_the_first_that_every_list_has(
            bucket in subsequence(NAMES.to_vec(), 0..=NAMES.len()),
            tier in list(),
            grant in list(),
            requested in proptest::option::of(any::<Index>()),
        ) {
            let bucket: BTreeSet<EndpointName> = bucket.into_iter().map(name).collect();
            let requested = requested.map(|index| name(NAMES[index.index(NAMES.len())]));
            let lists = EndpointLists { bucket: &bucket, tier: tier.as_deref(), grant: grant.as_deref() };
            let choice = lists.choose(requested.as_ref());

            // Candidates in their order, then every rule struck out of it, one by one.
            let mut candidates = match (&requested, &grant, &tier) {
                (Some(requested), _, _) => vec![requested.clone()],
                (None, Some(list), _) | (None, None, Some(list)) => list.clone(),
                (None, None, None) => vec![name("default")],
            };
            candidates.retain(|name| bucket.contains(name));
            candidates.retain(|name| tier.is_none() || tier.as_ref().unwrap().contains(name));
            candidates.retain(|name| grant.is_none() || grant.as_ref().unwrap().contains(name));
            prop_assert_eq!(choice, candidates.into_iter().next());
        }
    }
}
