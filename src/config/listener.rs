//! `[[listener]]`: where gRPC is served, and which proof of identity every call there must bring.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::tls::{self, TlsSettings};
use access_broker_base::document::{Located, Table};
use access_broker_identity::{
    AcceptedProof, HeaderElements, MeshHeader, SpiffeId, TrustDomain, TrustedHop, WorkloadProof, WorkloadSource,
};

/// Loopback, so that a broker without transport security is not reachable from elsewhere unless somebody decided so.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50_051);

/// What stands before the path of a Unix domain socket.
const UNIX_PREFIX: &str = "unix:";

/// One `[[listener]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSettings {
    /// Each listener has one of its own.
    pub address: ListenAddress,
    /// What every call must bring.
    pub proof: AcceptedProof,
    /// Its transport security; `None` for plaintext.
    pub tls: Option<TlsSettings>,
}

impl ListenerSettings {
    /// Whether every call must bring a token.
    #[must_use]
    pub(crate) const fn takes_tokens(&self) -> bool {
        !matches!(self.proof, AcceptedProof::Workload(_))
    }
}

/// A TCP address or a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// An IP address and a port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A Unix domain socket.
    Unix {
        /// Made at the start, removed at the end.
        path: PathBuf,
        /// Permission bits, such as `0o660`.
        mode: u32,
    },
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { path, .. } => write!(f, "{UNIX_PREFIX}{}", path.display()),
        }
    }
}

/// Reads every `[[listener]]`. Without one there is one all the same: plaintext, with tokens, at `server.grpc_addr`.
pub(super) fn read_all(
    root: &mut Table<'_>,
    folder: &Path,
    grpc_addr: Option<Located<SocketAddr>>,
) -> Vec<ListenerSettings> {
    let tables = root.tables("listener");
    if tables.is_empty() {
        let address = ListenAddress::Tcp(grpc_addr.map_or(DEFAULT_ADDRESS, |address| address.value));
        return vec![ListenerSettings { address, proof: AcceptedProof::Token, tls: None }];
    }
    if let Some(Located { location, .. }) = grpc_addr {
        root.report(
            "server.grpc_addr",
            &location,
            "must not be given beside [[listener]], which has an address of its own",
        );
    }
    let mut listeners: Vec<ListenerSettings> = Vec::new();
    for mut table in tables {
        let listener = read(&mut table, folder);
        if let Some(listener) = listener {
            // Port 0 is another port for each.
            let is_any_port = matches!(listener.address, ListenAddress::Tcp(address) if address.port() == 0);
            if !is_any_port && listeners.iter().any(|other| other.address == listener.address) {
                table.report("address", &table.location_of("address"), "is the address of another listener already");
            }
            listeners.push(listener);
        }
        table.finish();
    }
    listeners
}

fn read(table: &mut Table<'_>, folder: &Path) -> Option<ListenerSettings> {
    let address = read_address(table, folder);
    let tls = tls::read(table, folder);
    if let (Some(ListenAddress::Unix { .. }), Some(_)) = (&address, &tls) {
        let location = table.location_of("tls_certificate_file");
        table.report("tls_certificate_file", &location, "must not be given for a Unix domain socket");
    }
    let proof = read_proof(table, address.as_ref(), tls.as_ref());
    Some(ListenerSettings { address: address?, proof: proof?, tls })
}

fn read_address(table: &mut Table<'_>, folder: &Path) -> Option<ListenAddress> {
    let mode = read_mode(table);
    let Located { value, location } = table.required_string("address")?;
    if let Some(path) = value.strip_prefix(UNIX_PREFIX).filter(|path| !path.is_empty()) {
        return Some(ListenAddress::Unix { path: folder.join(path), mode: mode.map_or(0o660, |mode| mode.value) });
    }
    if let Some(Located { location, .. }) = mode {
        table.report("unix_mode", &location, "belongs to a Unix domain socket");
    }
    let parsed = value.parse().ok().map(ListenAddress::Tcp);
    if parsed.is_none() {
        let rule =
            "must be an IP address and a port, such as \"0.0.0.0:50051\", or a path, such as \"unix:/run/broker.sock\"";
        table.report("address", &location, rule);
    }
    parsed
}

fn read_mode(table: &mut Table<'_>) -> Option<Located<u32>> {
    let Located { value, location } = table.string("unix_mode")?;
    match u32::from_str_radix(&value, 8) {
        Ok(mode) if value.len() <= 4 && mode <= 0o777 => Some(Located { value: mode, location }),
        _ => {
            table.report("unix_mode", &location, "must be permissions in octal, such as \"0660\"");
            None
        }
    }
}

/// What `proof` may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Token,
    Workload { with_token: bool, by_header: bool },
}

