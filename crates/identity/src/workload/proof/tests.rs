use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::ClientCertificate;

const WORKLOAD: &str = "spiffe://prod.example/ns/media/sa/thumbnailer";
const GATEWAY: &str = "spiffe://prod.example/ns/mesh/sa/gateway";
const LINKERD: &str = "thumbnailer.media.serviceaccount.identity.linkerd.cluster.local";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(500_000)
}

fn id(text: &str) -> SpiffeId {
    SpiffeId::parse(text).unwrap()
}

/// A peer of a machine with the address 10.9.8.7.
fn tcp(address: &str) -> Peer {
    let own_ip = Some("10.9.8.7".parse().unwrap());
    Peer {
        address: PeerAddress::Tcp(address.parse::<SocketAddr>().unwrap()),
        own_ip,
        has_istio_source: false,
        certificate: None,
    }
}

fn unix(uid: u32) -> Peer {
    Peer { address: PeerAddress::Unix { uid }, own_ip: None, has_istio_source: false, certificate: None }
}

/// A peer with a certificate that is valid for an hour around [`now`].
fn certified(workload: &str) -> Peer {
    let certificate =
        ClientCertificate::for_test(id(workload), now() - Duration::from_mins(30), now() + Duration::from_mins(30));
    Peer { certificate: Some(Ok(certificate)), ..tcp("192.0.2.7:40000") }
}

fn proof(trust_domain: &str, source: WorkloadSource) -> WorkloadProof {
    WorkloadProof { trust_domain: TrustDomain::parse(trust_domain).unwrap(), source }
}

fn envoy(hop: TrustedHop) -> WorkloadProof {
    let (header, elements) = (MeshHeader::XForwardedClientCert, HeaderElements::Last);
    proof("prod.example", WorkloadSource::MeshHeader { header, hop, elements })
}

fn linkerd() -> WorkloadProof {
    let (header, hop, elements) = (MeshHeader::L5dClientId, TrustedHop::Loopback, HeaderElements::Last);
    proof("cluster.local", WorkloadSource::MeshHeader { header, hop, elements })
}

fn prove(proof: &WorkloadProof, peer: &Peer, headers: &[&str]) -> Result<String, Rejection> {
    let values = headers.iter().map(|value| value.as_bytes());
    proof.prove(peer, values, now()).map(|workload| workload.to_string())
}

#[test]
fn a_client_certificate_is_its_workload() {
    let mtls = proof("prod.example", WorkloadSource::ClientCertificate);
    assert_eq!(prove(&mtls, &certified(WORKLOAD), &[]), Ok(WORKLOAD.to_owned()));
    assert_eq!(prove(&mtls, &tcp("127.0.0.1:1"), &[]), Err(Rejection::WorkloadMissing));
    let unusable = Peer { certificate: Some(Err(Rejection::ClientCertificateUnusable)), ..tcp("127.0.0.1:1") };
    assert_eq!(prove(&mtls, &unusable, &[]), Err(Rejection::ClientCertificateUnusable));
    let foreign = certified("spiffe://other.example/ns/media/sa/thumbnailer");
    assert_eq!(prove(&mtls, &foreign, &[]), Err(Rejection::TrustDomainMismatch));
}

#[test]
fn a_certificate_that_ends_during_a_connection_proves_nothing_any_more() {
    let mtls = proof("prod.example", WorkloadSource::ClientCertificate);
    let peer = certified(WORKLOAD);
    let at = |instant| mtls.prove(&peer, [], instant).err();
    assert_eq!(at(now() + Duration::from_mins(30)), None);
    assert_eq!(at(now() + Duration::from_mins(31)), Some(Rejection::ClientCertificateExpired));
    assert_eq!(at(now() - Duration::from_mins(31)), Some(Rejection::ClientCertificateExpired));
    let behind_gateway = envoy(TrustedHop::ClientCertificate(vec![id(GATEWAY)]));
    let header = format!("URI={WORKLOAD}");
    let late = behind_gateway.prove(&certified(GATEWAY), [header.as_bytes()], now() + Duration::from_mins(31));
    assert_eq!(late.err(), Some(Rejection::ClientCertificateExpired));
}

#[test]
fn a_header_is_believed_from_the_named_hop_alone() {
    let header = format!("By={GATEWAY};Hash=abc;URI={WORKLOAD}");
    let by_certificate = envoy(TrustedHop::ClientCertificate(vec![id("spiffe://prod.example/other"), id(GATEWAY)]));
    let by_user = envoy(TrustedHop::UnixUser(vec![1_337, 0]));
    let by_loopback = envoy(TrustedHop::Loopback);
    let by_pod = envoy(TrustedHop::Pod);
    let not_trusted = Err(Rejection::HopNotTrusted);
    let accepted = Ok(WORKLOAD.to_owned());
    for (proof, peer, expected) in [
        (&by_certificate, certified(GATEWAY), accepted.clone()),
        (&by_certificate, certified(WORKLOAD), not_trusted.clone()),
        (&by_certificate, tcp("127.0.0.1:1"), Err(Rejection::WorkloadMissing)),
        (&by_user, unix(1_337), accepted.clone()),
        (&by_user, unix(1_000), not_trusted.clone()),
        (&by_user, tcp("127.0.0.1:1"), not_trusted.clone()),
        (&by_loopback, tcp("127.0.0.1:1"), accepted.clone()),
        (&by_loopback, tcp("127.0.0.6:1"), accepted.clone()),
        (&by_loopback, tcp("[::1]:1"), accepted.clone()),
        (&by_loopback, tcp("[::ffff:127.0.0.1]:1"), accepted.clone()),
        (&by_loopback, tcp("192.0.2.7:1"), not_trusted.clone()),
        (&by_loopback, tcp("10.9.8.7:1"), not_trusted.clone()),
        (&by_pod, tcp("127.0.0.6:1"), accepted.clone()),
        (&by_pod, tcp("[::1]:1"), accepted.clone()),
        (&by_pod, tcp("10.9.8.7:1"), accepted.clone()),
        (&by_pod, tcp("[::ffff:10.9.8.7]:1"), accepted),
        (&by_pod, tcp("10.9.8.6:1"), not_trusted.clone()),
        (&by_pod, tcp("[::ffff:10.9.8.6]:1"), not_trusted.clone()),
        (&by_pod, certified(GATEWAY), not_trusted.clone()),
        (&by_pod, unix(0), not_trusted.clone()),
        (&by_loopback, tcp("[::ffff:192.0.2.7]:1"), not_trusted.clone()),
        (&by_loopback, unix(0), not_trusted),
    ] {
        assert_eq!(prove(proof, &peer, &[&header]), expected, "{peer:?}");
    }
}

