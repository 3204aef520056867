//! `trusted_hop = "pod"`, in a network namespace like that of a pod, over the ways that the packets of a mesh take.

mod pod;

pub(crate) use self::pod::is_relay;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

use access_broker_identity::ISTIO_IPV6_SOURCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;

use self::pod::{NEIGHBOUR, NEIGHBOUR_V6, Neighbour, POD, POD_V6};
use crate::envoy::proxy::{APPEND_FORWARD, Envoy, OPAQUE, SANITIZE_SET};
use crate::registry::{Registry, register};
use crate::support::events::HOP_NOT_TRUSTED;
use crate::support::pki::{Issued, tls_channel};
use crate::support::raw::PREFACE;
use crate::support::workloads::setup::{
    self, FOREIGNER, INDEXER, LINKERD_THUMBNAILER, THUMBNAILER, builder, start_with,
};
use crate::support::{Broker, Part};
use crate::support::{Client, PATIENCE, SHARED_REQUEST_ID, run, tcp_channel};

const XFCC: &str = "x-forwarded-client-cert";
const L5D: &str = "l5d-client-id";

pub(crate) fn register(registry: &mut Registry<'_>) {
    register!(
        registry,
        [OwnNetwork],
        the_pods_own_address_is_the_hop_and_a_neighbours_is_not,
        addresses_are_compared_in_ipv6_and_mapped_into_it,
        istios_address_in_ipv6_is_the_hop_where_loopback_has_it,
        all_of_a_mesh_may_come_from_the_pods_own_address
    );
    register!(
        registry,
        [OwnNetwork, Envoy],
        the_envoy_of_the_document_names_its_clients,
        an_envoy_at_the_pods_own_address_names_its_clients,
        a_proxy_that_forwards_bytes_lets_its_clients_name_any_workload
    );
}

/// A listener of every address, at a free port.
fn listener(address: &str, proof: &str, header: &str, more: &str) -> Part {
    setup::listener(proof, more).set("address", address).set("trust_domain", "prod.example").set("mesh_header", header)
}

fn trusting_pod(header: &str) -> Part {
    listener("0.0.0.0:0", "mesh-header", header, "trusted_hop = \"pod\"")
}

/// A listener's port at an address of the pod.
fn at(broker: &Broker, ip: impl Into<IpAddr>, index: usize) -> SocketAddr {
    (ip.into(), broker.address_of(index).port()).into()
}

