//! A total that callers share.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

/// A total of slots or bytes, shared by holder.
///
/// A holder gets one more only while it has fewer than are free. One busy holder alone can take half of the total, two
/// a third each, and the first call of another always fits. This is the dynamic threshold of Choudhury and Hahne
/// (IEEE/ACM Transactions on Networking 6(2), 1998) with a factor of one: it needs no number of holders, and no unused
/// reserve.
#[derive(Debug)]
pub(crate) struct Shares {
    limit: u64,
    held: Mutex<Amounts>,
}

#[derive(Debug, Default)]
struct Amounts {
    total: u64,
    /// Holders with nothing are not kept.
    by_holder: HashMap<Holder, u64>,
}

/// One holder: a hash of its name with a key of this process, so that names cannot be chosen to collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Holder(u64);

/// Makes [`Holder`]s.
impl Holder {
    /// The holder of this name. Equal names give equal holders only with the same hasher.
    #[must_use]
    pub(crate) fn from_name(name: &impl Hash, hasher: &impl BuildHasher) -> Self {
        Self(hasher.hash_one(name))
    }
}

/// Why a holder gets nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NoShare {
    /// The holder has its share. Others can still get more.
    #[error("the caller's limit of calls in flight is reached")]
    OverShare,
    /// The total is taken, and the holder has nothing.
    #[error("the limit of calls in flight is reached")]
    Full,
}

impl Shares {
    /// A total that is free.
    #[must_use]
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, held: Mutex::default() })
    }

    /// Takes this amount for a holder until the returned share is dropped.
    ///
    /// # Errors
    ///
    /// When the holder would have more than remains free.
    pub(crate) fn take(self: &Arc<Self>, holder: Holder, amount: u64) -> Result<Share, NoShare> {
        self.hold(holder, amount)?;
        Ok(Share { shares: Arc::clone(self), holder, amount })
    }

    /// The amount taken in total.
    #[must_use]
    pub(crate) fn held(&self) -> u64 {
        self.lock().total
    }

    fn hold(&self, holder: Holder, amount: u64) -> Result<(), NoShare> {
        let mut held = self.lock();
        let free = self.limit.saturating_sub(held.total);
        let own = held.by_holder.get(&holder).copied().unwrap_or_default();
        if own.saturating_add(amount) > free {
            return Err(if own == 0 { NoShare::Full } else { NoShare::OverShare });
        }
        held.total += amount;
        *held.by_holder.entry(holder).or_default() += amount;
        Ok(())
    }

    fn give_back(&self, holder: Holder, amount: u64) {
        let mut held = self.lock();
        held.total = held.total.saturating_sub(amount);
        if let Entry::Occupied(mut own) = held.by_holder.entry(holder) {
            *own.get_mut() = own.get().saturating_sub(amount);
            if *own.get() == 0 {
                own.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Amounts> {
        // No panic is possible between two changes that belong together.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one call has taken of the total. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Arc<Shares>,
    holder: Holder,
    amount: u64,
}

impl Share {
    /// Takes more, by the same rule.
    ///
    /// # Errors
    ///
    /// When the holder would have more than remains free. It keeps what it has.
    pub(crate) fn grow(&mut self, amount: u64) -> Result<(), NoShare> {
        self.shares.hold(self.holder, amount)?;
        self.amount += amount;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shares.give_back(self.holder, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn holder(number: u64) -> Holder {
        Holder(number)
    }

    fn take_all(shares: &Arc<Shares>, number: u64) -> Vec<Share> {
        std::iter::from_fn(|| shares.take(holder(number), 1).ok()).collect()
    }

    #[test]
    fn one_holder_alone_gets_half_and_the_next_ones_get_a_place() {
        let shares = Shares::new(1_024);
        let hog = take_all(&shares, 1);
        assert_eq!(hog.len(), 512);
        assert_eq!(shares.take(holder(1), 1).unwrap_err(), NoShare::OverShare);
        let second = take_all(&shares, 2);
        assert_eq!(second.len(), 256);
        drop(hog);
        assert_eq!(shares.held(), 256);
        drop(second);
        assert_eq!((shares.held(), shares.lock().by_holder.len()), (0, 0));
    }

    #[test]
    fn two_that_take_all_they_can_get_end_with_a_third_each() {
        let shares = Shares::new(900);
        let mut held = [take_all(&shares, 0), take_all(&shares, 1)];
        assert_eq!(held.each_ref().map(Vec::len), [450, 225]);
        for _ in 0..100 {
            for (number, own) in (0..).zip(&mut held) {
                own.truncate(own.len() * 9 / 10);
                own.extend(take_all(&shares, number));
            }
        }
        let counts = held.each_ref().map(Vec::len);
        assert!(counts.iter().all(|count| (270..=330).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_new_holder_is_refused_because_of_the_total_and_not_its_share() {
        let shares = Shares::new(3);
        let held: Vec<Share> = (0..3).map(|number| shares.take(holder(number), 1).unwrap()).collect();
        assert_eq!(shares.take(holder(9), 1).unwrap_err(), NoShare::Full);
        assert_eq!(shares.take(holder(0), 1).unwrap_err(), NoShare::OverShare);
        drop(held);
        assert!(shares.take(holder(9), 1).is_ok());
    }

    #[test]
    fn a_share_grows_by_the_same_rule_and_is_given_back_whole() {
        let shares = Shares::new(100);
        let mut share = shares.take(holder(1), 30).unwrap();
        share.grow(20).unwrap();
        assert_eq!((share.grow(1), shares.held()), (Err(NoShare::OverShare), 50));
        assert_eq!(shares.take(holder(2), 51).unwrap_err(), NoShare::Full);
        let other = shares.take(holder(2), 10).unwrap();
        drop(share);
        assert_eq!(shares.held(), 10);
        drop(other);
        assert_eq!(shares.held(), 0);
    }

    proptest! {
        #[test]
        fn the_total_is_never_exceeded_and_a_single_hog_always_leaves_a_place(
            limit in 2_u64..200,
            takes in prop::collection::vec((0_u64..6, 1_u64..10, any::<bool>()), 0..400),
        ) {
            let shares = Shares::new(limit);
            let mut held: Vec<Share> = Vec::new();
            for (number, amount, gives_back) in takes {
                if gives_back && !held.is_empty() {
                    held.swap_remove(usize::try_from(number).unwrap() % held.len());
                } else {
                    held.extend(shares.take(holder(number), amount));
                }
                let total: u64 = held.iter().map(|share| share.amount).sum();
                prop_assert_eq!(shares.held(), total);
                prop_assert!(total <= limit);
            }
            drop(held);
            prop_assert_eq!(shares.held(), 0);
            let _hog = take_all(&shares, 0);
            prop_assert!(shares.take(holder(1), 1).is_ok());
        }
    }
}