#[test]
fn the_last_element_of_envoys_header_counts() {
    let proof = envoy(TrustedHop::Loopback);
    let peer = tcp("127.0.0.1:1");
    let admin = "URI=spiffe://prod.example/admin";
    assert_eq!(prove(&proof, &peer, &[&format!("{admin},URI={WORKLOAD}")]), Ok(WORKLOAD.to_owned()));
    assert_eq!(prove(&proof, &peer, &[admin, &format!("URI={WORKLOAD}")]), Ok(WORKLOAD.to_owned()));
    for (headers, expected) in [
        (vec![], Rejection::WorkloadMissing),
        (vec![""], Rejection::WorkloadMissing),
        (vec!["Hash=abc"], Rejection::MeshHeaderMalformed),
        (vec!["URI=spiffe://prod.example/a;URI=spiffe://prod.example/b"], Rejection::MeshHeaderMalformed),
        (vec!["nonsense"], Rejection::MeshHeaderMalformed),
        (vec!["URI=https://prod.example/a"], Rejection::WorkloadIdMalformed),
        (vec!["URI=spiffe://prod.example"], Rejection::WorkloadIdMalformed),
        (vec!["URI=spiffe://other.example/a"], Rejection::TrustDomainMismatch),
        (vec![LINKERD], Rejection::MeshHeaderMalformed),
    ] {
        assert_eq!(prove(&proof, &peer, &headers), Err(expected), "{headers:?}");
    }
}

#[test]
fn one_element_is_all_that_is_taken_where_the_listener_says_so() {
    let source = |elements| {
        let (header, hop) = (MeshHeader::XForwardedClientCert, TrustedHop::Pod);
        proof("prod.example", WorkloadSource::MeshHeader { header, hop, elements })
    };
    let (last, one) = (source(HeaderElements::Last), source(HeaderElements::One));
    let peer = tcp("10.9.8.7:1");
    let (genuine, forged) = (format!("By=a;URI={WORKLOAD}"), format!("URI={GATEWAY}"));
    assert_eq!(prove(&one, &peer, &[&genuine]), Ok(WORKLOAD.to_owned()));
    for headers in [vec![format!("{forged},{genuine}")], vec![forged.clone(), genuine], vec![forged, "By=a".to_owned()]]
    {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        assert_eq!(prove(&one, &peer, &headers), Err(Rejection::SeveralMeshElements), "{headers:?}");
        assert_ne!(prove(&last, &peer, &headers), Err(Rejection::SeveralMeshElements), "{headers:?}");
    }
    assert_eq!(prove(&one, &peer, &[]), Err(Rejection::WorkloadMissing));
    assert_eq!(prove(&one, &peer, &["URI=a,"]), Err(Rejection::MeshHeaderMalformed));
}

#[test]
fn hops_have_the_names_that_configurations_give_them() {
    for (hop, names, is_every_process) in [
        (TrustedHop::Loopback, vec!["loopback"], true),
        (TrustedHop::Pod, vec!["pod"], true),
        (TrustedHop::UnixUser(vec![0, 2_102]), vec!["uid:0", "uid:2102"], false),
        (TrustedHop::ClientCertificate(vec![id(GATEWAY)]), vec![GATEWAY], false),
    ] {
        assert_eq!(hop.names(), names);
        assert_eq!(hop.is_every_process_in_the_namespace(), is_every_process);
    }
}

#[test]
fn linkerds_header_is_one_identity() {
    let peer = tcp("127.0.0.1:1");
    assert_eq!(prove(&linkerd(), &peer, &[LINKERD]), Ok(LINKERD.to_owned()));
    let external = "spiffe://cluster.local/vm-1";
    assert_eq!(prove(&linkerd(), &peer, &[external]), Ok(external.to_owned()));
    let foreign = LINKERD.replace("cluster.local", "other.local");
    for (headers, expected) in [
        (vec![], Rejection::WorkloadMissing),
        (vec![LINKERD, LINKERD], Rejection::MeshHeaderMalformed),
        (vec![""], Rejection::WorkloadIdMalformed),
        (vec!["admin"], Rejection::WorkloadIdMalformed),
        (vec![foreign.as_str()], Rejection::TrustDomainMismatch),
        (vec!["spiffe://other.local/vm-1"], Rejection::TrustDomainMismatch),
    ] {
        assert_eq!(prove(&linkerd(), &peer, &headers), Err(expected), "{headers:?}");
    }
    assert_eq!(prove(&linkerd(), &tcp("192.0.2.7:1"), &[LINKERD]), Err(Rejection::HopNotTrusted));
    let bytes = linkerd().prove(&peer, [b"\xff".as_slice()], now());
    assert_eq!(bytes, Err(Rejection::WorkloadIdMalformed));
}
