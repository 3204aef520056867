//! Checks that the process has its own network, if a listener trusts every process of its pod.

use std::fs;
use std::net::{IpAddr, Ipv6Addr};

use anyhow::{Context, bail};

use crate::config::ListenerSettings;
use access_broker_identity::{ISTIO_IPV6_SOURCE, TrustedHop, WorkloadProof};
use access_broker_s3::credentials::ReadEnv;

/// The address of the pod, if the pod's manifest sets it (`status.podIP`).
const POD_IP: &str = "POD_IP";

/// The address of its node (`status.hostIP`).
const HOST_IP: &str = "HOST_IP";

/// Fails if a listener trusts its pod and the pod has the network of its node. Every process of the node is then in the
/// same network namespace, and clients of a Service may have the node's own address instead of theirs. If one of the
/// addresses is not set, nothing is checked.
pub(in crate::server) fn refuse_node_network(
    listeners: &[ListenerSettings],
    environment: &ReadEnv,
) -> anyhow::Result<()> {
    let trusts_pod =
        |listener: &ListenerSettings| listener.proof.workload().and_then(WorkloadProof::hop) == Some(&TrustedHop::Pod);
    let Some(place) = listeners.iter().position(trusts_pod) else { return Ok(()) };
    let setting = format!("listener[{place}].trusted_hop = \"{}\"", TrustedHop::POD);
    let read = |name: &str| {
        let value = environment(name)?;
        let address = value.parse::<IpAddr>().with_context(|| {
            format!("{setting} reads the environment variable {name}, which must be an IP address; it is {value:?}")
        });
        Some(address)
    };
    let (Some(pod), Some(host)) = (read(POD_IP), read(HOST_IP)) else { return Ok(()) };
    let (pod, host) = (pod?, host?);
    if pod.to_canonical() == host.to_canonical() {
        bail!(
            "{setting} must not be used where {POD_IP} and {HOST_IP} are the same ({pod}): the pod has the network of its \
             node, and every process there could name any workload; remove hostNetwork from the pod, or use a Unix domain \
             socket"
        );
    }
    Ok(())
}

/// Whether the loopback interface has the address that Istio's sidecar connects from over IPv6. Istio's set-up adds it
/// before any container of the pod starts.
pub(in crate::server) fn has_istio_source() -> bool {
    fs::read_to_string("/proc/net/if_inet6").is_ok_and(|table| lists(&table, ISTIO_IPV6_SOURCE))
}

/// Whether a table like `/proc/net/if_inet6` has an address of the loopback interface.
fn lists(table: &str, address: Ipv6Addr) -> bool {
    let wanted = format!("{:032x}", address.to_bits());
    table.lines().any(|line| {
        let mut columns = line.split_whitespace();
        columns.next() == Some(&*wanted) && columns.last() == Some("lo")
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::calls::Protocols;
    use crate::config::ListenAddress;
    use access_broker_identity::{AcceptedProof, HeaderElements, MeshHeader, TrustDomain, WorkloadSource};

    fn listener(proof: AcceptedProof) -> ListenerSettings {
        ListenerSettings {
            address: ListenAddress::Tcp(([0, 0, 0, 0], 1).into()),
            proof,
            tls: None,
            protocols: Protocols::ALL,
        }
    }

    fn trusting(hop: TrustedHop) -> WorkloadProof {
        let (header, elements) = (MeshHeader::L5dClientId, HeaderElements::Last);
        WorkloadProof {
            trust_domain: TrustDomain::parse("cluster.local").unwrap(),
            source: WorkloadSource::MeshHeader { header, hop, elements },
        }
    }

    /// The error with these values of `POD_IP` and `HOST_IP`, if there is one.
    fn error(proofs: &[AcceptedProof], pod: Option<&'static str>, host: Option<&'static str>) -> Option<String> {
        let environment: ReadEnv = Arc::new(move |name| match name {
            "POD_IP" => pod.map(str::to_owned),
            "HOST_IP" => host.map(str::to_owned),
            _ => panic!("{name} is not needed"),
        });
        let listeners: Vec<_> = proofs.iter().cloned().map(listener).collect();
        refuse_node_network(&listeners, &environment).err().map(|error| format!("{error:#}"))
    }

    #[test]
    fn a_pod_with_the_network_of_its_node_is_not_trusted() {
        let pod = || trusting(TrustedHop::Pod);
        for proof in [AcceptedProof::Workload(pod()), AcceptedProof::TokenAndWorkload(pod())] {
            let proofs = [AcceptedProof::Token, proof];
            for (pod, host) in [("10.0.0.7", "10.0.0.7"), ("fd00::7", "fd00:0::7"), ("::ffff:10.0.0.7", "10.0.0.7")] {
                let error = error(&proofs, Some(pod), Some(host)).unwrap();
                assert!(
                    error.starts_with("listener[1].trusted_hop = \"pod\" must not be used where POD_IP"),
                    "{error}"
                );
            }
            assert_eq!(error(&proofs, Some("10.1.0.7"), Some("10.0.0.7")), None);
            for (pod, host) in [(None, None), (Some("10.0.0.7"), None), (None, Some("10.0.0.7"))] {
                assert_eq!(error(&proofs, pod, host), None, "{pod:?} {host:?}");
            }
        }
    }

    #[test]
    fn invalid_addresses_are_reported_and_not_ignored() {
        let proofs = [AcceptedProof::Workload(trusting(TrustedHop::Pod))];
        for (pod, host, wrong) in [
            (Some("pod"), Some("10.0.0.7"), "POD_IP"),
            (Some("10.0.0.7"), Some(""), "HOST_IP"),
            (Some("10.0.0.7/24"), Some("10.0.0.8"), "POD_IP"),
        ] {
            let error = error(&proofs, pod, host).unwrap();
            assert!(error.contains(&format!("variable {wrong}, which must be an IP address")), "{error}");
        }
    }

    #[test]
    fn without_a_listener_that_trusts_its_pod_nothing_is_checked() {
        let loopback = AcceptedProof::Workload(trusting(TrustedHop::Loopback));
        assert_eq!(error(&[AcceptedProof::Token, loopback], Some("rubbish"), Some("rubbish")), None);
    }

    #[test]
    fn istios_address_is_found_on_loopback_alone() {
        let table = |address: &str, device: &str| {
            format!("00000000000000000000000000000001 01 80 10 80       lo\n{address} 01 80 00 80       {device}\n")
        };
        let source = "00000000000000000000000000000006";
        assert!(lists(&table(source, "lo"), ISTIO_IPV6_SOURCE));
        assert!(!lists(&table(source, "eth0"), ISTIO_IPV6_SOURCE));
        assert!(!lists(&table("fe800000000000000000000000000006", "lo"), ISTIO_IPV6_SOURCE));
        assert!(!lists("", ISTIO_IPV6_SOURCE));
    }
}