fn read_proof(
    table: &mut Table<'_>,
    address: Option<&ListenAddress>,
    tls: Option<&TlsSettings>,
) -> Option<AcceptedProof> {
    let workload = |with_token, by_header| Proof::Workload { with_token, by_header };
    let proofs = [
        ("token", Proof::Token),
        ("mtls", workload(false, false)),
        ("mesh-header", workload(false, true)),
        ("token+mtls", workload(true, false)),
        ("token+mesh-header", workload(true, true)),
    ];
    let is_given = table.holds("proof");
    let proof = table.one_of("proof", &proofs);
    if !is_given {
        table.report("proof", &table.location_of("proof"), "is required: which proof of identity calls must bring");
    }
    let trust_domain = read_trust_domain(table);
    let header = read_header(table);
    let elements = read_elements(table, header);
    let hop = read_hop(table, address, tls);
    let (with_token, by_header) = match proof? {
        Proof::Token => {
            for key in ["trust_domain", "mesh_header", "mesh_header_elements", "trusted_hop"] {
                forbid(table, key, "belongs to a proof by workload");
            }
            return Some(AcceptedProof::Token);
        }
        Proof::Workload { with_token, by_header } => (with_token, by_header),
    };
    require(table, "trust_domain", "is required: the trust domain that workloads must be of");
    let source = if by_header {
        require(table, "mesh_header", "is required: the header in which the mesh names its client");
        require(table, "trusted_hop", "is required: from whom the header is believed");
        header.zip(hop).zip(elements).map(|((header, hop), elements)| WorkloadSource::MeshHeader {
            header,
            hop,
            elements,
        })
    } else {
        forbid(table, "mesh_header", "belongs to a proof by mesh header");
        forbid(table, "mesh_header_elements", "belongs to a proof by mesh header");
        forbid(table, "trusted_hop", "belongs to a proof by mesh header");
        if tls.is_none_or(|tls| tls.client_ca_file.is_none()) {
            table.report("proof", &table.location_of("proof"), "by mTLS needs tls_client_ca_file");
        }
        Some(WorkloadSource::ClientCertificate)
    };
    let workload = WorkloadProof { trust_domain: trust_domain?, source: source? };
    Some(if with_token { AcceptedProof::TokenAndWorkload(workload) } else { AcceptedProof::Workload(workload) })
}

fn read_trust_domain(table: &mut Table<'_>) -> Option<TrustDomain> {
    let Located { value, location } = table.string("trust_domain")?;
    TrustDomain::parse(&value).map_err(|error| table.report("trust_domain", &location, error)).ok()
}

fn read_header(table: &mut Table<'_>) -> Option<MeshHeader> {
    table.one_of("mesh_header", &MeshHeader::ALL.map(|header| (header.name(), header)))
}

fn read_elements(table: &mut Table<'_>, header: Option<MeshHeader>) -> Option<HeaderElements> {
    if !table.holds("mesh_header_elements") {
        return Some(HeaderElements::default());
    }
    let elements =
        table.one_of("mesh_header_elements", &[("last", HeaderElements::Last), ("one", HeaderElements::One)]);
    // Only this header is a list.
    if header.is_some_and(|header| header != MeshHeader::XForwardedClientCert) {
        forbid(table, "mesh_header_elements", "belongs to mesh_header = \"x-forwarded-client-cert\"");
    }
    elements
}

/// Reads `trusted_hop`: `"loopback"`, or `"pod"`, or user ids of a Unix domain socket's peers, or SPIFFE ids of client
/// certificates.
fn read_hop(table: &mut Table<'_>, address: Option<&ListenAddress>, tls: Option<&TlsSettings>) -> Option<TrustedHop> {
    let names = table.strings("trusted_hop")?;
    let (mut by_address, mut users, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for Located { value, location } in &names {
        if value == TrustedHop::LOOPBACK {
            by_address.push(TrustedHop::Loopback);
        } else if value == TrustedHop::POD {
            by_address.push(TrustedHop::Pod);
        } else if let Some(user) = value.strip_prefix(TrustedHop::USER_PREFIX).and_then(|user| user.parse().ok()) {
            users.push(user);
        } else if let Ok(id) = SpiffeId::parse(value) {
            ids.push(id);
        } else {
            let rule =
                format!("holds {value:?}, which is neither \"pod\", \"loopback\", \"uid:NUMBER\" nor a SPIFFE id");
            table.report("trusted_hop", location, rule);
        }
    }
    let location = table.location_of("trusted_hop");
    let is_unix = matches!(address, Some(ListenAddress::Unix { .. }));
    let (hop, rule) = match (by_address.as_slice(), users.is_empty(), ids.is_empty()) {
        ([hop], true, true) => (hop.clone(), is_unix.then_some("must be \"uid:NUMBER\" on a Unix domain socket")),
        ([], false, true) => {
            (TrustedHop::UnixUser(users), (!is_unix).then_some("may name users on a Unix domain socket only"))
        }
        ([], true, false) => {
            let has_certificates = tls.is_some_and(|tls| tls.client_ca_file.is_some());
            let rule = (!has_certificates).then_some("by SPIFFE id needs tls_client_ca_file");
            (TrustedHop::ClientCertificate(ids), rule)
        }
        _ => (TrustedHop::Loopback, Some("must be \"pod\" or \"loopback\" alone, or user ids, or SPIFFE ids")),
    };
    match rule {
        None => Some(hop),
        Some(rule) => {
            table.report("trusted_hop", &location, rule);
            None
        }
    }
}

fn require(table: &Table<'_>, key: &str, rule: &str) {
    if !table.holds(key) {
        table.report(key, table.location(), rule);
    }
}

fn forbid(table: &Table<'_>, key: &str, rule: &str) {
    if table.holds(key) {
        table.report(key, &table.location_of(key), rule);
    }
}
