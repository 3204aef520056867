//! Recognises peers in the network namespace of this process.

use std::net::{IpAddr, Ipv6Addr};

/// The source address of Istio's sidecar over IPv6, like 127.0.0.6 over IPv4. Istio's set-up adds the address to the
/// loopback interface of the pod (`configureIPv6Addresses` in its `tools/common/tproxy`). Without that set-up, this is
/// an ordinary address.
pub const ISTIO_IPV6_SOURCE: Ipv6Addr = Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 6);

/// Whether a connection comes from the network namespace that it was made to: from loopback, from the address that it
/// was made to, or from Istio's source address (with `has_istio_source`: the loopback interface has
/// [`ISTIO_IPV6_SOURCE`]). Both addresses are those of the connection. In Kubernetes the namespace is the pod, unless
/// it has the network of its node.
///
/// The kernel gives a proxy that connects to the pod's address the same source address. A peer on another machine
/// cannot use it: answers to an address of this machine never leave this machine.
#[must_use]
pub fn is_same_pod(peer: IpAddr, own: IpAddr, has_istio_source: bool) -> bool {
    match (peer.to_canonical(), own.to_canonical()) {
        (peer, _) if peer.is_loopback() => true,
        (IpAddr::V6(ISTIO_IPV6_SOURCE), _) if has_istio_source => true,
        (IpAddr::V4(peer), IpAddr::V4(own)) => peer.to_bits() == own.to_bits(),
        (IpAddr::V6(peer), IpAddr::V6(own)) => peer.to_bits() == own.to_bits(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_of_the_pod_by_its_own_address_or_by_loopback_in_any_spelling() {
        for (peer, own, expected) in [
            ("10.9.8.7", "10.9.8.7", true),
            ("10.9.8.7", "::ffff:10.9.8.7", true),
            ("::ffff:10.9.8.7", "10.9.8.7", true),
            ("::ffff:10.9.8.7", "::ffff:10.9.8.7", true),
            ("2001:db8::7", "2001:db8::7", true),
            ("127.0.0.1", "10.9.8.7", true),
            ("127.0.0.6", "10.9.8.7", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("::1", "2001:db8::7", true),
            ("::ffff:127.0.0.1", "::ffff:10.9.8.7", true),
            ("10.9.8.6", "10.9.8.7", false),
            ("10.9.8.7", "10.9.8.6", false),
            ("::ffff:10.9.8.6", "::ffff:10.9.8.7", false),
            ("2001:db8::6", "2001:db8::7", false),
            // The source of a connection decides, not its destination.
            ("10.9.8.7", "127.0.0.1", false),
            ("2001:db8::7", "::1", false),
            ("10.9.8.7", "2001:db8::7", false),
            ("2001:db8::7", "10.9.8.7", false),
            // Not mapped but "compatible" (RFC 4291 section 2.5.5.1): another address.
            ("::10.9.8.7", "10.9.8.7", false),
            ("::10.9.8.7", "::ffff:10.9.8.7", false),
        ] {
            let [peer_ip, own_ip] = [peer, own].map(|text| text.parse().unwrap());
            for has_istio_source in [false, true] {
                assert_eq!(is_same_pod(peer_ip, own_ip, has_istio_source), expected, "{peer} to {own}");
            }
        }
    }

    #[test]
    fn istios_address_counts_where_loopback_has_it() {
        let [source, own, near] = ["::6", "2001:db8::7", "::7"].map(|text| text.parse().unwrap());
        assert!(is_same_pod(source, own, true));
        assert!(!is_same_pod(source, own, false));
        assert!(!is_same_pod(near, own, true));
    }
}
