//! `[[listener]]`: where calls are served, and which proof of identity every call must have.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::tls::{self, TlsSettings};
use crate::calls::Protocols;
use access_broker_base::document::{Located, Table};
use access_broker_identity::{
    AcceptedProof, HeaderElements, MeshHeader, SpiffeId, TrustDomain, TrustedHop, WorkloadProof, WorkloadSource,
};

/// Loopback: without transport security, other machines reach the broker only if the configuration says so.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50_051);

/// The prefix of the path of a Unix domain socket.
const UNIX_PREFIX: &str = "unix:";

/// Read and write for the owner and the group.
const DEFAULT_MODE: u32 = 0o660;

/// One `[[listener]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSettings {
    /// Unique, except for port 0.
    pub address: ListenAddress,
    /// What every call must have.
    pub proof: AcceptedProof,
    /// Its transport security; `None` for plaintext.
    pub tls: Option<TlsSettings>,
    /// What its clients may speak.
    pub protocols: Protocols,
}

impl ListenerSettings {
    /// Whether every call must have a token.
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
        /// Created at start, removed at stop.
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

/// Reads every `[[listener]]`. The default is one: plaintext, with tokens, at `server.grpc_addr`.
pub(super) fn read_all(
    root: &mut Table<'_>,
    directory: &Path,
    grpc_addr: Option<Located<SocketAddr>>,
) -> Vec<ListenerSettings> {
    let tables = root.tables("listener");
    if tables.is_empty() {
        let address = ListenAddress::Tcp(grpc_addr.map_or(DEFAULT_ADDRESS, |address| address.value));
        return vec![ListenerSettings { address, proof: AcceptedProof::Token, tls: None, protocols: Protocols::ALL }];
    }
    if let Some(Located { location, .. }) = grpc_addr {
        root.report(
            "server.grpc_addr",
            &location,
            "cannot be combined with [[listener]]: each listener has its own address",
        );
    }
    let mut listeners: Vec<ListenerSettings> = Vec::new();
    for mut table in tables {
        let listener = read(&mut table, directory);
        if let Some(listener) = listener {
            // Port 0 is another port for each.
            let is_any_port = matches!(listener.address, ListenAddress::Tcp(address) if address.port() == 0);
            if !is_any_port && listeners.iter().any(|other| other.address == listener.address) {
                table.report("address", &table.location_of("address"), "repeats the address of another listener");
            }
            listeners.push(listener);
        }
        table.finish();
    }
    listeners
}

fn read(table: &mut Table<'_>, directory: &Path) -> Option<ListenerSettings> {
    table.describe(
        "Where calls are served, and which proof of identity every call must have.",
        "one listener at `server.grpc_addr`, without TLS, with tokens as proof",
    );
    let address = read_address(table, directory);
    let proof = read_proof(table);
    let protocols = read_protocols(table);
    let tls = tls::read(table, directory);
    if let (Some(ListenAddress::Unix { .. }), Some(_)) = (&address, &tls) {
        let location = table.location_of("tls_certificate_file");
        table.report("tls_certificate_file", &location, "cannot be combined with a Unix domain socket");
    }
    let proof = proof.accepted(table, address.as_ref(), tls.as_ref());
    let proof = proof?;
    let protocols = protocols.unwrap_or(default_protocols(&proof));
    Some(ListenerSettings { address: address?, proof, tls, protocols })
}

/// The protocols unless a listener says otherwise. Where no token is required, a browser may prove its user's
/// identity to every page's requests, so HTTP must be asked for.
const fn default_protocols(proof: &AcceptedProof) -> Protocols {
    match proof {
        AcceptedProof::Token => Protocols::ALL,
        AcceptedProof::Workload(_) | AcceptedProof::TokenAndWorkload(_) => Protocols::GRPC,
    }
}

/// A value of `protocols`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProtocolName {
    Grpc,
    Http,
}

fn read_protocols(table: &mut Table<'_>) -> Option<Protocols> {
    let names = table
        .setting("protocols", "What clients may speak: gRPC, or JSON over HTTP/1.1 and HTTP/2. See [HTTP](HTTP.md).")
        .list("string")
        .limits("`grpc`, `http`, or both")
        .absent("both with `proof = \"token\"`, else `[\"grpc\"]`")
        .each(|text| match text {
            "grpc" => Ok(ProtocolName::Grpc),
            "http" => Ok(ProtocolName::Http),
            other => Err(format!("has {other:?}; must be \"grpc\" or \"http\"")),
        })?;
    if names.is_empty() && table.peek_strings("protocols").is_empty() {
        table.report("protocols", &table.location_of("protocols"), "must have \"grpc\", \"http\" or both");
    }
    let names: Vec<_> = names.into_iter().map(|name| name.value).collect();
    let protocols = Protocols { grpc: names.contains(&ProtocolName::Grpc), http: names.contains(&ProtocolName::Http) };
    if names.len() != usize::from(protocols.grpc) + usize::from(protocols.http) {
        table.report("protocols", &table.location_of("protocols"), "repeats a protocol");
    }
    Some(protocols)
}

