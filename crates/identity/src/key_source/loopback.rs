//! Host names that may resolve only to this machine.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

/// Resolves a name to loopback addresses, or fails. The client connects to exactly the checked addresses: it does not
/// resolve the name again, so the name cannot change to another machine in between.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoopbackOnly;

impl Resolve for LoopbackOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // This port is not used: the client uses the URL's.
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let addresses = only_loopback(addresses)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The addresses, or an error if one of them is not a loopback address.
fn only_loopback(addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotLoopback> {
    match addresses.iter().find(|address| !is_loopback(address.ip())) {
        Some(other) => Err(NotLoopback(other.ip())),
        None => Ok(addresses),
    }
}

pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.is_loopback()
}

/// A host name resolves to another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("insecure_loopback permits plain http only to loopback addresses, but the host name resolved to {0}")]
pub(super) struct NotLoopback(IpAddr);

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn one_address_of_another_machine_is_enough_to_refuse_the_name() {
        for good in [&["127.0.0.1"] as &[_], &["127.9.9.9", "::1"], &["::1"], &[]] {
            assert_eq!(only_loopback(addresses(good)), Ok(addresses(good)));
        }
        for bad in ["10.0.0.1", "169.254.169.254", "0.0.0.0", "::", "192.0.2.1", "::ffff:127.0.0.1", "fe80::1"] {
            for addresses in [addresses(&[bad]), addresses(&["127.0.0.1", bad]), addresses(&[bad, "::1"])] {
                assert_eq!(only_loopback(addresses), Err(NotLoopback(bad.parse().unwrap())));
            }
        }
    }

    #[tokio::test]
    async fn the_name_of_this_machine_is_resolved() {
        let addresses = LoopbackOnly.resolve("localhost".parse().unwrap()).await.unwrap();
        let addresses: Vec<SocketAddr> = addresses.collect();
        assert!(!addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback()));
    }
}
