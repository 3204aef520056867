//! Peers by their addresses.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What counts as one peer: an IPv4 address, or the /64 of an IPv6 host (RFC 6177, RFC 4291 section 2.5.1). An
/// IPv4-mapped IPv6 address counts as the IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AddressBlock(IpAddr);

impl AddressBlock {
    #[must_use]
    pub(crate) fn containing(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// Counts items per block, up to a limit.
#[derive(Debug)]
pub(crate) struct AddressCap {
    limit: usize,
    /// Blocks without items are not kept.
    held: Mutex<HashMap<AddressBlock, usize>>,
}

impl AddressCap {
    #[must_use]
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, held: Mutex::default() })
    }

    /// Counts one item for a block until the returned value is dropped; `None` if the block has reached the limit.
    #[must_use]
    pub(crate) fn take(self: &Arc<Self>, block: AddressBlock) -> Option<AddressShare> {
        let mut held = self.lock();
        let own = held.entry(block).or_default();
        // The limit is never 0, so no empty entry remains here.
        if *own >= self.limit {
            return None;
        }
        *own += 1;
        Some(AddressShare { cap: Arc::clone(self), block })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AddressBlock, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One counted item. Dropping it frees it.
#[derive(Debug)]
pub(crate) struct AddressShare {
    cap: Arc<AddressCap>,
    block: AddressBlock,
}

impl Drop for AddressShare {
    fn drop(&mut self) {
        let mut held = self.cap.lock();
        if let Entry::Occupied(mut own) = held.entry(self.block) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(address: &str) -> AddressBlock {
        AddressBlock::containing(address.parse().unwrap())
    }

    #[test]
    fn every_address_of_an_ipv6_host_s_64_is_one_peer() {
        assert_eq!(block("2001:db8:1:2::1"), block("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(block("2001:db8:1:2::1"), block("2001:db8:1:3::1"));
        assert_ne!(block("192.0.2.1"), block("192.0.2.2"));
        assert_eq!(block("::ffff:192.0.2.1"), block("192.0.2.1"));
        assert_ne!(block("::ffff:192.0.2.1"), block("::ffff:192.0.2.2"));
    }

    #[test]
    fn each_block_has_its_own_number_and_gives_it_back() {
        let cap = AddressCap::new(2);
        let held = [cap.take(block("192.0.2.1")).unwrap(), cap.take(block("192.0.2.1")).unwrap()];
        assert!(cap.take(block("192.0.2.1")).is_none());
        let other = cap.take(block("192.0.2.2")).unwrap();
        let [first, second] = held;
        drop(first);
        assert!(cap.take(block("192.0.2.1")).is_some());
        drop((second, other));
        assert!(cap.lock().is_empty());
    }
}