/// How a call over a new plaintext connection ends.
async fn outcome(broker: &Broker, address: SocketAddr, metadata: &[(&'static str, &str)]) -> String {
    let client = Client::over(tcp_channel(address).await, &[metadata, &[SHARED_REQUEST_ID]].concat());
    broker.call(&client, "thumbnails/x").await.outcome()
}

async fn the_pods_own_address_is_the_hop_and_a_neighbours_is_not() {
    let neighbour = Neighbour::start();
    let by_loopback = listener("0.0.0.0:0", "mesh-header", L5D, "trusted_hop = \"loopback\"");
    let broker = start_with([trusting_pod(L5D), by_loopback]).await;
    let named: &[(&'static str, &str)] = &[(L5D, LINKERD_THUMBNAILER)];

    // As Linkerd's proxy does, and what `loopback` refuses.
    assert_eq!(outcome(&broker, at(&broker, POD, 0), named).await, "OK");
    assert_eq!(outcome(&broker, at(&broker, POD, 1), named).await, "UNAUTHENTICATED hop_not_trusted");
    // As Istio's does where it is told to.
    for index in [0, 1] {
        assert_eq!(outcome(&broker, at(&broker, Ipv4Addr::LOCALHOST, index), named).await, "OK");
    }

    for index in [0, 1] {
        let relay = neighbour.relay(NEIGHBOUR.into(), at(&broker, POD, index));
        assert_eq!(outcome(&broker, relay.address, named).await, "UNAUTHENTICATED hop_not_trusted");
        let line = broker.log.of(&HOP_NOT_TRUSTED).pop().unwrap();
        let own_ip = line["own_ip"].as_str().unwrap();
        assert_eq!((line["peer_ip"].as_str().unwrap(), own_ip), ("198.51.100.2", "198.51.100.1"), "{line}");
    }
    broker.finish().await;
}

async fn addresses_are_compared_in_ipv6_and_mapped_into_it() {
    let neighbour = Neighbour::start();
    let broker = start_with([listener("[::]:0", "mesh-header", L5D, "trusted_hop = [\"pod\"]")]).await;
    let named: &[(&'static str, &str)] = &[(L5D, LINKERD_THUMBNAILER)];
    // IPv4 addresses come as ::ffff:198.51.100.1 here.
    for own in [IpAddr::from(POD), POD_V6.into(), Ipv4Addr::LOCALHOST.into()] {
        assert_eq!(outcome(&broker, at(&broker, own, 0), named).await, "OK", "{own}");
    }
    for (theirs, own) in [(IpAddr::from(NEIGHBOUR), IpAddr::from(POD)), (NEIGHBOUR_V6.into(), POD_V6.into())] {
        let relay = neighbour.relay(theirs, at(&broker, own, 0));
        assert_eq!(outcome(&broker, relay.address, named).await, "UNAUTHENTICATED hop_not_trusted", "{theirs}");
    }
    broker.finish().await;
}

async fn istios_address_in_ipv6_is_the_hop_where_loopback_has_it() {
    let neighbour = Neighbour::start();
    let named: &[(&'static str, &str)] = &[(L5D, LINKERD_THUMBNAILER)];
    let source = IpAddr::from(ISTIO_IPV6_SOURCE);
    let start = async || start_with([listener("[::]:0", "mesh-header", L5D, "trusted_hop = \"pod\"")]).await;
    // A neighbour with that address, before the pod has it.
    let broker = start().await;
    neighbour.take_address(source);
    let relay = neighbour.relay(source, at(&broker, POD_V6, 0));
    assert_eq!(outcome(&broker, relay.address, named).await, "UNAUTHENTICATED hop_not_trusted");
    neighbour.give_address_back(source);
    // As Istio's set-up does.
    run(Command::new("ip").args(["-6", "address", "add", &format!("{source}/128"), "dev", "lo"]));
    let broker = start().await;
    let sidecar = pod::relay_from(source, at(&broker, POD_V6, 0)).await;
    assert_eq!(outcome(&broker, sidecar, named).await, "OK");
    let relay = neighbour.relay(NEIGHBOUR_V6.into(), at(&broker, POD_V6, 0));
    assert_eq!(outcome(&broker, relay.address, named).await, "UNAUTHENTICATED hop_not_trusted");
    broker.finish().await;
}

/// Whether the server closes a new connection at once. Otherwise it answers the preface.
async fn is_closed(address: SocketAddr) -> (TcpStream, bool) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _closed_meanwhile = stream.write_all(PREFACE).await;
    let read = time::timeout(PATIENCE, stream.read(&mut [0; 9])).await.unwrap();
    (stream, !matches!(read, Ok(1..)))
}

async fn all_of_a_mesh_may_come_from_the_pods_own_address() {
    const LIMIT: usize = 2;
    let neighbour = Neighbour::start();
    let limits = format!("max_connections_per_address = {LIMIT}");
    let tokens = setup::listener("token", "").set("address", "0.0.0.0:0");
    let broker = builder([trusting_pod(L5D), tokens]).limits(&limits).start().await;
    let relay = neighbour.relay(NEIGHBOUR.into(), at(&broker, POD, 0));
    // Through the proxy of the pod; past it; and at a listener that trusts no address.
    for (address, is_limited) in [(at(&broker, POD, 0), false), (relay.address, true), (at(&broker, POD, 1), true)] {
        let mut held = Vec::new();
        for place in 0..2 * LIMIT {
            let (stream, closed) = is_closed(address).await;
            assert_eq!(closed, is_limited && place >= LIMIT, "{address} {place}");
            held.push(stream);
        }
    }
    broker.finish().await;
}

/// A broker that trusts its pod, and an Envoy at the pod's own address that connects to that address.
async fn with_envoy(listener: Part) -> (Broker, Envoy) {
    let broker = start_with([listener]).await;
    let envoy = Envoy::start_at(POD.into(), &broker.setup, at(&broker, POD, 0)).await;
    (broker, envoy)
}

async fn through(
    broker: &Broker,
    address: SocketAddr,
    identity: &Issued,
    metadata: &[(&'static str, &str)],
) -> (String, Option<String>) {
    let channel = tls_channel(address, &broker.setup.authority, Some(identity)).await;
    let client = Client::over(channel, &[metadata, &[SHARED_REQUEST_ID]].concat());
    let called = broker.call(&client, "thumbnails/x").await;
    (called.outcome(), called.caller().1.map(str::to_owned))
}

async fn an_envoy_at_the_pods_own_address_names_its_clients() {
    let neighbour = Neighbour::start();
    let one = listener("0.0.0.0:0", "mesh-header", XFCC, "mesh_header_elements = \"one\"\ntrusted_hop = \"pod\"");
    let (broker, envoy) = with_envoy(one).await;
    let authority = &broker.setup.authority;
    let (thumbnailer, indexer) = (authority.workload(THUMBNAILER), authority.workload(INDEXER));
    let forged = format!("URI={THUMBNAILER}");
    let forgery: &[(&'static str, &str)] = &[(XFCC, &forged)];
    for mode in [SANITIZE_SET, APPEND_FORWARD] {
        let relay = neighbour.relay(NEIGHBOUR.into(), envoy.address(mode));
        for address in [envoy.address(mode), relay.address] {
            let granted = through(&broker, address, &thumbnailer, &[]).await;
            assert_eq!(granted, ("OK".to_owned(), Some(THUMBNAILER.to_owned())), "{mode}");
            let refused = through(&broker, address, &indexer, &[]).await;
            assert_eq!(refused, ("PERMISSION_DENIED not_granted".to_owned(), Some(INDEXER.to_owned())), "{mode}");
            let forging = through(&broker, address, &indexer, forgery).await;
            let expected = match mode {
                SANITIZE_SET => refused,
                _ => ("UNAUTHENTICATED several_mesh_elements".to_owned(), None),
            };
            assert_eq!(forging, expected, "{mode}");
        }
    }
    // Past Envoy, the neighbour's word does not count.
    let past = neighbour.relay(NEIGHBOUR.into(), at(&broker, POD, 0));
    assert_eq!(outcome(&broker, past.address, forgery).await, "UNAUTHENTICATED hop_not_trusted");
    broker.finish().await;
}

/// Nothing but files, ports and the place of the broker is changed.
async fn the_envoy_of_the_document_names_its_clients() {
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/MESH.md")).unwrap();
    let (_, section) = document.split_once("\n## Envoy\n").unwrap();
    let block = |language: &str| {
        let (_, rest) = section.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("\n```").unwrap().0.to_owned()
    };
    let _network = Neighbour::start();
    let (_, listener) = block("toml").split_once("[[listener]]").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(listener.contains("\naddress = \"127.0.0.1:50051\"\n"), "{listener}");
    let broker = start_with([Part::default().with(&listener.replace(":50051", ":0"))]).await;
    let mut bootstrap = block("yaml");
    let file = |name: &str| broker.setup.path(name).to_str().unwrap().to_owned();
    for (shown, used) in [
        ("port_value: 8443", "port_value: 0"),
        ("port_value: 50051", &format!("port_value: {}", broker.address_of(0).port())),
        ("/run/spiffe/svid.pem", &file("tls.crt")),
        ("/run/spiffe/svid_key.pem", &file("tls.key")),
        ("/run/spiffe/svid_bundle.pem", &file("ca.crt")),
    ] {
        assert_eq!(bootstrap.matches(shown).count(), 1, "{shown}");
        bootstrap = bootstrap.replace(shown, used);
    }
    let envoy = Envoy::start_from(&format!("{bootstrap}\n"), 1).await;
    let at_pod = SocketAddr::from((POD, envoy.address("grpc").port()));
    let authority = &broker.setup.authority;
    let forged = format!("URI={THUMBNAILER}");
    for (id, expected) in [(THUMBNAILER, "OK"), (INDEXER, "PERMISSION_DENIED not_granted")] {
        let (outcome, workload) = through(&broker, at_pod, &authority.workload(id), &[(XFCC, &forged)]).await;
        assert_eq!((outcome.as_str(), workload.as_deref()), (expected, Some(id)));
    }
    // A certificate of the authority with a name of another domain does not get past Envoy. By TLS 1.3 the client
    // learns of that after its own handshake.
    let foreigner = authority.workload(FOREIGNER);
    let refused = async {
        let channel = tls_channel(at_pod, authority, Some(&foreigner)).await;
        Client::over(channel, &[]).download("media", "thumbnails/x").await
    };
    assert!(refused.await.is_err());
    assert_eq!(broker.log.calls().len(), 2, "the foreigner did not reach the broker");
    broker.finish().await;
}

/// Not a promise but its limit: a hop that reads no headers cannot have written one. The documents say which settings
/// of a mesh prevent this.
async fn a_proxy_that_forwards_bytes_lets_its_clients_name_any_workload() {
    let _network = Neighbour::start();
    for (header, forged) in [(XFCC, format!("URI={THUMBNAILER}")), (L5D, LINKERD_THUMBNAILER.to_owned())] {
        let (broker, envoy) = with_envoy(trusting_pod(header)).await;
        let indexer = broker.setup.authority.workload(INDEXER);
        let (outcome, workload) = through(&broker, envoy.address(OPAQUE), &indexer, &[(header, &forged)]).await;
        assert_eq!((outcome.as_str(), workload.is_some()), ("OK", true), "{header}");
        let (outcome, _) = through(&broker, envoy.address(OPAQUE), &indexer, &[]).await;
        assert_eq!(outcome, "UNAUTHENTICATED workload_missing", "{header}");
        broker.finish().await;
    }

    // A token that names its workload makes a forged name useless.
    let both = listener("0.0.0.0:0", "token+mesh-header", XFCC, "trusted_hop = \"pod\"");
    let (broker, envoy) = with_envoy(both).await;
    let indexer = broker.setup.authority.workload(INDEXER);
    let svid = format!("Bearer {}", broker.setup.token_key.of_workload(INDEXER));
    let forged = format!("URI={THUMBNAILER}");
    let metadata = [("authorization", svid.as_str()), (XFCC, &forged)];
    let (outcome, _) = through(&broker, envoy.address(OPAQUE), &indexer, &metadata).await;
    assert_eq!(outcome, "UNAUTHENTICATED workload_mismatch");
    broker.finish().await;
}
