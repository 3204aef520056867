//! Addresses without TLS that other machines can reach.

use std::net::IpAddr;

use crate::config::{Config, ListenAddress, ListenerSettings};
use access_broker_base::document::{Location, Table, WarningCode};
use access_broker_identity::AcceptedProof;

pub(super) fn find(root: &mut Table<'_>, config: &Config) {
    let tables = root.tables("listener");
    if tables.is_empty() {
        let server = root.table("server");
        for listener in config.listeners.iter().filter(|listener| is_exposed(listener)) {
            warn(&server, "grpc_addr", &server.location_of("grpc_addr"), &listener.address);
        }
    }
    for (table, listener) in tables.iter().zip(&config.listeners) {
        if is_exposed(listener) {
            warn(table, "address", &table.location_of("address"), &listener.address);
        }
    }
    let admin = config.server.admin_addr;
    if is_public(admin.ip()) {
        let server = root.table("server");
        let message = format!(
            "is {admin}, a public address, and the admin port has no TLS and requires no proof; use a loopback address \
             or one of the internal network"
        );
        server.warn(WarningCode::PublicAdminAddress, "admin_addr", &server.location_of("admin_addr"), message);
    }
}

fn warn(table: &Table<'_>, key: &str, location: &Location, address: &ListenAddress) {
    let message = format!(
        "is {address}, which other machines can reach, without TLS: the network can read tokens and URLs; set \
         tls_certificate_file and tls_private_key_file of the [[listener]], or listen on loopback or on a Unix domain \
         socket behind a proxy or mesh that terminates TLS"
    );
    table.warn(WarningCode::PlaintextListener, key, location, message);
}

/// Whether tokens arrive in plaintext from other machines. A listener with a mesh header has a trusted hop before it, and
/// one for client certificates has TLS.
fn is_exposed(ListenerSettings { address, proof, tls, .. }: &ListenerSettings) -> bool {
    let is_reachable = matches!(address, ListenAddress::Tcp(address) if !address.ip().to_canonical().is_loopback());
    is_reachable && tls.is_none() && matches!(proof, AcceptedProof::Token)
}

/// Whether it is one address of the public network. `0.0.0.0` may be the address of a pod.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1]);
            !(ip.is_loopback() || ip.is_unspecified() || ip.is_private() || ip.is_link_local() || shared)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local())
        }
    }
}