fn read_address(table: &mut Table<'_>, directory: &Path) -> Option<ListenAddress> {
    let address = table
        .setting("address", "Where the listener listens. Port 0 takes a free port.")
        .parsed("address", |text| parse_address(text, directory))
        .limits("`IP:PORT` or `unix:PATH`; unique")
        .required();
    let mode = table
        .setting("unix_mode", "The permissions of the socket's file.")
        .parsed("string", parse_mode)
        .limits("octal, such as `0660`; Unix domain sockets only")
        .absent("0660")
        .optional();
    let mut address = address?.value;
    match (&mut address, mode) {
        (ListenAddress::Unix { mode, .. }, Some(given)) => *mode = given.value,
        (ListenAddress::Tcp(_), Some(Located { location, .. })) => {
            table.report("unix_mode", &location, "applies only to a Unix domain socket");
        }
        (_, None) => {}
    }
    Some(address)
}

fn parse_address(text: &str, directory: &Path) -> Result<ListenAddress, &'static str> {
    if let Some(path) = text.strip_prefix(UNIX_PREFIX).filter(|path| !path.is_empty()) {
        return Ok(ListenAddress::Unix { path: directory.join(path), mode: DEFAULT_MODE });
    }
    text.parse().map(ListenAddress::Tcp).map_err(
        |_| "must be an IP address and a port, such as \"0.0.0.0:50051\", or a path, such as \"unix:/run/broker.sock\"",
    )
}

fn parse_mode(text: &str) -> Result<u32, &'static str> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| text.len() <= 4 && *mode <= 0o777);
    mode.ok_or("must be permissions in octal, such as \"0660\"")
}

/// A value of `proof`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProofKind {
    Token,
    Workload { with_token: bool, by_header: bool },
}

/// The settings of a proof, before the rules that connect them.
struct Proof {
    kind: Option<ProofKind>,
    trust_domain: Option<TrustDomain>,
    header: Option<MeshHeader>,
    elements: HeaderElements,
    hops: Option<Vec<Hop>>,
}

/// An entry of `trusted_hop`.
enum Hop {
    /// `loopback` or `pod`.
    ByAddress(TrustedHop),
    User(u32),
    Workload(SpiffeId),
}

fn read_proof(table: &mut Table<'_>) -> Proof {
    let workload = |with_token, by_header| ProofKind::Workload { with_token, by_header };
    let kind = table
        .setting("proof", "What proves the identity of a call. With `+`, both are required. See [proofs](#proofs).")
        .choice(&[
            ("token", ProofKind::Token),
            ("mtls", workload(false, false)),
            ("mesh-header", workload(false, true)),
            ("token+mtls", workload(true, false)),
            ("token+mesh-header", workload(true, true)),
        ])
        .required_because("is required: token, mtls, mesh-header, token+mtls or token+mesh-header");
    let trust_domain = table
        .setting("trust_domain", "The trust domain of accepted workloads, such as `prod.example` or `cluster.local`.")
        .parsed("trust domain", TrustDomain::parse)
        .limits("required with any proof but `token`")
        .optional();
    let header = table
        .setting("mesh_header", "The header in which the mesh names its client. See [mesh headers](#mesh-headers).")
        .choice(&MeshHeader::ALL.map(|header| (header.name(), header)))
        .limits("required with a proof by mesh header")
        .optional();
    let elements = table
        .setting(
            "mesh_header_elements",
            "`last`: of several elements of the header, the last one counts. `one`: a header with several is rejected.",
        )
        .choice(&[("last", HeaderElements::Last), ("one", HeaderElements::One)])
        .limits("only with `x-forwarded-client-cert`")
        .or(HeaderElements::default());
    let hops = table
        .setting("trusted_hop", "The peers whose mesh header is trusted. See [trusted hops](#trusted-hops).")
        .list("string")
        .limits("`pod`, or `loopback`, or `uid:NUMBER`, or SPIFFE ids; required with a proof by mesh header")
        .each(parse_hop);
    Proof {
        kind: kind.map(|kind| kind.value),
        trust_domain: trust_domain.map(|domain| domain.value),
        header: header.map(|header| header.value),
        elements,
        hops: hops.map(|hops| hops.into_iter().map(|hop| hop.value).collect()),
    }
}

fn parse_hop(text: &str) -> Result<Hop, String> {
    if text == TrustedHop::LOOPBACK {
        Ok(Hop::ByAddress(TrustedHop::Loopback))
    } else if text == TrustedHop::POD {
        Ok(Hop::ByAddress(TrustedHop::Pod))
    } else if let Some(user) = text.strip_prefix(TrustedHop::USER_PREFIX).and_then(|user| user.parse().ok()) {
        Ok(Hop::User(user))
    } else if let Ok(id) = SpiffeId::parse(text) {
        Ok(Hop::Workload(id))
    } else {
        Err(format!("has {text:?}; must be \"pod\", \"loopback\", \"uid:NUMBER\" or a SPIFFE id"))
    }
}

impl Proof {
    /// The proof, if the settings fit together.
    fn accepted(
        self,
        table: &Table<'_>,
        address: Option<&ListenAddress>,
        tls: Option<&TlsSettings>,
    ) -> Option<AcceptedProof> {
        let Self { kind, trust_domain, header, elements, hops } = self;
        // Only this header is a list.
        if header.is_some_and(|header| header != MeshHeader::XForwardedClientCert) {
            let rule = "applies only when mesh_header = \"x-forwarded-client-cert\"";
            forbid(table, "mesh_header_elements", rule);
        }
        let hop = hops.and_then(|hops| trusted_hop(hops, table, address, tls));
        let (with_token, by_header) = match kind? {
            ProofKind::Token => {
                for key in ["trust_domain", "mesh_header", "mesh_header_elements", "trusted_hop"] {
                    forbid(table, key, "applies only when proof includes mtls or mesh-header");
                }
                return Some(AcceptedProof::Token);
            }
            ProofKind::Workload { with_token, by_header } => (with_token, by_header),
        };
        require(table, "trust_domain", "is required unless proof = \"token\"");
        let source = if by_header {
            require(table, "mesh_header", "is required when proof includes mesh-header");
            require(table, "trusted_hop", "is required when proof includes mesh-header");
            header.zip(hop).map(|(header, hop)| WorkloadSource::MeshHeader { header, hop, elements })
        } else {
            for key in ["mesh_header", "mesh_header_elements", "trusted_hop"] {
                forbid(table, key, "applies only when proof includes mesh-header");
            }
            if tls.is_none_or(|tls| tls.client_ca_file.is_none()) {
                table.report("proof", &table.location_of("proof"), "with mTLS requires tls_client_ca_file to be set");
            }
            Some(WorkloadSource::ClientCertificate)
        };
        let workload = WorkloadProof { trust_domain: trust_domain?, source: source? };
        Some(if with_token { AcceptedProof::TokenAndWorkload(workload) } else { AcceptedProof::Workload(workload) })
    }
}

/// All entries must be of one kind, which must fit the listener.
fn trusted_hop(
    hops: Vec<Hop>,
    table: &Table<'_>,
    address: Option<&ListenAddress>,
    tls: Option<&TlsSettings>,
) -> Option<TrustedHop> {
    let (mut by_address, mut users, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for hop in hops {
        match hop {
            Hop::ByAddress(hop) => by_address.push(hop),
            Hop::User(user) => users.push(user),
            Hop::Workload(id) => ids.push(id),
        }
    }
    let is_unix = matches!(address, Some(ListenAddress::Unix { .. }));
    let (hop, rule) = match (by_address.as_slice(), users.is_empty(), ids.is_empty()) {
        ([hop], true, true) => (hop.clone(), is_unix.then_some("must be \"uid:NUMBER\" on a Unix domain socket")),
        ([], false, true) => {
            (TrustedHop::UnixUser(users), (!is_unix).then_some("can have user ids only on a Unix domain socket"))
        }
        ([], true, false) => {
            let has_certificates = tls.is_some_and(|tls| tls.client_ca_file.is_some());
            let rule = (!has_certificates).then_some("with a SPIFFE id requires tls_client_ca_file to be set");
            (TrustedHop::ClientCertificate(ids), rule)
        }
        _ => (TrustedHop::Loopback, Some("must be \"pod\" or \"loopback\" alone, or user ids, or SPIFFE ids")),
    };
    match rule {
        None => Some(hop),
        Some(rule) => {
            table.report("trusted_hop", &table.location_of("trusted_hop"), rule);
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
